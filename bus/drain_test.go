package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestDrainHandlesWhatWaitsAndTakesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}))
		fill(t, b, 1, 4)
		drained := make(chan error)
		go func() { drained <- sub.Drain(t.Context()) }()
		synctest.Wait()
		publish(t, b, Ticked{N: 5})
		close(g.open)
		if err := <-drained; err != nil {
			t.Error(err)
		}
		g.expect(t, 1, 2, 3, 4)
		if left := b.Subscriptions(); len(left) != 0 {
			t.Errorf("the bus still has %v", left)
		}
		closeBus(t, b)
	})
}

func TestDrainThatGivesUpDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}), bus.Named("slow"))
		fill(t, b, 1, 4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := sub.Drain(ctx)
		var unfinished *bus.UnfinishedError
		if !errors.As(err, &unfinished) || !errors.Is(err, context.DeadlineExceeded) ||
			unfinished.Left[0] != (bus.Left{Subscription: "slow", Waiting: 3, Running: 1}) {
			t.Errorf("error is %v, want 3 waiting and 1 running", err)
		}
		if !strings.Contains(err.Error(), "slow: events dropped 0, handlers still running 1, events still waiting 3") {
			t.Errorf("message is %q", err)
		}
		close(g.open)
		if err := sub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		g.expect(t, 1, 2, 3, 4)
		expectStats(t, sub, bus.Stats{Delivered: 4})
		closeBus(t, b)
	})
}

func TestDrainWithinItsOwnHandlerIsAnErrorAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var sub, inner *bus.Subscription
		var own, of error
		sub = subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			own = sub.Drain(ctx)
			of = inner.Drain(ctx)
			return nil
		}, bus.Queued(bus.Queue{}))
		inner = subscribe(t, b, nop[OrderPaid], bus.Queued(bus.Queue{}))
		publish(t, b, Ticked{})
		synctest.Wait()
		if own == nil || !strings.Contains(own.Error(), "wait for itself") || of != nil {
			t.Errorf("its own Drain gave %v, another's %v", own, of)
		}
		publish(t, b, Ticked{}) // nothing was ended
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 2})
	})
}

func TestDrainWaitsForASyncHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			time.Sleep(time.Hour)
			return nil
		}, bus.Named("sync"))
		go publish(t, b, Ticked{})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var unfinished *bus.UnfinishedError
		if err := sub.Drain(ctx); !errors.As(err, &unfinished) || unfinished.Left[0] != (bus.Left{Subscription: "sync", Running: 1}) {
			t.Errorf("error is %v, want 1 running", err)
		}
		if err := sub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		expectStats(t, sub, bus.Stats{Delivered: 1})
		closeBus(t, b)
	})
}

func TestDrainServesPublishersThatWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 1}))
		fill(t, b, 1, 2)
		go publish(t, b, Ticked{N: 3})
		synctest.Wait()
		go func() {
			synctest.Wait()
			close(g.open)
		}()
		if err := sub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		g.expect(t, 1, 2, 3)
		closeBus(t, b)
	})
}

// The handler never returns: whoever waits for it is told at the end of their patience, and nobody else is held up.
func TestHandlerThatBlocksForEverHoldsNobodyWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		stuck := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 1}), bus.Named("stuck"))
		other := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}))
		fill(t, b, 1, 2)
		for _, wait := range []func(context.Context) error{stuck.Drain, stuck.Close, b.Close} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v, want the end of patience", err)
			}
			cancel()
		}
		expectStats(t, other, bus.Stats{Delivered: 2})
		expectStats(t, stuck, bus.Stats{Dropped: 1})
		close(g.open) // so that the bubble can end: the handler's is the only goroutine that is left
	})
}

func TestClosingTheBusTakesInWhatIsStillDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}), bus.Named("slow"))
		fill(t, b, 1, 4)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := sub.Drain(gone); err == nil {
			t.Error("Drain returned before the handlers")
		}
		if all := b.Subscriptions(); len(all) != 1 || all[0].Stats.Depth != 3 {
			t.Errorf("the bus shows %+v, want what drains", all)
		}
		var unfinished *bus.UnfinishedError
		if err := b.Close(gone); !errors.As(err, &unfinished) || len(unfinished.Left) != 1 ||
			unfinished.Left[0] != (bus.Left{Subscription: "slow", Dropped: 3, Running: 1}) {
			t.Errorf("error is %v, want 3 dropped and 1 running", err)
		}
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1)
		if left := b.Subscriptions(); len(left) != 0 {
			t.Errorf("the bus still has %v", left)
		}
	})
}

func TestSyncHandlerCannotDrainItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var sub *bus.Subscription
		var own, of error
		queued := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}))
		feed := broadcast[Ticked](t, b, bus.Ring{})
		reading := read(t.Context(), feed)
		sub = subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			own = sub.Drain(ctx)
			of = errors.Join(queued.Drain(ctx), feed.Drain(ctx)) // those do not wait for it
			return nil
		})
		publish(t, b, Ticked{N: 1})
		if own == nil || !strings.Contains(own.Error(), "wait for itself") || of != nil {
			t.Errorf("its own Drain gave %v, others' %v", own, of)
		}
		synctest.Wait()
		reading.expect(t, "1", "end")
		expectStats(t, queued, bus.Stats{Delivered: 1})
		expectStats(t, sub, bus.Stats{Delivered: 1})
		closeBus(t, b)
	})
}
