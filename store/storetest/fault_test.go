package storetest_test

import (
	"context"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/store/storetest"
)

// faults are drivers that break the contract in one way, each with a claim that must catch it.
var faults = []struct {
	name, claim string
	broken      func(d store.Driver) store.Driver
}{
	{"items before conditions", "1-CommitIsAtomic/RefusedCommitLeavesNothing", func(d store.Driver) store.Driver { return itemsFirst{d} }},
	{"no conditions", "2-ConditionsHoldAtTheCommit/StreamIsAtRevision", func(d store.Driver) store.Driver { return noConditions{d} }},
	{"acknowledged before readable", "3-PositionsAreInCommitOrder/AcknowledgedIsReadableAtOnce", func(d store.Driver) store.Driver { return lateReads{d} }},
	{"position readable before a smaller one", "3-PositionsAreInCommitOrder/PollingNeverGoesBackWhile64WritersCommit", func(d store.Driver) store.Driver {
		return newOutOfOrder(d)
	}},
	{"wait that does not", "3-PositionsAreInCommitOrder/WaitReturnsWhenThereIsMore", func(d store.Driver) store.Driver { return noWait{d} }},
	{"repeat is a conflict", "4-AppendIsIdempotent/RepeatedCommitReturnsTheFirstReceipt", func(d store.Driver) store.Driver { return noRepeats{d} }},
	{"receipt without revisions", "5-ReceiptTellsWhatHappened/RevisionsAreThoseOfEveryStreamWritten", func(d store.Driver) store.Driver { return noRevisions{d} }},
	{"context not heard", "6-ContextEndsEveryCall/CancelledContextEndsEveryCall", func(d store.Driver) store.Driver { return deaf{d} }},
	{"bad names mended", "7-BadInputIsRefused/BadEventsAreRefusedByName", func(d store.Driver) store.Driver { return mending{d} }},
	{"opening that lasts for ever", "AbilitiesAgreeWithTheLog/EachOpeningHasItsOwnID", func(d store.Driver) store.Driver { return everOpen{d} }},
	{"list out of order", "ItemsAreKept/ListGivesTheRangeInOrderOfBytes", func(d store.Driver) store.Driver { return unordered{d} }},
	{"second close fails", "CloseEndsEverything/ClosingTwiceIsFine", func(d store.Driver) store.Driver { return &closedOnce{Driver: d} }},
	{"limit forgotten", "QueriesFindExactly/ByPositionLimitAndDirection", func(d store.Driver) store.Driver { return noLimit{d} }},
	{"reading page by page", "IterationsAreSnapshots/RecordsAppendedMeanwhileAreNotSeen", func(d store.Driver) store.Driver { return paged{d} }},
	{"no data read as empty", "RecordsAreKeptWhole/NoDataIsNotEmptyData", func(d store.Driver) store.Driver { return neverNil{d} }},
	{"records shared by readers", "BytesBelongToTheCaller/ChangingWhatWasReadChangesNothing", func(d store.Driver) store.Driver {
		return &sharing{Driver: d, seen: map[store.Position]event.Record{}}
	}},
	{"metadata are items like others", "StreamsForget/MaxCountKeepsTheNewest", func(d store.Driver) store.Driver { return plainItems{d} }},
	{"age not looked at", "StreamsForget/MaxAgeKeepsTheYoung", withMeta(func(m *store.StreamMeta) { m.MaxAge = 0 })},
	{"truncation not looked at", "StreamsForget/BeforeTruncates", withMeta(func(m *store.StreamMeta) { m.Before = 0 })},
	{"one limit at a time", "StreamsForget/LimitsHoldTogether", withMeta(func(m *store.StreamMeta) {
		if m.MaxCount > 0 {
			m.MaxAge = 0
		}
	})},
	{"limits of streams that begin alike", "StreamsForget/LimitsAreOfOneStream", func(d store.Driver) store.Driver { return byPrefix{d} }},
	{"gone found by id", "StreamsForget/WhatIsGoneIsFoundByNoQuery", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), asked: func(q store.Query) bool { return len(q.Any) == 1 && !q.Any[0].ID.IsZero() }}
	}},
	{"gone found backward", "StreamsForget/MaxCountKeepsTheNewest", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), asked: func(q store.Query) bool { return q.Backward }}
	}},
	{"gone followed", "StreamsForget/WhatIsGoneIsNotFollowed", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), asked: func(q store.Query) bool { return q.Before > 0 && len(q.Any) > 0 }}
	}},
	{"gone counted by conditions", "StreamsForget/WhatIsGoneDoesNotCountForConditions", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), counted: func(c store.Condition) bool { return c.Expect == store.ExpectNone }}
	}},
	{"no stream without events", "StreamsForget/StreamExistsThoughAllItsEventsAreGone", func(d store.Driver) store.Driver { return emptyIsNone{d} }},
	{"deleted stream exists", "StreamsForget/DeletedStreamDoesNotExist", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), counted: func(c store.Condition) bool { return c.Expect != store.ExpectNone }}
	}},
	{"deletion for good", "StreamsForget/DeletedStreamBeginsAgainAfterItsRevisions", withMeta(func(m *store.StreamMeta) { m.Tombstone = m.Deleted > 0 })},
	{"deletion once", "StreamsForget/DeletedStreamCanBeDeletedAgain", withMeta(func(m *store.StreamMeta) { m.Deleted = min(m.Deleted, 2) })},
	{"deletion ends limits", "StreamsForget/DeletedStreamKeepsItsLimits", withMeta(func(m *store.StreamMeta) {
		if m.Deleted > 0 {
			m.MaxCount, m.Before = 0, 0
		}
	})},
	{"tombstone is a deletion", "StreamsForget/TombstonedStreamTakesNoEvents", withMeta(func(m *store.StreamMeta) { m.Tombstone = false })},
	{"tombstone can be lifted", "StreamsForget/TombstonedStreamTakesNoMetadata", func(d store.Driver) store.Driver { return lifting{d} }},
	{"tombstoned stream exists", "StreamsForget/TombstonedStreamDoesNotExist", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New(), counted: func(c store.Condition) bool { return c.Expect == store.ExpectExists }}
	}},
	{"tombstone of nothing is nothing", "StreamsForget/TombstoneTakesNamesNeverUsed", func(d store.Driver) store.Driver { return emptyIsNone{d} }},
	{"tombstone is a conflict", "StreamsForget/TombstoneComesBeforeConditions", func(d store.Driver) store.Driver { return tombstoneConflicts{d} }},
	{"metadata before events", "StreamsForget/MetadataAreWrittenWithEvents", func(d store.Driver) store.Driver { return metaFirst{d} }},
	{"metadata without conditions", "StreamsForget/MetadataAreItemsWithConditions", func(d store.Driver) store.Driver { return noConditions{d} }},
	{"metadata judge their own commit", "StreamsForget/MetadataTakeEffectAfterTheirCommit", func(d store.Driver) store.Driver { return metaFirst{d} }},
	{"metadata seen by readers under way", "StreamsForget/MetadataChangedMeanwhileAreNotSeen", func(d store.Driver) store.Driver { return paged{d} }},
	{"deletion does not race", "StreamsForget/ConcurrentAppendsAndADeletionHaveOneWinner", func(d store.Driver) store.Driver { return noConditions{d} }},
	{"bad metadata are no metadata", "StreamsForget/BadMetadataAreRefusedByName", func(d store.Driver) store.Driver { return plainItems{d} }},
	{"tombstone before repeats", "StreamsForget/RepeatOfWhatIsGoneReturnsTheFirstReceipt", func(d store.Driver) store.Driver { return tombstoneFirst{d} }},
	{"ids forgotten at once", "StreamsForget/IdsOfWhatIsGoneAreStillKnown", func(d store.Driver) store.Driver { return newIDs{d} }},
	{"deleted streams listed", "StreamsForget/OnlyStreamsThatExistAreListed", func(d store.Driver) store.Driver {
		return &remembering{Driver: d, all: memory.New()}
	}},
	{"what is gone not counted", "StreamsForget/StatisticsCountWhatWasAppended", func(d store.Driver) store.Driver { return countsKept{d} }},
	{"metadata lost at closing", "StreamsForget/WhatIsGoneStaysGoneAfterReopening", func(d store.Driver) store.Driver {
		return &metaLost{remembering{Driver: d, all: memory.New()}}
	}},
}

