package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// picky fails for what it says is poison, and otherwise notes the call.
type picky struct {
	calls
	poison func(event.Record) error
}

func (p *picky) handle(ctx context.Context, r event.Record) error {
	if err := p.poison(r); err != nil {
		return err
	}
	return p.calls.handle(ctx, r)
}

func poisonAt(positions ...store.Position) func(event.Record) error {
	return func(r event.Record) error {
		if slices.Contains(positions, r.Position) {
			return consumer.Permanent(errDown)
		}
		return nil
	}
}

func TestALaterRecordOfAParkedKeyWaitsAndOthersFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1)
		place(t, st, "b", 1)
		place(t, st, "a", 2, 3)
		last := place(t, st, "b", 2)
		h := &picky{poison: poisonAt(1)}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle))
		stop := start(t, c)
		waitFor(t, c, last)
		last = place(t, st, "a", 4)
		waitFor(t, c, last)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		stop = start(t, newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle))) // a restart remembers
		synctest.Wait()
		place(t, st, "a", 5)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(h.positions()); got != "[2 5]" {
			t.Errorf("handled %s, want [2 5]: the other key", got)
		}
		found := letters(t, st)
		if got, want := places(found), "1 failed, 3 waiting, 4 waiting, 6 waiting, 7 waiting"; got != want {
			t.Fatalf("the letters are %s, want %s", got, want)
		}
		if got := checkpoint(t, st); got != 7 {
			t.Errorf("the checkpoint is %d, want 7: it passes what is parked", got)
		}
	})
}

func TestADeadLetterTellsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		began := time.Now()
		cfg := consumer.Config{Retry: consumer.Retry{Attempts: 3, First: time.Second, Limit: time.Second}}
		c := newConsumer(t, st, cfg, consumer.OnRecord(func(context.Context, event.Record) error { panic("nil map") }))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 7))
		l := letters(t, st)[0]
		if l.Error != "panic: nil map" || !strings.Contains(l.Stack, "park_test.go") || l.Attempts != 3 || l.Key != "order-a" || string(l.Record.Data) != `{"Order":"a","N":7}` {
			t.Errorf("the letter is %+v", l)
		}
		if first, last := l.First.Sub(began), l.Last.Sub(began); first != 0 || last < time.Second {
			t.Errorf("it failed first after %v and last after %v", first, last)
		}
	})
}

func TestAttemptsAreCountedAcrossRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var attempts atomic.Int64
		cfg := consumer.Config{Retry: consumer.Retry{Attempts: 5, First: time.Hour, Limit: time.Hour}}
		handler := consumer.OnRecord(func(context.Context, event.Record) error { attempts.Add(1); return errDown })
		place(t, st, "a", 1)
		for range 5 {
			stop := start(t, newConsumer(t, st, cfg, handler))
			synctest.Wait()
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		}
		found := letters(t, st)
		if attempts.Load() != 5 || len(found) != 1 || found[0].Attempts != 5 {
			t.Errorf("there were %d calls in 5 runs, and the letters are %+v; want 5, the last of which parks", attempts.Load(), found)
		}
	})
}

func TestTheLimitOfDeadLettersHaltsAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		last := place(t, st, "a", 1, 2, 3, 4, 5)
		h := &picky{poison: poisonAt(1)}
		cfg := consumer.Config{DeadLetters: 3, Slots: 1}
		for range 2 {
			err := newConsumer(t, st, cfg, consumer.OnRecord(h.handle)).Run(t.Context())
			limit, _ := errors.AsType[*consumer.LimitError](err)
			if limit == nil || limit.Limit != 3 || limit.Letters != 3 || limit.Record.Position != 4 || !strings.Contains(err.Error(), "redrive or discard") {
				t.Fatalf("Run returned %v", err)
			}
			if got := places(letters(t, st)); got != "1 failed, 2 waiting, 3 waiting" {
				t.Errorf("the letters are %s", got)
			}
			if got := checkpoint(t, st); got != 3 {
				t.Errorf("the checkpoint is %d, want 3", got)
			}
		}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle)) // with room
		defer start(t, c)()
		waitFor(t, c, last)
		if got := places(letters(t, st)); got != "1 failed, 2 waiting, 3 waiting, 4 waiting, 5 waiting" {
			t.Errorf("with room the letters are %s", got)
		}
	})
}

