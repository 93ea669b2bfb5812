package storetest

import (
	"errors"

	"github.com/oxbow-events/oxbow/store"
)

var reopening = []claim{
	{"ContentsAreTheSame", contentsSurvive},
	{"PositionsAndRevisionsGoOn", numbersGoOn},
	{"ItemRevisionsNeverRepeatAcrossReopening", itemRevisionsGoOn},
	{"ConditionsHoldAcrossReopening", conditionsSurvive},
	{"RefusedCommitsLeaveNothingAcrossReopening", refusedStaysGone},
	{"EmptyStoreCanBeReopened", emptySurvives},
}

func contentsSurvive(t *trial) {
	rng := t.random()
	t.sow(rng, 100)
	t.commit(store.Commit{Events: records("s", 2), Items: manyItems(things, 20)})
	t.commit(puts(store.Put(things, "000003", []byte("again")), store.Delete(things, "000005"), store.Put(others, "k", nil)))
	want := t.contents()
	for range 3 {
		t.reopen()
		t.expect(want, "after reopening")
	}
}

func numbersGoOn(t *trial) {
	last := store.Position(0)
	for i := range uint64(4) {
		r := t.commit(events(record("s"), record("other")))
		if r.First <= last || r.Revisions["s"] != i+1 {
			t.Errorf("the receipt is %+v, want positions after %d and revision %d", r, last, i+1)
		}
		last = r.Last
		t.reopen()
		if head := t.head(); head != last {
			t.Errorf("the head is %d after reopening, want %d", head, last)
		}
	}
	t.contiguous(t.read(store.Query{}))
}

func itemRevisionsGoOn(t *trial) {
	t.commit(events(record("s")))
	last := t.commit(puts(store.Put(things, "k", nil))).ItemRevision
	t.reopen()
	next := t.commit(puts(store.Put(things, "k", nil))).ItemRevision
	if next <= last {
		t.Errorf("after reopening the item has revision %d, want more than %d", next, last)
	}
	t.commit(puts(store.Delete(things, "k")))
	t.reopen()
	if after := t.commit(puts(store.Put(things, "k", nil))).ItemRevision; after <= next {
		t.Errorf("after deletion and reopening the item has revision %d, want more than %d", after, next)
	}
}

func conditionsSurvive(t *trial) {
	c := events(tagged("s", "x"))
	c.Items = []store.ItemWrite{store.Put(things, "k", nil)}
	revision := t.commit(c).ItemRevision
	t.reopen()
	t.conflict(given(store.NoStream("s")))
	t.conflict(given(store.AtRevision("s", 2)))
	t.conflict(given(store.ItemAt(things, "k", 0)))
	t.conflict(given(store.NoneAfter(0, store.Filter{Tags: []string{"x"}})))
	t.commit(given(
		store.AtRevision("s", 1), store.StreamExists("s"), store.ItemAt(things, "k", revision),
		store.NoneAfter(t.head(), store.Filter{Tags: []string{"x"}}),
	))
}

func refusedStaysGone(t *trial) {
	t.commit(store.Commit{Events: records("s", 2), Items: manyItems(things, 2)})
	want := t.contents()
	c := given(store.NoStream("s"))
	c.Items = []store.ItemWrite{store.Put(things, "refused", nil)}
	if _, err := t.d.Append(t.ctx, c); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Append returned %v, want a conflict", err)
	}
	t.reopen()
	t.expect(want, "after a refused commit and reopening")
}

func emptySurvives(t *trial) {
	want := t.contents()
	t.reopen()
	t.reopen()
	t.expect(want, "after reopening")
	if r := t.commit(events(record("s"))); r.Revisions["s"] != 1 {
		t.Errorf("the first event has revision %d, want 1", r.Revisions["s"])
	}
}
