package index_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// naive is an index in its simplest form.
type naive struct {
	events []index.Event // the one at position p is events[p-1]
}

func (n *naive) positions(from, to event.Position, has func(*index.Event) bool) (all []event.Position) {
	for i := range n.events {
		if p := event.Position(i + 1); p >= from && p <= to && has(&n.events[i]) {
			all = append(all, p)
		}
	}
	return all
}

func list(p index.Postings) (all []event.Position) {
	for ; p.Count() > 0; p.DropFirst() {
		all = append(all, p.First())
	}
	return all
}

// invent makes an event that shares most of what it has with others.
func invent(rng *rand.Rand) index.Event {
	e := index.Event{
		ID: event.NewID(), Stream: fmt.Sprintf("stream-%d", rng.IntN(40)), Type: fmt.Sprintf("type.%d", rng.IntN(4)),
	}
	if rng.IntN(5) == 0 {
		e.ID, _ = event.ParseID(fmt.Sprintf("foreign-%d", rng.IntN(1<<30)))
	}
	switch rng.IntN(3) {
	case 0:
		e.Correlation = e.ID
	case 1:
		e.Correlation = event.UUID([16]byte{1, 15: byte(rng.IntN(9))})
	}
	for range rng.IntN(4) {
		e.Tags = append(e.Tags, fmt.Sprintf("tag:%d", rng.IntN(6)))
	}
	return e
}

type part interface {
	Base() event.Position
	End() event.Position
	Count(*index.Key) int
	Postings(k *index.Key, from, to event.Position) index.Postings
	Stream(k *index.Key, to event.Position) (uint64, int, bool)
}