const faultVariable = "OXBOW_STORETEST_FAULT"

// TestEachFaultIsCaught runs the suite on each faulty driver in another process, where it must fail.
func TestEachFaultIsCaught(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFault$/^"+strings.ReplaceAll(f.claim, "/", "$/^")+"$")
			cmd.Env = append(os.Environ(), faultVariable+"="+f.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestFault/"+f.claim) {
				t.Errorf("%s passed, or failed for another reason: %v\n%s", f.claim, err, out)
			}
		})
	}
}

func TestFault(t *testing.T) {
	for _, f := range faults {
		if f.name == os.Getenv(faultVariable) {
			storetest.Run(t, harnessOf(f.broken))
		}
	}
}

// harnessOf returns the harness of a faulty driver, which reopens it if it can be reopened.
func harnessOf(broken func(store.Driver) store.Driver) storetest.Harness {
	type reopener interface{ reopened() store.Driver }
	h := storetest.Harness{Open: func(*testing.T) store.Driver { return broken(memory.New()) }}
	if _, ok := broken(memory.New()).(reopener); ok {
		h.Reopen = func(t *testing.T, d store.Driver) store.Driver {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			return d.(reopener).reopened()
		}
	}
	return h
}

type itemsFirst struct{ store.Driver }

func (d itemsFirst) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if len(c.Items) > 0 && c.Check() == nil {
		if r, err := d.Driver.Append(ctx, store.Commit{Items: c.Items}); err != nil {
			return r, err
		}
	}
	return d.Driver.Append(ctx, c)
}