func TestARedrivenKeyIsHandledInOrderWithWhatArrivesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var mended atomic.Bool
		h := &picky{poison: func(r event.Record) error {
			if r.Position == 1 && !mended.Load() {
				return consumer.Permanent(errDown)
			}
			time.Sleep(time.Second)
			return nil
		}}
		last := place(t, st, "a", 1, 2, 3, 4)
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle))
		defer start(t, c)()
		waitFor(t, c, last)
		mended.Store(true)
		redrive(t, st, "order-a")
		for range 30 {
			time.Sleep(time.Second / 3)
			last = place(t, st, "a", 0)
		}
		time.Sleep(time.Minute)
		waitFor(t, c, last)
		if got := h.positions(); !slices.IsSorted(got) || len(got) != 34 {
			t.Errorf("handled %v, want 1 to 34 in order", got)
		}
		if got := letters(t, st); len(got) > 0 {
			t.Errorf("there are letters left: %s", places(got))
		}
		for item := range st.List(t.Context(), "oxbow.deadletter.redrive/billing", "", "") {
			t.Errorf("the request is left: %s", item.Key)
		}
	})
}

// Records arrive in the very moments in which the last letter is handled and the key becomes free.
func TestAKeyBecomesFreeBetweenTwoRecordsAndNeverAmongThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		st := store.New(driver, store.Config{})
		for round := range 30 {
			list := time.Duration(30+round%2*120) * time.Millisecond // shorter than a commit, or longer
			slow := store.New(&slowly{Driver: driver, append: 100 * time.Millisecond, list: list}, store.Config{})
			key := fmt.Sprint("key-", round)
			var mended atomic.Bool
			h := &picky{poison: func(r event.Record) error {
				if r.Revision == 1 && !mended.Load() {
					return consumer.Permanent(errDown)
				}
				return nil
			}}
			stop := start(t, newConsumer(t, slow, consumer.Config{Where: func(r *event.Record) bool { return r.Stream == "order-"+key }}, consumer.OnRecord(h.handle)))
			time.Sleep(10 * time.Second)
			place(t, st, key, 1, 2)
			time.Sleep(10 * time.Second)
			mended.Store(true)
			redrive(t, st, "order-"+key)
			for range 60 {
				time.Sleep(time.Duration(50+round*20) * time.Millisecond)
				place(t, st, key, 0)
			}
			time.Sleep(time.Minute)
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if got := h.positions(); !slices.IsSorted(got) || len(got) != 62 {
				t.Fatalf("round %d: %d of 62 were handled, in the order %v", round, len(got), got)
			}
			if left := letters(t, st); len(left) > 0 {
				t.Fatalf("round %d: there are letters left: %s", round, places(left))
			}
		}
	})
}

func TestARedrivenLetterThatFailsAgainKeepsItsKeyParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		last := place(t, st, "a", 1, 2, 3)
		poison := store.Position(1)
		calls := 0
		cfg := consumer.Config{Retry: consumer.Retry{Attempts: 2}}
		h := &picky{poison: func(r event.Record) error {
			if r.Position == poison {
				calls++
				return errDown
			}
			return nil
		}}
		c := newConsumer(t, st, cfg, consumer.OnRecord(h.handle))
		stop := start(t, c)
		waitFor(t, c, last)
		redrive(t, st, "order-a")
		time.Sleep(time.Minute)
		if found := letters(t, st); places(found) != "1 failed, 2 waiting, 3 waiting" || found[0].Attempts != 4 || calls != 4 {
			t.Errorf("after a redrive that failed, and %d calls, the letters are %s, the first with %d attempts", calls, places(found), found[0].Attempts)
		}
		poison = 2
		redrive(t, st, "order-a")
		time.Sleep(time.Minute)
		if found := letters(t, st); places(found) != "2 failed, 3 waiting" || found[0].Attempts != 2 {
			t.Errorf("after the second redrive the letters are %s: %+v", places(found), found[0])
		}
		last = place(t, st, "a", 4)
		waitFor(t, c, last)
		poison = 0
		redrive(t, st, "order-a")
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(h.positions()); got != "[1 2 3 4]" {
			t.Errorf("handled %s, want [1 2 3 4]", got)
		}
	})
}