func TestTablesRunsAndMergedRunsFindTheSame(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	hasher, dir, n := index.NewHasher([16]byte{7}), t.TempDir(), &naive{}
	var tables []*index.Table
	var runs []*index.Run
	revisions := map[string]uint64{}
	for i := range 5 {
		table := index.NewTable(hasher, event.Position(len(n.events)))
		before := map[string]uint64{}
		for range []int{1, 300, 0, 2000, 50}[i] {
			e := invent(rng)
			n.events = append(n.events, e)
			if _, ok := before[e.Stream]; !ok {
				before[e.Stream] = revisions[e.Stream]
			}
			revisions[e.Stream]++
			if got := table.Add(&e, before[e.Stream]); got != revisions[e.Stream] {
				t.Fatalf("revision %d, want %d", got, revisions[e.Stream])
			}
		}
		table.CountItems(i)
		cover := index.Cover{First: uint64(i)*10 + 1, Next: uint64(i)*10 + 11, Digest: [32]byte{byte(i)}}
		run, err := index.WriteTable(disk.OS{}, dir, table, cover)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		tables, runs = append(tables, table), append(runs, run)
	}
	first, err := index.Merge(disk.OS{}, dir, runs[:2], func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	all, err := index.Merge(disk.OS{}, dir, append([]*index.Run{first}, runs[2:]...), func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if all.Items() != 0+1+2+3+4 || all.Level() != 2 || all.First != 1 || all.Next != 51 || all.Begun() != uint64(len(revisions)) {
		t.Errorf("merged: %d items, level %d, commits %d to %d, %d streams begin", all.Items(), all.Level(), all.First, all.Next, all.Begun())
	}
	for i := range tables {
		compare(t, rng, hasher, n, tables[i])
		compare(t, rng, hasher, n, runs[i])
	}
	compare(t, rng, hasher, n, all)
	compareNames(t, all, tables, revisions)
	if err := index.Try(func() error { return all.Check(func(int) error { return nil }) }); err != nil {
		t.Error(err)
	}
}

func compare(t *testing.T, rng *rand.Rand, h index.Hasher, n *naive, p part) {
	t.Helper()
	for range 200 {
		from := event.Position(rng.IntN(len(n.events)) + 1)
		to := from + event.Position(rng.IntN(len(n.events)))
		if rng.IntN(3) == 0 {
			from, to = 1, math.MaxUint64
		}
		e := n.events[rng.IntN(len(n.events))]
		if rng.IntN(8) == 0 {
			e = invent(rng)
		}
		check := func(what string, k index.Key, has func(*index.Event) bool) {
			t.Helper()
			want := n.positions(max(from, p.Base()+1), min(to, p.End()), has)
			if got := list(p.Postings(&k, from, to)); !slices.Equal(got, want) {
				t.Fatalf("%T of %d to %d: %s from %d to %d: %v, want %v", p, p.Base(), p.End(), what, from, to, got, want)
			}
			if got, want := p.Count(&k), len(n.positions(p.Base()+1, p.End(), has)); got != want {
				t.Fatalf("%s: count %d, want %d", what, got, want)
			}
		}
		check("id", h.ID(e.ID), func(o *index.Event) bool { return o.ID == e.ID })
		check("stream", h.Stream(e.Stream), func(o *index.Event) bool { return o.Stream == e.Stream })
		check("type", h.Type(e.Type), func(o *index.Event) bool { return o.Type == e.Type })
		check("correlation", h.Correlation(e.Correlation), func(o *index.Event) bool {
			return o.Correlation == e.Correlation && !o.Correlation.IsZero() && o.Correlation != o.ID
		})
		for _, tag := range e.Tags {
			check("tag", h.Tag(tag), func(o *index.Event) bool { return slices.Contains(o.Tags, tag) })
		}
		k := h.Stream(e.Stream)
		before, count, ok := p.Stream(&k, to)
		of := func(o *index.Event) bool { return o.Stream == e.Stream }
		wantBefore, wantCount := len(n.positions(1, p.Base(), of)), len(n.positions(p.Base()+1, min(to, p.End()), of))
		if there := len(n.positions(p.Base()+1, p.End(), of)) > 0; ok != there || ok && (before != uint64(wantBefore) || count != wantCount) {
			t.Fatalf("stream %s up to %d: %d before and %d (%t), want %d and %d (%t)", e.Stream, to, before, count, ok, wantBefore, wantCount, there)
		}
	}
}

func compareNames(t *testing.T, r *index.Run, tables []*index.Table, revisions map[string]uint64) {
	t.Helper()
	var got, want []string
	for i := r.NameFrom("stream-1"); ; i++ {
		name, ok := r.Name(i)
		if !ok {
			break
		}
		got = append(got, name)
	}
	for name := range revisions {
		if name >= "stream-1" {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	types, sum := map[string]uint64{}, map[string]uint64{}
	r.Types(func(name string, n uint64) { types[name] += n })
	for _, table := range tables {
		table.Types(math.MaxUint64, func(name string, n uint64) { sum[name] += n })
	}
	if fmt.Sprint(types) != fmt.Sprint(sum) {
		t.Errorf("types %v, want %v", types, sum)
	}
	if _, err := filepath.Glob(r.Path()); err != nil {
		t.Error(err)
	}
}

// All of the keys are found in runs and tables that are looked through together, as in each of them.
func TestPartsTogetherFindWhatEachFinds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	hasher, n := index.NewHasher([16]byte{7}), &naive{}
	var parts index.Parts
	for i := range 13 { // more than there is room for on the stack
		table := index.NewTable(hasher, event.Position(len(n.events)))
		for range 500 {
			e := invent(rng)
			e.Stream = fmt.Sprintf("stream-%d", rng.IntN(2000))
			before := len(n.positions(1, table.Base(), func(o *index.Event) bool { return o.Stream == e.Stream }))
			n.events = append(n.events, e)
			table.Add(&e, uint64(before))
		}
		if i > 10 {
			parts.Tables = append(parts.Tables, table)
			continue
		}
		run, err := index.WriteTable(disk.OS{}, t.TempDir(), table, index.Cover{First: uint64(i) + 1, Next: uint64(i) + 2})
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		parts.Runs = append(parts.Runs, run)
	}
	for i := range n.events {
		e := &n.events[i]
		stream, id := hasher.Stream(e.Stream), hasher.ID(e.ID)
		from, to := event.Position(rng.IntN(len(n.events))), event.Position(rng.IntN(len(n.events)))
		want := n.positions(1, math.MaxUint64, func(o *index.Event) bool { return o.Stream == e.Stream })
		after := min(rng.IntN(4), len(want))
		within := slices.DeleteFunc(slices.Clone(want[after:]), func(p event.Position) bool { return p < from || p > to })
		if got := list(parts.After(&stream, uint64(after), from, to)); !slices.Equal(got, within) {
			t.Fatalf("%s after revision %d from %d to %d: %v, want %v", e.Stream, after, from, to, got, within)
		}
		if got := list(parts.Postings(&stream, 1, math.MaxUint64)); !slices.Equal(got, want) || parts.Count(&stream) != len(want) {
			t.Fatalf("%s: %v, and %d counted, want %v", e.Stream, got, parts.Count(&stream), want)
		}
		if got := list(parts.Postings(&id, 1, math.MaxUint64)); len(got) != 1 || got[0] != event.Position(i+1) {
			t.Fatalf("id of %d: %v", i+1, got)
		}
	}
}
