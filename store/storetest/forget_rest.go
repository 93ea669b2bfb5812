package storetest

import (
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func repeatOfGone(t *trial) {
	c := severalStreams()
	c.Conditions = []store.Condition{store.NoStream("a")}
	first := t.commit(c)
	again := func() {
		t.Helper()
		t.repeats(c, first)
	}
	t.rule("a", store.StreamMeta{Before: 2})
	again()
	t.rule("a", store.StreamMeta{Before: 3})
	again()
	t.delete("a", 2)
	again()
	t.commit(events(record("a")))
	again()
	t.tombstone("a")
	t.tombstone("b")
	again()
}

func goneIDsKnown(t *trial) {
	known := record("s")
	t.commit(events(known))
	t.delete("s", 1)
	moved := known
	moved.Stream = "other"
	if facts := t.conflict(events(moved)); facts.ID != known.ID.String() {
		t.Errorf("the conflict's facts are %+v, want the event's id", facts)
	}
	t.conflict(events(known, record("s")))
}

func existingListed(t *trial) {
	t.lister()
	t.commit(events(record("a"), record("b"), record("c"), record("d"), ago("e", 48*time.Hour)))
	t.commit(events(record("a"), record("b"), record("c"), record("d"), record("a")))
	t.rule("a", store.StreamMeta{MaxCount: 2})
	t.rule("b", store.StreamMeta{Deleted: 2})
	t.rule("c", store.StreamMeta{Tombstone: true})
	t.rule("d", store.StreamMeta{Deleted: 2})
	t.rule("e", store.StreamMeta{MaxAge: time.Hour})
	t.rule("none", store.StreamMeta{MaxCount: 1})
	last := t.commit(events(record("d"))).Last
	a := t.read(store.Stream("a"))
	want := []store.StreamInfo{
		{Name: "a", Revision: 3, First: a[0].Position, Last: a[1].Position},
		{Name: "d", Revision: 3, First: last, Last: last},
		{Name: "e", Revision: 1},
	}
	if got := t.streams(""); !slices.Equal(got, want) {
		t.Errorf("the streams are %+v, want %+v", got, want)
	}
	if got := t.streams("b"); len(got) != 0 {
		t.Errorf("the deleted stream is listed: %+v", got)
	}
}

func statisticsOfGone(t *trial) {
	counter, ok := t.d.(store.Statistician)
	if !ok {
		t.Skip("the driver does not count")
	}
	t.commit(events(record("a"), typed("b", "b.type"), record("c"), record("d"), typed("b", "b.type")))
	t.rule("a", store.StreamMeta{MaxCount: 1})
	t.rule("b", store.StreamMeta{Deleted: 2})
	t.rule("c", store.StreamMeta{Tombstone: true})
	t.rule("never", store.StreamMeta{Tombstone: true})
	t.commit(events(record("a")))
	stats, err := counter.Stats(t.ctx)
	if err != nil {
		t.Fatalf("Stats: %v", err)
	}
	if stats.Events != 6 || stats.Streams != 2 || stats.Items != 4 || stats.Types["b.type"] != 2 || stats.Types["thing.happened"] != 4 {
		t.Errorf("the statistics are %+v, want 6 events of 2 types in 2 streams, and 4 items", stats)
	}
}

func goneAfterReopening(t *trial) {
	first := store.Commit{Events: records("deleted", 3)}
	receipt := t.commit(first)
	t.commit(events(records("count", 5)...))
	t.commit(events(ago("age", 48*time.Hour), ago("age", 0)))
	t.commit(events(record("tombstoned"), tagged("kept", "x")))
	t.delete("deleted", 3)
	t.rule("count", store.StreamMeta{MaxCount: 2})
	t.rule("age", store.StreamMeta{MaxAge: time.Hour})
	t.tombstone("tombstoned")
	want := t.contents()
	for range 2 {
		t.reopen()
		t.expect(want, "after reopening")
	}
	t.holds(store.NoStream("deleted"), store.NoStream("tombstoned"), store.NoneAfter(0, store.Filter{StreamPrefix: "deleted"}))
	t.tombstoned(store.Commit{Events: []event.Record{record("tombstoned")}}, "tombstoned")
	t.repeats(first, receipt)
	t.commit(events(record("count"), record("deleted")))
	t.keeps("count", 5, 6)
	t.keeps("deleted", 4)
	t.keeps("age", 2)
}
