package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const handKeys = 200

// gated is a consumer whose workers have handled so many fast records that they take many at once, and whose handler stops at the records
// with the number 1 until the gate is opened.
type gated struct {
	*consumer.Consumer
	store          *store.Store
	stop           func() error
	gate           chan struct{}
	stopped, ended atomic.Int64 // calls that came to the gate, and those that returned
}

func newGated(t *testing.T, workers int) *gated { return newGatedOn(t, newStore(t), workers) }

func newGatedOn(t *testing.T, st *store.Store, workers int) *gated {
	g := &gated{store: st, gate: make(chan struct{})}
	g.Consumer = newConsumer(t, g.store, consumer.Config{Workers: workers},
		consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
			if e.Data.N == 1 {
				g.stopped.Add(1)
				<-g.gate
			}
			g.ended.Add(1)
			return nil
		}))
	g.stop = start(t, g.Consumer)
	for range 10 {
		waitFor(t, g.Consumer, g.append(t, 0, handKeys))
	}
	g.ended.Store(0)
	return g
}

// append appends a record with the number to each of so many keys.
func (g *gated) append(t *testing.T, number, keys int) (last store.Position) {
	t.Helper()
	var orders []any
	for k := range keys {
		orders = append(orders, orderPlaced{fmt.Sprint("key-", k), number})
	}
	receipt, err := g.store.Append(t.Context(), orders...)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Last
}

func TestASlowHandlerHoldsNothingElseUp(t *testing.T) {
	for slow := 1; slow < 4; slow++ {
		synctest.Test(t, func(t *testing.T) {
			g := newGated(t, 4)
			g.append(t, 1, slow)
			for range 5 {
				g.append(t, 0, handKeys)
			}
			synctest.Wait()
			if got, want := g.ended.Load(), int64(5*(handKeys-slow)); got != want {
				t.Errorf("while %d of 4 handlers were slow, %d of the %d records of other keys were handled", slow, got, want)
			}
			close(g.gate)
			if err := g.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatTheWorkerOfASlowHandlerHasBesideItGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(t, 2)
		defer g.stop()
		for round := range 100 {
			if err := g.Pause(t.Context()); err != nil { // so that all are ready at once
				t.Fatal(err)
			}
			g.ended.Store(0)
			for k := range 4 {
				number := 0
				if k == round%4 {
					number = 1
				}
				place(t, g.store, fmt.Sprint("key-", k), number)
			}
			synctest.Wait()
			if err := g.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if stats, err := g.Stats(t.Context()); err != nil || stats.Pending != 1 || g.ended.Load() != 3 {
				t.Fatalf("in round %d, beside a slow one %d of 3 were handled, and %d of 4 do not count as handled; error %v",
					round, g.ended.Load(), stats.Pending, err)
			}
			g.gate <- struct{}{}
			synctest.Wait()
		}
	})
}

func TestWhatWaitsBehindADeadLetterIsTakenBackAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		gate := make(chan struct{})
		var broken atomic.Bool
		var handled calls
		c := newConsumer(t, st, consumer.Config{Workers: 2}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			switch {
			case e.Data.Order == "slow" && e.Data.N == 1:
				<-gate
			case e.Data.Order == "broken" && broken.Load():
				return consumer.Permanent(errDown)
			}
			return handled.handle(ctx, event.Record{Place: e.Place})
		}))
		defer start(t, c)()
		for n := range 20 { // so that workers take several at once
			waitFor(t, c, place(t, st, fmt.Sprint("fast-", n), 0))
		}
		broken.Store(true)
		waitFor(t, c, place(t, st, "broken", 0)) // at 21
		if err := c.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, order := range []string{"slow", "broken", "fast-1", "fast-2"} { // from 22 on
			place(t, st, order, 1)
		}
		synctest.Wait()
		if err := c.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := places(letters(t, st)); got != "21 failed, 23 waiting" {
			t.Errorf("beside a slow handler, the letters are %s", got)
		}
		broken.Store(false)
		redrive(t, st, "order-broken")
		close(gate)
		time.Sleep(time.Minute)
		if got := fmt.Sprint(handled.positions()[20:], places(letters(t, st))); !strings.HasSuffix(got, " 21 23]") {
			t.Errorf("redriven, it handled %s", got)
		}
		waitFor(t, c, place(t, st, "broken", 2))
		if got := fmt.Sprint(handled.positions()[25:], places(letters(t, st))); got != "[26]" {
			t.Errorf("after the redrive, it handled %s", got)
		}
	})
}

