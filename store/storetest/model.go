package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var modelled = []claim{
	{"OneWriter", oneWriter},
}

// oneWriter sends random commits, good and bad, to the store and to a model of it, and compares.
func oneWriter(t *trial) {
	rng := t.random()
	m := newModel()
	for step := range 400 {
		c := m.invent(rng)
		want := m.judge(c)
		r, err := t.d.Append(t.ctx, c)
		if got := verdictOf(r, err); got != want {
			t.Fatalf("step %d: the store says %q (%v), the model %q to %+v", step, got, err, want, c)
		}
		switch want {
		case accepted:
			m.apply(t, c, r)
		case repeated:
			t.sameReceipt(r, m.done[m.known[c.Events[0].ID]].receipt)
		}
		m.ask(t, rng)
		if step%100 == 99 {
			t.expect(m.contents(t), fmt.Sprintf("step %d", step))
			if t.canReopen() {
				t.reopen()
				t.expect(m.contents(t), fmt.Sprintf("reopened at step %d", step))
			}
		}
		if t.Failed() {
			return
		}
	}
}

// verdict is what becomes of a commit.
type verdict string

const (
	accepted   verdict = "accepted"
	repeated   verdict = "repeated"
	conflict   verdict = "conflict"
	invalid    verdict = "invalid"
	tombstoned verdict = "tombstoned"
)

func verdictOf(r store.Receipt, err error) verdict {
	switch {
	case errors.Is(err, store.ErrConflict):
		return conflict
	case errors.Is(err, event.ErrInvalid):
		return invalid
	case errors.Is(err, store.ErrTombstone):
		return tombstoned
	case err != nil:
		return verdict(err.Error())
	case r.Repeated:
		return repeated
	default:
		return accepted
	}
}

// model is a store in its simplest form.
type model struct {
	records   []event.Record // also those that are gone
	revisions map[string]uint64
	metas     map[string]store.StreamMeta
	young     time.Time // of an event that no age takes
	old       time.Time // of one that every age takes
	items     map[itemName]store.Item
	newest    uint64 // item revision
	done      []deed
	known     map[event.ID]int // which of done wrote it
}

func newModel() *model {
	now := time.Now().UTC()
	return &model{
		revisions: map[string]uint64{}, metas: map[string]store.StreamMeta{}, items: map[itemName]store.Item{},
		young: now, old: now.Add(-1000 * time.Hour),
	}
}

type itemName struct{ bucket, key string }

type deed struct {
	commit  store.Commit
	receipt store.Receipt
}

// judge says what must become of a commit.
func (m *model) judge(c store.Commit) verdict {
	if len(c.Events) == 0 && len(c.Items) == 0 {
		return invalid
	}
	for _, r := range c.Events {
		if r.Stream == "" {
			return invalid
		}
	}
	for _, r := range c.Events {
		if i, ok := m.known[r.ID]; ok {
			return m.judgeKnown(c, m.done[i].commit)
		}
	}
	if m.entombed(c) {
		return tombstoned
	}
	for i := range c.Conditions {
		if !m.holds(&c.Conditions[i]) {
			return conflict
		}
	}
	return accepted
}

func (m *model) judgeKnown(c, earlier store.Commit) verdict {
	same := slices.EqualFunc(c.Events, earlier.Events, func(a, b event.Record) bool { return a.ID == b.ID && a.Stream == b.Stream })
	if same {
		return repeated
	}
	return conflict
}

func (m *model) holds(c *store.Condition) bool {
	switch c.Expect {
	case store.ExpectRevision:
		return m.seen(c.Stream) == c.Exact
	case store.ExpectExists:
		return m.seen(c.Stream) > 0
	case store.ExpectItem:
		return m.items[itemName{c.Bucket, c.Key}].Revision == c.ItemRevision
	default:
		q := store.Query{Any: c.Filters, After: c.After}
		return len(walk(m.kept(), q)) == 0
	}
}

// apply takes over an accepted commit, once its receipt is as it should be.
func (m *model) apply(t *trial, c store.Commit, r store.Receipt) {
	t.Helper()
	want := map[string]uint64{}
	stored := slices.Clone(c.Events)
	for i := range stored {
		m.revisions[stored[i].Stream]++
		stored[i].Revision = m.revisions[stored[i].Stream]
		want[stored[i].Stream] = stored[i].Revision
	}
	if !maps.Equal(r.Revisions, want) {
		t.Errorf("the receipt's revisions are %v, want %v", r.Revisions, want)
	}
	m.applyEvents(t, c, stored, r)
	m.applyItems(t, c.Items, r.ItemRevision)
}

func (m *model) applyEvents(t *trial, c store.Commit, stored []event.Record, r store.Receipt) {
	t.Helper()
	if len(stored) == 0 {
		return
	}
	if n := len(m.records); n > 0 && r.First <= m.records[n-1].Position {
		t.Errorf("the commit begins at position %d, want one after %d", r.First, m.records[n-1].Position)
	}
	if m.known == nil {
		m.known = map[event.ID]int{}
	}
	for i := range stored {
		stored[i].Position = r.First + store.Position(i)
		m.known[stored[i].ID] = len(m.done)
	}
	if last := stored[len(stored)-1].Position; last != r.Last {
		t.Errorf("%d events have the positions %d to %d", len(stored), r.First, r.Last)
	}
	m.records = append(m.records, stored...)
	m.done = append(m.done, deed{c, r})
}

