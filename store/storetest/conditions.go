package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var conditions = []claim{
	{"StreamIsAtRevision", streamAtRevision},
	{"StreamDoesNotExist", streamDoesNotExist},
	{"StreamExists", streamExists},
	{"ItemIsAtRevision", itemAtRevision},
	{"NoRecordMatchesAfterPosition", noneAfter},
	{"NoRecordMatchesAnyOfSeveralFilters", noneOfSeveral},
	{"AllConditionsMustHold", allMustHold},
	{"ConditionsAreAboutOtherStreamsToo", otherStreams},
	{"ConditionsDoNotSeeTheirOwnCommit", notTheirOwnCommit},
	{"ItemsAloneCanHaveConditions", itemsAlone},
	{"ConcurrentWritersOfOneRevisionHaveOneWinner", oneWinner},
	{"CompareAndSetCountsRight", compareAndSet},
	{"ConcurrentClaimsOfOneTagHaveOneWinner", oneClaim},
}

func streamAtRevision(t *trial) {
	t.commit(events(records("s", 3)...))
	for _, wrong := range []uint64{0, 1, 2, 4, 1 << 62} {
		facts := t.conflict(given(store.AtRevision("s", wrong)))
		if facts.Stream != "s" || facts.GotRevision != 3 {
			t.Errorf("at revision %d: the conflict's facts are %+v, want stream s at 3", wrong, facts)
		}
	}
	t.commit(given(store.AtRevision("s", 3)))
	t.conflict(given(store.AtRevision("none", 1)))

	c := events(records("s", 2)...)
	c.Conditions = []store.Condition{store.AtRevision("s", 3)}
	if r := t.commit(c); r.Revisions["s"] != 5 {
		t.Errorf("the receipt says revision %d, want 5", r.Revisions["s"])
	}
	c = events(record("s"))
	c.Conditions = []store.Condition{store.AtRevision("s", 4)} // in the middle of the last commit
	t.conflict(c)
}

func streamDoesNotExist(t *trial) {
	t.commit(given(store.NoStream("s")))
	c := events(record("s"))
	c.Conditions = []store.Condition{store.NoStream("s")}
	t.commit(c)
	facts := t.conflict(given(store.NoStream("s")))
	if facts.Stream != "s" || facts.GotRevision != 1 {
		t.Errorf("the conflict's facts are %+v, want stream s at 1", facts)
	}
	t.commit(given(store.NoStream("S"), store.NoStream("s ")))
}

func streamExists(t *trial) {
	facts := t.conflict(given(store.StreamExists("s")))
	if facts.Stream != "s" || facts.GotRevision != 0 {
		t.Errorf("the conflict's facts are %+v, want stream s at 0", facts)
	}
	t.commit(events(record("s")))
	t.commit(given(store.StreamExists("s")))
	t.commit(given(store.StreamExists("s")))
}

func itemAtRevision(t *trial) {
	t.commit(given(store.ItemAt(things, "k", 0)))
	facts := t.conflict(given(store.ItemAt(things, "k", 7)))
	if facts.Bucket != things || facts.Key != "k" || facts.GotRevision != 0 {
		t.Errorf("the conflict's facts are %+v, want item k in %s at 0", facts, things)
	}
	first := t.commit(puts(store.Put(things, "k", nil))).ItemRevision
	facts = t.conflict(given(store.ItemAt(things, "k", 0)))
	if facts.GotRevision != first {
		t.Errorf("the conflict's facts are %+v, want revision %d", facts, first)
	}
	t.commit(given(store.ItemAt(things, "k", first), store.ItemAt(others, "k", 0)))

	second := t.commit(puts(store.Put(things, "k", nil))).ItemRevision
	t.conflict(given(store.ItemAt(things, "k", first)))
	t.commit(given(store.ItemAt(things, "k", second)))

	t.commit(puts(store.Delete(things, "k")))
	t.conflict(given(store.ItemAt(things, "k", second)))
	t.commit(given(store.ItemAt(things, "k", 0)))
}

func noneAfter(t *trial) {
	last := t.commit(events(
		typed("order-1", "order.placed"), tagged("order-2", "customer:7", "vip"), typed("cart-1", "cart.opened"),
	)).Last
	at := func(i int) store.Position { return t.read(store.Query{})[i].Position }
	correlated := t.read(store.Query{})[1]
	for name, q := range map[string]struct {
		filter store.Filter
		found  store.Position
	}{
		"type":            {store.Filter{Types: []string{"cart.closed", "order.placed"}}, at(0)},
		"tag":             {store.Filter{Tags: []string{"customer:7"}}, at(1)},
		"all tags":        {store.Filter{Tags: []string{"vip", "customer:7"}}, at(1)},
		"stream":          {store.Filter{Stream: "cart-1"}, at(2)},
		"stream prefix":   {store.Filter{StreamPrefix: "cart-"}, at(2)},
		"correlation":     {store.Filter{Correlation: correlated.CorrelationID}, at(1)},
		"id":              {store.Filter{ID: correlated.ID}, at(1)},
		"type and stream": {store.Filter{Types: []string{"order.placed"}, StreamPrefix: "order"}, at(0)},
	} {
		facts := t.conflict(given(store.NoneAfter(q.found-1, q.filter)))
		if facts.GotPosition != q.found {
			t.Errorf("%s: the conflict names position %d, want %d", name, facts.GotPosition, q.found)
		}
		t.commit(given(store.NoneAfter(q.found, q.filter)))
		t.commit(given(store.NoneAfter(last+1000, q.filter)))
	}
	t.commit(given(store.NoneAfter(0, store.Filter{Tags: []string{"customer:7", "other"}})))
	t.commit(given(store.NoneAfter(0, store.Filter{Tags: []string{"customer:7"}, Types: []string{"order.placed"}})))
	t.conflict(given(store.NoneAfter(0, store.Filter{}))) // every record matches
}