func TestASlowHandlerHoldsNothingUpWhileThereIsMuchToDo(t *testing.T) {
	const each = 50
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		gate := make(chan struct{})
		var rounds [handKeys]atomic.Int64
		c := newConsumer(t, st, consumer.Config{Workers: 4}, consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
			switch rounds[e.Data.N].Add(1) {
			case 2:
				if e.Data.N == 0 {
					<-gate
				}
			case each - 10:
				behind := 0
				for k := range rounds[1:] {
					if rounds[k+1].Load() < 2 {
						behind++
					}
				}
				if behind > 2 { // the other two that are not at the gate may be at one each, and not get a processor
					t.Errorf("while the handler of another key was slow, key %d was handled %d times, and %d were only once", e.Data.N, each-10, behind)
				}
			}
			return nil
		}))
		round := func() (last store.Position) {
			var orders []any
			for k := range handKeys {
				orders = append(orders, orderPlaced{fmt.Sprint("key-", k), (k + 50) % handKeys})
			}
			receipt, err := st.Append(t.Context(), orders...)
			if err != nil {
				t.Fatal(err)
			}
			return receipt.Last
		}
		defer start(t, c)()
		waitFor(t, c, round()) // all slots are held
		if err := c.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range each - 1 {
			round()
		}
		synctest.Wait()
		if err := c.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		close(gate)
		waitFor(t, c, each*handKeys)
		for k := range rounds {
			if n := rounds[k].Load(); n != each {
				t.Errorf("key %d was handled %d times, want %d", k, n, each)
			}
		}
	})
}

// hanging is a store that other processes may have too, and that can be made to hang.
type hanging struct {
	store.Driver
	until atomic.Pointer[chan struct{}]
}

func (h *hanging) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if until := h.until.Load(); until != nil {
		<-*until
	}
	return h.Driver.Append(ctx, c)
}

func TestNothingBeginsAfterTheLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &hanging{Driver: memory.New()}
		g := newGatedOn(t, store.New(driver, store.Config{}), 2)
		g.append(t, 1, handKeys)
		synctest.Wait()
		until := make(chan struct{})
		driver.until.Store(&until)
		time.Sleep(time.Hour)
		close(g.gate)
		synctest.Wait()
		if got := g.stopped.Load(); got != 2 {
			t.Errorf("%d handlers were called, want the 2 that were while the lease was held", got)
		}
		driver.until.Store(nil)
		close(until)
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingBeginsAnyMore(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, g *gated) error{
		"paused":  func(t *testing.T, g *gated) error { return g.Pause(t.Context()) },
		"rewound": func(t *testing.T, g *gated) error { return g.Rewind(t.Context(), consumer.FromNow) },
		"stopped": func(t *testing.T, g *gated) error {
			ended := make(chan error, 1)
			go func() { ended <- g.stop() }()
			synctest.Wait()
			close(g.gate)
			return <-ended
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGated(t, 2)
			g.append(t, 1, handKeys)
			synctest.Wait()
			if err := end(t, g); err != nil {
				t.Fatal(err)
			}
			if name != "stopped" {
				close(g.gate)
				synctest.Wait()
			}
			if got := g.stopped.Load(); got != 2 {
				t.Errorf("%s while 2 handlers ran, %d were called", name, got)
			}
			if name != "stopped" {
				if err := g.stop(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
