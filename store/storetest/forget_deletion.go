package storetest

import (
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

func deletedDoesNotExist(t *trial) {
	t.commit(events(records("s", 3)...))
	t.commit(events(record("other")))
	head := t.head()
	t.delete("s", 3)
	t.keeps("s")
	t.keeps("other", 1)
	if t.head() != head {
		t.Errorf("deleting changed the head from %d to %d", head, t.head())
	}
	t.holds(store.NoStream("s"), store.AtRevision("s", 0))
	t.fails(0, store.StreamExists("s"), store.AtRevision("s", 3), store.AtRevision("s", 1))
}

func deletedBeginsAgain(t *trial) {
	t.commit(events(records("s", 3)...))
	t.delete("s", 3)
	c := events(record("s"), record("s"))
	c.Conditions = []store.Condition{store.NoStream("s")}
	r := t.commit(c)
	if r.Revisions["s"] != 5 {
		t.Errorf("the receipt says revision %d, want 5", r.Revisions["s"])
	}
	for i, rec := range t.placed(c.Events, r) {
		if rec.Revision != uint64(4+i) {
			t.Errorf("event %d has revision %d, want %d", i, rec.Revision, 4+i)
		}
	}
	t.keeps("s", 4, 5)
	t.holds(store.StreamExists("s"), store.AtRevision("s", 5))
	t.fails(5, store.NoStream("s"), store.AtRevision("s", 2), store.AtRevision("s", 3))
}

func deletedAgain(t *trial) {
	for n := range uint64(3) {
		t.commit(events(records("s", 2)...))
		t.keeps("s", 2*n+1, 2*n+2)
		t.delete("s", 2*n+2)
		t.keeps("s")
		t.holds(store.NoStream("s"))
	}
}

func deletedKeepsLimits(t *trial) {
	t.commit(events(records("s", 3)...))
	t.rule("s", store.StreamMeta{Deleted: 3, MaxCount: 2, Before: 5})
	t.commit(events(record("s")))
	t.keeps("s")
	t.holds(store.AtRevision("s", 4))
	t.commit(events(records("s", 3)...))
	t.keeps("s", 6, 7)
}

// deletionRaces lets a stream be deleted and appended to at one revision; one of the writers wins, whichever it is.
func deletionRaces(t *trial) {
	for round := range uint64(10) {
		t.commit(events(record("s")))
		revision := t.read(store.Query{Any: store.Stream("s").Any, Backward: true, Limit: 1})[0].Revision
		won := t.race(8, func(writer int) store.Commit {
			c := events(record("s"))
			if writer%2 == 0 {
				c = puts(store.PutStreamMeta("s", store.StreamMeta{Deleted: revision}))
			}
			c.Conditions = []store.Condition{store.AtRevision("s", revision)}
			return c
		})
		if won != 1 {
			t.Fatalf("round %d: %d of the writers won, want 1", round, won)
		}
	}
	var appending sync.WaitGroup
	for range 8 {
		appending.Go(func() {
			if _, err := t.d.Append(t.ctx, events(records("many", 3)...)); err != nil {
				t.Errorf("Append: %v", err)
			}
		})
	}
	appending.Wait()
	t.delete("many", 24)
	t.keeps("many")
}
