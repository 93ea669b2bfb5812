package storetest

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var idempotency = []claim{
	{"RepeatedCommitReturnsTheFirstReceipt", repeatedCommit},
	{"RepeatedCommitSucceedsWhenItsConditionsAreStale", repeatedWithStaleConditions},
	{"RepeatedCommitDoesNotWriteItemsAgain", repeatedKeepsItems},
	{"ForeignTextIdsAreRecognisedToo", foreignIDs},
	{"ConcurrentRepeatsWriteOnce", concurrentRepeats},
	{"RepeatAfterReopeningReturnsTheFirstReceipt", repeatAfterReopening},
	{"PartlyKnownCommitIsRefused", partlyKnown},
	{"SameIdsInOtherStreamsAreRefused", otherStreamsRefused},
	{"SameIdsInAnotherOrderAreRefused", otherOrderRefused},
	{"PartsAndSumsOfCommitsAreRefused", partsAndSumsRefused},
}

// severalStreams is a commit worth repeating.
func severalStreams() store.Commit {
	return store.Commit{
		Events: []event.Record{record("a"), record("b"), record("a")},
		Items:  []store.ItemWrite{store.Put(things, "k", []byte("first"))},
	}
}

// repeats appends a commit that is known, and reports what is not as the first time.
func (t *trial) repeats(c store.Commit, first store.Receipt) {
	t.Helper()
	before := t.contents()
	t.sameReceipt(t.commit(c), first)
	t.expect(before, "after a repeated commit")
}

func (t *trial) sameReceipt(again, first store.Receipt) {
	t.Helper()
	if first.Repeated || !again.Repeated {
		t.Errorf("Repeated is %v the first time and %v the second, want false and true", first.Repeated, again.Repeated)
	}
	if again.First != first.First || again.Last != first.Last || again.ItemRevision != first.ItemRevision ||
		!maps.Equal(again.Revisions, first.Revisions) || again.Durability < first.Durability {
		t.Errorf("the second receipt is %+v, want the first: %+v", again, first)
	}
}

func repeatedCommit(t *trial) {
	t.commit(events(record("a")))
	c := severalStreams()
	first := t.commit(c)
	t.repeats(c, first)
	t.commit(events(record("a"), record("b")))
	t.repeats(c, first)
	c.Items = nil
	t.repeats(c, first)
}

func repeatedWithStaleConditions(t *trial) {
	c := severalStreams()
	c.Conditions = []store.Condition{
		store.NoStream("a"), store.ItemAt(things, "k", 0), store.NoneAfter(0, store.Filter{Types: []string{"thing.happened"}}),
	}
	first := t.commit(c)
	t.repeats(c, first)
	t.commit(events(record("a")))
	t.repeats(c, first)
	c.Conditions = []store.Condition{store.StreamExists("never")}
	t.repeats(c, first)
}

func repeatedKeepsItems(t *trial) {
	c := severalStreams()
	first := t.commit(c)
	second := t.commit(puts(store.Put(things, "k", []byte("second"))))
	t.repeats(c, first)
	if got := t.get(things, "k"); string(got.Value) != "second" || got.Revision != second.ItemRevision {
		t.Errorf("the item is %q at %d, want the later value at %d", got.Value, got.Revision, second.ItemRevision)
	}
	t.commit(puts(store.Delete(things, "k")))
	t.repeats(c, first)
}

func foreignIDs(t *trial) {
	var rs []event.Record
	for _, text := range []string{"1", "invoice/7", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "00000000-0000-0000-0000-000000000000", "日本"} {
		id, err := event.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		r := record("foreign")
		r.ID = id
		rs = append(rs, r)
	}
	for _, r := range rs {
		t.repeats(events(r), t.commit(events(r)))
	}
	if n := len(t.read(store.Stream("foreign"))); n != len(rs) {
		t.Errorf("the stream has %d events, want %d", n, len(rs))
	}
}

func concurrentRepeats(t *trial) {
	const rounds, writers = 10, 8
	for range rounds {
		c := severalStreams()
		var written atomic.Int64
		var all [writers]store.Receipt
		var writing sync.WaitGroup
		for i := range writers {
			writing.Go(func() {
				r, err := t.d.Append(t.ctx, c)
				if err != nil {
					t.Errorf("Append: %v", err)
				}
				if !r.Repeated {
					written.Add(1)
				}
				all[i] = r
			})
		}
		writing.Wait()
		if n := written.Load(); n != 1 {
			t.Fatalf("%d of %d repeats wrote, want 1", n, writers)
		}
		for _, r := range all[1:] {
			if r.First != all[0].First || r.Last != all[0].Last || !maps.Equal(r.Revisions, all[0].Revisions) {
				t.Fatalf("repeats got the receipts %+v and %+v", all[0], r)
			}
		}
	}
	if n := len(t.read(store.Query{})); n != rounds*3 {
		t.Errorf("the store has %d events, want %d", n, rounds*3)
	}
}

func repeatAfterReopening(t *trial) {
	t.commit(events(record("a")))
	several, one := severalStreams(), events(record("b"))
	firstSeveral, firstOne := t.commit(several), t.commit(one)
	t.reopen()
	t.repeats(several, firstSeveral)
	t.repeats(one, firstOne)
	t.reopen()
	t.repeats(several, firstSeveral)
	t.refused(events(several.Events[0], record("a")), store.ErrConflict)
}

// duplicate is a conflict about ids that are known.
func (t *trial) duplicate(rs ...event.Record) {
	t.Helper()
	facts := t.conflict(events(rs...))
	known := t.read(store.Query{})
	at := slices.IndexFunc(known, func(r event.Record) bool { return r.Position == facts.GotPosition })
	if at < 0 || known[at].ID.String() != facts.ID || !slices.Contains(ids(rs), facts.ID) {
		t.Errorf("the conflict's facts are %+v, want the id of an event that is known and its position", facts)
	}
}

func partlyKnown(t *trial) {
	rs := records("s", 3)
	t.commit(events(rs[1]))
	t.duplicate(rs[0], rs[1])
	t.duplicate(rs[1], rs[2])
	t.duplicate(rs...)
	t.commit(events(rs[0], rs[2]))
}

func otherStreamsRefused(t *trial) {
	rs := records("s", 2)
	t.commit(events(rs...))
	moved := slices.Clone(rs)
	moved[0].Stream, moved[1].Stream = "other", "other"
	t.duplicate(moved...)
	moved[0].Stream = "s"
	t.duplicate(moved...)
	t.duplicate(moved[1])
}

func otherOrderRefused(t *trial) {
	rs := records("s", 3)
	t.commit(events(rs...))
	t.duplicate(rs[1], rs[0], rs[2])
	t.duplicate(backward(rs)...)
}

// partsAndSumsRefused: only the commit as it was is known as done; a part of one, or two together, is another commit.
func partsAndSumsRefused(t *trial) {
	rs := records("s", 4)
	t.commit(events(rs[:3]...))
	t.commit(events(rs[3]))
	t.duplicate(rs[0])
	t.duplicate(rs[:2]...)
	t.duplicate(rs[1:3]...)
	t.duplicate(rs...)
}
