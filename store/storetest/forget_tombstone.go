package storetest

import (
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// tombstoned is refused for ever, which is no conflict.
func (t *trial) tombstoned(c store.Commit, stream string) {
	t.Helper()
	err := t.refused(c, store.ErrTombstone)
	var facts *store.TombstoneError
	if !errors.As(err, &facts) || facts.Stream != stream || errors.Is(err, store.ErrConflict) {
		t.Errorf("the refusal is %#v, want a *store.TombstoneError of %s, and no conflict", err, stream)
	}
}

func (t *trial) tombstone(stream string) {
	t.Helper()
	t.rule(stream, store.StreamMeta{Tombstone: true})
}

func tombstoneRefusesEvents(t *trial) {
	t.commit(events(records("s", 3)...))
	t.tombstone("s")
	t.tombstoned(events(record("s")), "s")
	t.tombstoned(store.Commit{
		Events: []event.Record{record("other"), record("s"), record("other")}, Items: []store.ItemWrite{store.Put(things, "k", nil)},
	}, "s")
	t.commit(events(record("s "), record("other")))
	if t.canReopen() {
		t.reopen()
		t.tombstoned(events(record("s")), "s")
	}
}

func tombstoneRefusesMetadata(t *trial) {
	t.commit(events(record("s")))
	t.tombstone("s")
	for _, m := range []store.StreamMeta{{}, {MaxCount: 1}, {Tombstone: true}} {
		t.tombstoned(puts(store.PutStreamMeta("s", m)), "s")
		c := events(record("other"))
		c.Items = []store.ItemWrite{store.Put(things, "k", nil), store.PutStreamMeta("s", m)}
		t.tombstoned(c, "s")
	}
	t.commit(puts(store.Put(things, "s", nil), store.PutStreamMeta("other", store.StreamMeta{MaxCount: 1})))
}

func tombstonedDoesNotExist(t *trial) {
	t.commit(events(records("s", 3)...))
	c := events(record("s")) // written by the same commit, and gone at once
	c.Items = []store.ItemWrite{store.PutStreamMeta("s", store.StreamMeta{Tombstone: true, MaxCount: 2})}
	if r := t.commit(c); r.Revisions["s"] != 4 || r.Last != t.head() {
		t.Errorf("the receipt is %+v, want revision 4 at the head", r)
	}
	t.keeps("s")
	t.holds(store.NoStream("s"))
	t.fails(0, store.StreamExists("s"), store.AtRevision("s", 4))
}

func tombstoneOfNothing(t *trial) {
	t.tombstone("never")
	t.tombstoned(events(record("never")), "never")
	t.holds(store.NoStream("never"))
}

func tombstoneBeforeConditions(t *trial) {
	t.commit(events(record("s")))
	t.tombstone("s")
	c := events(record("s"))
	c.Conditions = []store.Condition{store.AtRevision("s", 1), store.StreamExists("never")}
	t.tombstoned(c, "s")
}