func (m *model) applyItems(t *trial, writes []store.ItemWrite, revision uint64) {
	t.Helper()
	for _, w := range writes {
		name := itemName{w.Bucket, w.Key}
		m.rule(t, w)
		if w.Delete {
			delete(m.items, name)
			continue
		}
		if revision <= m.newest {
			t.Errorf("an item has revision %d, want one after %d", revision, m.newest)
		}
		m.items[name] = store.Item{Bucket: w.Bucket, Key: w.Key, Value: w.Value, Revision: revision}
	}
	m.newest = max(m.newest, revision)
}

// contents is what the store must hold.
func (m *model) contents(t *trial) contents {
	c := contents{records: m.kept()}
	if n := len(m.records); n > 0 {
		c.head = m.records[n-1].Position
	}
	for _, item := range m.items {
		c.items = append(c.items, item)
	}
	place := func(bucket string) int { return slices.Index([]string{things, others, store.StreamBucket}, bucket) }
	slices.SortFunc(c.items, func(a, b store.Item) int {
		return cmp.Or(cmp.Compare(place(a.Bucket), place(b.Bucket)), cmp.Compare(a.Key, b.Key))
	})
	if _, ok := t.d.(store.StreamLister); ok {
		c.streams = m.streams()
	}
	if _, ok := t.d.(store.Statistician); ok {
		c.stats = m.stats(c)
	}
	return c
}

func (m *model) stats(c contents) store.Stats {
	s := store.Stats{
		Events: uint64(len(m.records)), Streams: uint64(len(m.streams())), Items: uint64(len(m.items)), Head: c.head,
		Types: map[string]uint64{},
	}
	for _, r := range m.records {
		s.Types[r.Type]++
	}
	return s
}

// invent makes a commit that has about an even chance to be accepted.
func (m *model) invent(rng *rand.Rand) store.Commit {
	if len(m.done) > 0 && rng.IntN(5) == 0 {
		return m.inventRepeat(rng)
	}
	var c store.Commit
	for range rng.IntN(4) {
		c.Events = append(c.Events, m.inventRecord(rng))
	}
	for key := range rng.IntN(3) {
		c.Items = append(c.Items, randomWrite(rng, fmt.Sprint(key+3*rng.IntN(3))))
	}
	if rng.IntN(4) == 0 {
		c.Items = append(c.Items, m.inventMeta(rng))
	}
	for range rng.IntN(3) {
		c.Conditions = append(c.Conditions, m.inventCondition(rng))
	}
	if len(c.Events) > 0 && rng.IntN(20) == 0 {
		c.Events[len(c.Events)-1].Stream = ""
	}
	return c
}

func randomWrite(rng *rand.Rand, key string) store.ItemWrite {
	bucket := pick(rng, []string{things, others})
	if rng.IntN(4) == 0 {
		return store.Delete(bucket, key)
	}
	return store.Put(bucket, key, fmt.Append(nil, rng.IntN(1000)))
}

// inventRepeat sends an earlier commit again: as it was, or changed a little.
func (m *model) inventRepeat(rng *rand.Rand) store.Commit {
	c := pick(rng, m.done).commit
	c.Events = slices.Clone(c.Events)
	switch rng.IntN(6) {
	case 0:
		c.Events = append(c.Events, m.inventRecord(rng))
	case 1:
		c.Events[0].Stream = pick(rng, someStreams)
	case 2:
		c.Events = c.Events[1:]
	case 3:
		slices.Reverse(c.Events)
	}
	return c
}

func (m *model) inventCondition(rng *rand.Rand) store.Condition {
	stream := pick(rng, someStreams)
	wrong := uint64(rng.IntN(4) / 3)
	switch rng.IntN(5) {
	case 0:
		return store.StreamExists(stream)
	case 1:
		return store.AtRevision(stream, m.seen(stream)+wrong)
	case 2:
		name := itemName{pick(rng, []string{things, others}), fmt.Sprint(rng.IntN(9))}
		if rng.IntN(3) == 0 {
			name = itemName{store.StreamBucket, stream}
		}
		return store.ItemAt(name.bucket, name.key, m.items[name].Revision+wrong)
	case 3:
		return store.NoStream(pick(rng, []string{"never-" + stream, stream, stream}))
	default:
		return m.inventBoundary(rng)
	}
}

func (m *model) inventBoundary(rng *rand.Rand) store.Condition {
	if len(m.records) == 0 {
		return store.NoneAfter(0, store.Filter{Types: []string{"none"}})
	}
	recent := m.records[len(m.records)*3/4:]
	return store.NoneAfter(pick(rng, recent).Position, randomFilter(rng, m.records))
}
