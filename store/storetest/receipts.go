package storetest

import (
	"maps"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var receipts = []claim{
	{"DurabilityIsTold", durabilityIsTold},
	{"RevisionsAreThoseOfEveryStreamWritten", revisionsOfEveryStream},
	{"CommitWithoutEventsHasNoPositions", noPositionsWithoutEvents},
}

func durabilityIsTold(t *trial) {
	r := t.commit(events(record("s")))
	if r.Durability < store.InMemory || r.Durability > store.Replicated {
		t.Errorf("the receipt says %v, which is no durability", r.Durability)
	}
	if other := t.commit(puts(store.Put(things, "k", nil))); other.Durability != r.Durability {
		t.Errorf("a commit of items is told to be %v, one of events %v", other.Durability, r.Durability)
	}
	if t.canReopen() != (r.Durability > store.InMemory) {
		t.Errorf("the receipt says %v; can the store be reopened: %v", r.Durability, t.canReopen())
	}
}

func revisionsOfEveryStream(t *trial) {
	t.commit(events(records("a", 2)...))
	r := t.commit(events(record("b"), record("a"), record("c"), record("a")))
	if want := map[string]uint64{"a": 4, "b": 1, "c": 1}; !maps.Equal(r.Revisions, want) {
		t.Errorf("the receipt's revisions are %v, want %v", r.Revisions, want)
	}
	if r.ItemRevision != 0 || r.Repeated {
		t.Errorf("the receipt is %+v, want no item revision and not repeated", r)
	}
}

func noPositionsWithoutEvents(t *trial) {
	t.commit(events(record("a")))
	r := t.commit(puts(store.Put(things, "k", nil), store.Put(others, "k", nil)))
	if r.First != 0 || r.Last != 0 || len(r.Revisions) != 0 || r.Repeated || r.ItemRevision == 0 {
		t.Errorf("the receipt is %+v, want an item revision and no positions or revisions", r)
	}
	both := t.commit(store.Commit{Events: []event.Record{record("a")}, Items: []store.ItemWrite{store.Put(things, "k", nil)}})
	if both.ItemRevision <= r.ItemRevision || both.First == 0 {
		t.Errorf("the receipt is %+v, want a position, and an item revision after %d", both, r.ItemRevision)
	}
}