type noConditions struct{ store.Driver }

func (d noConditions) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	c.Conditions = nil
	return d.Driver.Append(ctx, c)
}

type lateReads struct{ store.Driver }

func (d lateReads) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	if head, err := d.Head(ctx); err == nil && (q.Before == 0 || q.Before > head) {
		q.Before = max(head, 1)
	}
	return d.Driver.Read(ctx, q)
}

type noWait struct{ store.Driver }

func (d noWait) Wait(ctx context.Context, _ store.Position) (store.Position, error) {
	return d.Head(context.WithoutCancel(ctx)) // or a wait that begins late would end rightly
}

type noRepeats struct{ store.Driver }

func (d noRepeats) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	r, err := d.Driver.Append(ctx, c)
	if r.Repeated {
		return store.Receipt{}, store.DuplicateError(c.Events[0].ID, c.Events[0].Stream, c.Events[0].Stream, r.First)
	}
	return r, err
}

type noRevisions struct{ store.Driver }

func (d noRevisions) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	r, err := d.Driver.Append(ctx, c)
	r.Revisions = nil
	return r, err
}

type mending struct{ store.Driver }

func (d mending) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	c.Events = slices.Clone(c.Events)
	for i := range c.Events {
		c.Events[i].Stream = strings.ReplaceAll(c.Events[i].Stream, "\n", " ")
	}
	return d.Driver.Append(ctx, c)
}

type unordered struct{ store.Driver }

func (d unordered) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		var items []store.Item
		for item, err := range d.Driver.List(ctx, bucket, from, to) {
			if err != nil {
				yield(item, err)
				return
			}
			items = append(items, item)
		}
		for _, item := range slices.Backward(items) {
			if !yield(item, nil) {
				return
			}
		}
	}
}

type closedOnce struct {
	store.Driver
	closed atomic.Bool
}

func (d *closedOnce) Close() error {
	if d.closed.Swap(true) {
		return store.ErrClosed
	}
	return d.Driver.Close()
}

type deaf struct{ store.Driver }

func (d deaf) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	return d.Driver.Get(context.WithoutCancel(ctx), bucket, key)
}

type noLimit struct{ store.Driver }

func (d noLimit) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	q.Limit = max(q.Limit, 0) * 2
	return d.Driver.Read(ctx, q)
}

type paged struct{ store.Driver }

func (d paged) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	if q.Backward || q.Limit > 0 {
		return d.Driver.Read(ctx, q)
	}
	return func(yield func(event.Record, error) bool) {
		q.Limit = 5
		for found, page := 1, 0; found > 0 && page < 100; page++ {
			found = 0
			for r, err := range d.Driver.Read(ctx, q) {
				if !yield(r, err) || err != nil {
					return
				}
				found, q.After = found+1, r.Position
			}
		}
	}
}

type neverNil struct{ store.Driver }

func (d neverNil) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range d.Driver.Read(ctx, q) {
			r.Data = append([]byte{}, r.Data...)
			if !yield(r, err) {
				return
			}
		}
	}
}

// sharing hands the same record to every reader.
type sharing struct {
	store.Driver
	seen map[store.Position]event.Record
}

func (d *sharing) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range d.Driver.Read(ctx, q) {
			if err == nil && d.seen[r.Position].ID != r.ID {
				d.seen[r.Position] = r
			}
			if !yield(d.seen[r.Position], err) {
				return
			}
		}
	}
}

// everOpen says that all openings are one.
type everOpen struct{ store.Driver }

func (everOpen) Opened() event.ID { return event.UUID([16]byte{1}) }