func noneOfSeveral(t *trial) {
	t.commit(events(tagged("a", "x"), tagged("b", "y")))
	x, y, z := store.Filter{Tags: []string{"x"}}, store.Filter{Tags: []string{"y"}}, store.Filter{Tags: []string{"z"}}
	t.conflict(given(store.NoneAfter(0, z, y)))
	t.conflict(given(store.NoneAfter(0, x, y)))
	t.commit(given(store.NoneAfter(0, z)))
	t.commit(given(store.NoneAfter(t.head(), x, y, z)))
}

func allMustHold(t *trial) {
	t.commit(events(tagged("s", "x")))
	revision := t.commit(puts(store.Put(things, "k", nil))).ItemRevision
	holding := []store.Condition{
		store.AtRevision("s", 1), store.StreamExists("s"), store.NoStream("none"), store.ItemAt(things, "k", revision),
		store.NoneAfter(0, store.Filter{Tags: []string{"y"}}), store.AtRevision("s", 1),
	}
	failing := []store.Condition{
		store.AtRevision("s", 2), store.StreamExists("none"), store.NoStream("s"), store.ItemAt(things, "k", revision+1),
		store.NoneAfter(0, store.Filter{Tags: []string{"x"}}), store.AtRevision("s", 0),
	}
	for i := range holding {
		mixed := append([]store.Condition(nil), holding...)
		mixed[i] = failing[i]
		t.conflict(given(mixed...))
	}
	t.commit(given(holding...))
}

func otherStreams(t *trial) {
	t.commit(events(record("lock")))
	c := events(record("work"))
	c.Conditions = []store.Condition{store.AtRevision("lock", 1)}
	t.commit(c)
	t.commit(events(record("lock")))
	c = events(record("work"))
	c.Conditions = []store.Condition{store.AtRevision("lock", 1)}
	t.conflict(c)
}

func notTheirOwnCommit(t *trial) {
	c := store.Commit{
		Events: []event.Record{tagged("s", "x"), tagged("s", "x")},
		Items:  []store.ItemWrite{store.Put(things, "k", nil)},
		Conditions: []store.Condition{
			store.NoStream("s"), store.ItemAt(things, "k", 0), store.NoneAfter(0, store.Filter{Tags: []string{"x"}}),
		},
	}
	t.commit(c)
}

func itemsAlone(t *trial) {
	c := puts(store.Put(things, "k", []byte("1")))
	c.Conditions = []store.Condition{store.StreamExists("s")}
	t.conflict(c)
	t.commit(events(record("s")))
	t.commit(c)
	c.Conditions = []store.Condition{store.ItemAt(things, "k", 0)}
	t.conflict(c)
}

// race lets n writers begin at once and returns how many of their commits were accepted. Others must be conflicts.
func (t *trial) race(n int, commit func(writer int) store.Commit) int {
	t.Helper()
	var accepted atomic.Int64
	var writers sync.WaitGroup
	start := make(chan struct{})
	for writer := range n {
		c := commit(writer)
		writers.Go(func() {
			<-start
			_, err := t.d.Append(t.ctx, c)
			if err == nil {
				accepted.Add(1)
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("Append: %v", err)
			}
		})
	}
	close(start)
	writers.Wait()
	return int(accepted.Load())
}

func oneWinner(t *trial) {
	for revision := range uint64(10) {
		won := t.race(8, func(int) store.Commit {
			c := events(record("s"))
			c.Conditions = []store.Condition{store.AtRevision("s", revision)}
			return c
		})
		if won != 1 {
			t.Fatalf("%d writers appended at revision %d, want 1", won, revision)
		}
	}
	if n := len(t.read(store.Stream("s"))); n != 10 {
		t.Errorf("the stream has %d events, want 10", n)
	}
}

func compareAndSet(t *trial) {
	const writers, each = 8, 8
	var working sync.WaitGroup
	for range writers {
		working.Go(func() {
			for range each {
				if err := t.increment(); err != nil {
					t.Errorf("increment: %v", err)
					return
				}
			}
		})
	}
	working.Wait()
	if got := string(t.get(things, "n").Value); got != strconv.Itoa(writers*each) {
		t.Errorf("the counter is at %s, want %d", got, writers*each)
	}
}

// increment adds one to an item, again until nobody was faster.
func (t *trial) increment() error {
	for {
		item, err := t.d.Get(t.ctx, things, "n")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(item.Value)) // nothing yet counts as 0
		c := puts(store.Put(things, "n", []byte(strconv.Itoa(n+1))))
		c.Conditions = []store.Condition{store.ItemAt(things, "n", item.Revision)}
		if _, err = t.d.Append(t.ctx, c); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func oneClaim(t *trial) {
	for i := range 10 {
		tag := fmt.Sprintf("name:%d", i)
		won := t.race(8, func(writer int) store.Commit {
			c := events(tagged(fmt.Sprintf("user-%d-%d", i, writer), tag))
			c.Conditions = []store.Condition{store.NoneAfter(0, store.Filter{Tags: []string{tag}})}
			return c
		})
		if won != 1 {
			t.Errorf("%d writers claimed %s, want 1", won, tag)
		}
	}
}
