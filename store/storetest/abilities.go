package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var abilities = []claim{
	{"StreamsAreListedInOrderWithTheirRevisions", streamsListed},
	{"StreamsAreListedByPrefix", streamsByPrefix},
	{"StatisticsCountWhatIsThere", statisticsCount},
	{"EachOpeningHasItsOwnID", openingsDiffer},
}

func (t *trial) lister() store.StreamLister {
	t.Helper()
	lister, ok := t.d.(store.StreamLister)
	if !ok {
		t.Skip("the driver does not list streams")
	}
	return lister
}

func (t *trial) streams(prefix string) []store.StreamInfo {
	t.Helper()
	infos, err := collect(t.lister().Streams(t.ctx, prefix))
	if err != nil {
		t.Fatalf("Streams: %v", err)
	}
	return infos
}

// streamsOf is the reference.
func streamsOf(all []event.Record) (infos []store.StreamInfo) {
	found := map[string]*store.StreamInfo{}
	for _, r := range all {
		if found[r.Stream] == nil {
			found[r.Stream] = &store.StreamInfo{Name: r.Stream, First: r.Position}
		}
		found[r.Stream].Revision, found[r.Stream].Last = r.Revision, r.Position
	}
	for _, info := range found {
		infos = append(infos, *info)
	}
	slices.SortFunc(infos, func(a, b store.StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

func streamsListed(t *trial) {
	if infos := t.streams(""); len(infos) != 0 {
		t.Errorf("an empty store lists %v", infos)
	}
	t.sow(t.random(), 100)
	for i, name := range orderedKeys {
		t.commit(events(records("x"+name, 1+i%3)...))
	}
	want := streamsOf(t.read(store.Query{}))
	if got := t.streams(""); !slices.Equal(got, want) {
		t.Errorf("the streams are %+v, want %+v", got, want)
	}
}

func streamsByPrefix(t *trial) {
	for _, name := range []string{"a", "a-1", "a-10", "a-2", "a%", "a_b", "ab", "b", "A", "日本", "日"} {
		t.commit(events(record(name)))
	}
	all := streamsOf(t.read(store.Query{}))
	for _, prefix := range []string{"", "a", "a-", "a-1", "a%", "a_", "c", "A", "日", "\xe6"} {
		var want []store.StreamInfo
		for _, info := range all {
			if strings.HasPrefix(info.Name, prefix) {
				want = append(want, info)
			}
		}
		if got := t.streams(prefix); !slices.Equal(got, want) {
			t.Errorf("with prefix %q: got %+v, want %+v", prefix, got, want)
		}
	}
}

func statisticsCount(t *trial) {
	counter, ok := t.d.(store.Statistician)
	if !ok {
		t.Skip("the driver does not count")
	}
	t.sow(t.random(), 100)
	t.commit(puts(manyItems(things, 10)...))
	t.commit(puts(store.Delete(things, "000001"), store.Delete(things, "none"), store.Put(things, "000002", nil), store.Put(others, "k", nil)))
	stats, err := counter.Stats(t.ctx)
	if err != nil {
		t.Fatalf("Stats: %v", err)
	}
	all := t.read(store.Query{})
	types := map[string]uint64{}
	for _, r := range all {
		types[r.Type]++
	}
	want := store.Stats{
		Events: uint64(len(all)), Streams: uint64(len(streamsOf(all))), Items: 10, Head: t.head(), Types: types, Bytes: stats.Bytes,
		EventsPerSecond: stats.EventsPerSecond, BytesPerSecond: stats.BytesPerSecond,
	}
	if got := fmt.Sprintf("%+v", stats); got != fmt.Sprintf("%+v", want) || stats.Bytes == 0 || !rated(stats) {
		t.Errorf("the statistics are %s, want %+v and some bytes", got, want)
	}
}

// rated reports whether the rates are those of a store that has only just been written to.
func rated(s store.Stats) bool {
	events := float64(s.Events)
	return s.EventsPerSecond > 0 && s.EventsPerSecond <= events && s.BytesPerSecond > 0
}

func openingsDiffer(t *trial) {
	opened := func(d store.Driver) event.ID {
		alone, ok := d.(store.Exclusive)
		if !ok {
			t.Skip("several processes may have the store open")
		}
		return alone.Opened()
	}
	first := opened(t.d)
	t.commit(events(record("s")))
	if again := opened(t.d); again != first || first.IsZero() {
		t.Errorf("the opening is %q and then %q, want one id", first, again)
	}
	other := t.harness.Open(t.T)
	defer other.Close()
	if id := opened(other); id == first || id.IsZero() {
		t.Errorf("another store's opening is %q, want another id than %q", id, first)
	}
	t.reopen()
	if id := opened(t.d); id == first || id.IsZero() {
		t.Errorf("after reopening the opening is %q, want another id than %q", id, first)
	}
}
