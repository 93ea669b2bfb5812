// Package storetest proves a store driver: [Run] is the conformance suite that every driver passes.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, storetest.Harness{Open: func(t *testing.T) store.Driver { return memory.New() }})
//	}
//
// The groups that begin with a number are the promises of package store. Every name is a claim and stays as it is, because
// documents link to it. Random tests print their seed; set OXBOW_SEED to repeat one.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// Harness is how the suite gets drivers.
type Harness struct {
	// Open returns an empty store. The suite closes it.
	Open func(t *testing.T) store.Driver

	// Reopen closes the store and opens the same data again. It is nil where nothing survives.
	Reopen func(t *testing.T, d store.Driver) store.Driver
}

// Run proves the driver, each claim in a subtest with a store of its own.
func Run(t *testing.T, h Harness) {
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.claims {
				t.Run(c.name, func(t *testing.T) { c.test(begin(t, h)) })
			}
		})
	}
}

type group struct {
	name   string
	claims []claim
}

type claim struct {
	name string
	test func(t *trial)
}

var groups = []group{
	{"1-CommitIsAtomic", atomicity},
	{"2-ConditionsHoldAtTheCommit", conditions},
	{"3-PositionsAreInCommitOrder", order},
	{"4-AppendIsIdempotent", idempotency},
	{"5-ReceiptTellsWhatHappened", receipts},
	{"6-ContextEndsEveryCall", cancellation},
	{"7-BadInputIsRefused", badInput},
	{"QueriesFindExactly", queries},
	{"IterationsAreSnapshots", snapshots},
	{"ItemsAreKept", items},
	{"StreamsForget", forget},
	{"RecordsAreKeptWhole", whole},
	{"BytesBelongToTheCaller", ownership},
	{"CloseEndsEverything", closing},
	{"EverythingSurvivesReopening", reopening},
	{"AbilitiesAgreeWithTheLog", abilities},
	{"RandomCommitsMatchTheModel", modelled},
}

// trial is one test of one store.
type trial struct {
	*testing.T
	d       store.Driver
	harness Harness
	ctx     context.Context // ends after half a minute, so that a call that waits for ever fails with the name of its claim
}

const patience = 30 * time.Second

func begin(t *testing.T, h Harness) *trial {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	tr := &trial{T: t, d: h.Open(t), harness: h, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if err := tr.d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return tr
}

// canReopen reports whether what the store holds survives closing it.
func (t *trial) canReopen() bool { return t.harness.Reopen != nil }

func (t *trial) reopen() {
	t.Helper()
	if !t.canReopen() {
		t.Skip("nothing survives closing this store")
	}
	t.d = t.harness.Reopen(t.T, t.d)
}