func TestWhatIsEditedOrDiscardedDuringARedriveIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		mended := false
		c := newConsumer(t, st, typeFilter("order.placed"), consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			if !mended {
				return consumer.Permanent(errDown)
			}
			time.Sleep(10 * time.Second)
			return consumer.Transaction(ctx).Append(orderPaid{fmt.Sprint(r.Position, string(r.Data))})
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2, 3))
		mended = true
		redrive(t, st, "order-a")
		time.Sleep(5 * time.Second) // the first one is being handled
		found := letters(t, st)
		if err := found[0].Edit([]byte(`{"N":9}`), nil, time.Now(), "ann", "typo"); err != nil {
			t.Fatal(err)
		}
		change(t, st, parked.Change{Again: found[:1], Resolved: found[1:2]})
		time.Sleep(time.Minute)
		var effects []string
		for _, r := range paid(t, st) {
			effects = append(effects, string(r.Data))
		}
		if want := `[{"Order":"1{\"N\":9}"} {"Order":"3{\"Order\":\"a\",\"N\":3}"}]`; fmt.Sprint(effects) != want {
			t.Errorf("the effects are %s, want %s", effects, want)
		}
		if got := letters(t, st); len(got) > 0 {
			t.Errorf("there are letters left: %s", places(got))
		}
	})
}

func TestADiscardedFrontLetterLetsTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		h := &picky{poison: poisonAt(1, 4)}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2, 3))
		waitFor(t, c, place(t, st, "b", 1)) // alone
		for _, l := range letters(t, st) {
			if l.State == parked.Failed {
				change(t, st, parked.Change{Resolved: []parked.Letter{l}, Ask: []parked.Request{{Slot: l.Slot, Hash: l.Hash, At: time.Now()}}})
			}
		}
		time.Sleep(time.Minute)
		waitFor(t, c, place(t, st, "b", 2))
		waitFor(t, c, place(t, st, "a", 4))
		if got := fmt.Sprint(h.positions()); got != "[2 3 5 6]" {
			t.Errorf("handled %s, want [2 3 5 6]", got)
		}
	})
}

// At every commit of a redrive the consumer dies, before it or after it.
func TestARedriveThatIsKilledGoesOnAndHappensOnce(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n, died := int64(1), true; died; n++ {
			synctest.Test(t, func(t *testing.T) {
				driver := memory.New()
				defer driver.Close()
				st := store.New(driver, store.Config{})
				last := place(t, st, "a", 1, 2, 3)
				var seen []int
				poison := true
				handler := consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
					if poison {
						return consumer.Permanent(errDown)
					}
					seen = append(seen, e.Data.N)
					return sum(ctx, e)
				})
				runFor(t, st, handler, last)
				poison = false
				redrive(t, st, "order-a")
				place(t, st, "a", 4)
				crash := &crashing{Driver: driver, at: n, after: after}
				handleFor(t, store.New(crash, store.Config{}), handler)
				if died = crash.dead.Load(); died {
					handleFor(t, st, handler)
				}
				if got := number(t, st, "a"); got != 10 || len(paid(t, st)) != 4 || len(letters(t, st)) > 0 {
					t.Errorf("died at commit %d (after it: %v): the sum is %d, %d are paid, and the letters are %s",
						n, after, got, len(paid(t, st)), places(letters(t, st)))
				}
				if !slices.IsSorted(slices.Compact(seen)) {
					t.Errorf("died at commit %d (after it: %v): the order was %v", n, after, seen)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}

// handleFor runs a consumer for a minute, or until it dies.
func handleFor(t *testing.T, st *store.Store, handler consumer.Handler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := newConsumer(t, st, consumer.Config{Slots: 3}, handler).Run(ctx); err != nil && !errors.Is(err, errCrash) {
		t.Errorf("Run returned %v", err)
	}
}

func TestARewoundConsumerPassesParkedRecordsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		h := &picky{poison: poisonAt(2)}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(h.handle))
		defer start(t, c)()
		last := place(t, st, "a", 1, 2, 3)
		waitFor(t, c, last)
		before := letters(t, st)
		if err := c.Rewind(t.Context(), consumer.FromBeginning); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		waitFor(t, c, last)
		after := letters(t, st)
		if places(after) != "1 waiting, 2 failed, 3 waiting" || after[1].Revision != before[0].Revision {
			t.Errorf("the letters are %s; those that there were are to stay, and what was before them waits", places(after))
		}
		h.poison = poisonAt()
		redrive(t, st, "order-a")
		time.Sleep(time.Minute)
		if got := fmt.Sprint(h.positions()); got != "[1 1 2 3]" {
			t.Errorf("handled %s, want [1 1 2 3]", got)
		}
	})
}
