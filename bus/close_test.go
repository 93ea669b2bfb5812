package bus_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestCloseDrainsTheQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Workers: 3}))
		fill(t, b, 1, 20)
		closing := make(chan error)
		go func() { closing <- b.Close(t.Context()) }()
		synctest.Wait()

		if err := b.Publish(t.Context(), Ticked{}); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("publishing while closing gives %v, want ErrClosed", err)
		}
		if _, err := bus.Subscribe(b, nop[Ticked]); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("subscribing while closing gives %v, want ErrClosed", err)
		}
		if _, err := b.Register(&mailer{}); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("registering while closing gives %v, want ErrClosed", err)
		}

		close(g.open)
		if err := <-closing; err != nil {
			t.Error(err)
		}
		expectStats(t, sub, bus.Stats{Delivered: 20})
		if err := b.Publish(t.Context(), Ticked{}); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("publishing to a closed bus gives %v, want ErrClosed", err)
		}
		closeBus(t, b) // again
	})
}

func TestCloseHandlesWhatHandlersPublishMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		var j journal
		subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
			<-g.open
			return b.Publish(ctx, OrderPaid{})
		}, bus.Queued(bus.Queue{}))
		subscribe(t, b, func(ctx context.Context, _ event.Event[OrderPaid]) error {
			return b.Publish(ctx, Ticked{})
		})
		subscribeTopic(t, b, "*", j.note(""), bus.Queued(bus.Queue{}))

		publish(t, b, OrderPlaced{})
		go func() {
			synctest.Wait()
			close(g.open)
		}()
		closeBus(t, b)
		j.expect(t, "ticked")
	})
}

func TestCloseWaitsForSyncHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var done atomic.Bool
		subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			time.Sleep(time.Hour) // the bubble's time
			done.Store(true)
			return nil
		})
		go publish(t, b, Ticked{})
		synctest.Wait()
		closeBus(t, b)
		if !done.Load() {
			t.Error("Close returned before the handler")
		}
	})
}

func TestCloseGivesUpWithItsContextAndTellsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var cause error
		entered := make(chan struct{})
		stubborn := make(chan struct{})
		slow := subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			close(entered)
			<-ctx.Done()
			cause = context.Cause(ctx)
			<-stubborn
			return nil
		}, bus.Queued(bus.Queue{Size: 3}), bus.Named("slow"))
		subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}), bus.Named("quick"))
		fill(t, b, 1, 4)
		<-entered
		blocked := make(chan error)
		go func() { blocked <- b.Publish(context.Background(), Ticked{N: 5}) }()
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Close(ctx)

		var unfinished *bus.UnfinishedError
		if !errors.As(err, &unfinished) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error is %v, want an UnfinishedError", err)
		}
		if len(unfinished.Left) != 1 || unfinished.Left[0] != (bus.Left{Subscription: "slow", Dropped: 3, Running: 1}) {
			t.Errorf("left is %+v, want 3 dropped and 1 running of slow", unfinished.Left)
		}
		if want := "slow: events dropped 3, handlers still running 1"; !strings.Contains(err.Error(), want) {
			t.Errorf("message is %q, want it to say %q", err, want)
		}
		var refused *bus.HandlerError
		if err := <-blocked; !errors.Is(err, bus.ErrClosed) || !errors.As(err, &refused) || refused.Subscription != "slow" {
			t.Errorf("the blocked publisher got %v, want ErrClosed from slow", err)
		}
		synctest.Wait()
		if !errors.Is(cause, bus.ErrClosed) {
			t.Errorf("the handler's context ended because of %v, want ErrClosed", cause)
		}
		close(stubborn)
		closeBus(t, b) // waits for the handler
		expectStats(t, slow, bus.Stats{Delivered: 1, Dropped: 3, Refused: 1})
	})
}

func TestIdleWaitsForAllThatWasPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		sub := subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
			time.Sleep(time.Minute)
			if e.Data.N == 0 {
				return nil
			}
			return b.Publish(ctx, Ticked{N: e.Data.N - 1})
		}, bus.Queued(bus.Queue{}))
		publish(t, b, Ticked{N: 9})
		start := time.Now()

		if err := b.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 10*time.Minute {
			t.Errorf("Idle took %v, want ten handlers of a minute", took)
		}
		expectStats(t, sub, bus.Stats{Delivered: 10})

		publish(t, b, Ticked{N: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Idle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Idle gives %v, want its context's end", err)
		}
		publish(t, b, Ticked{}) // the bus goes on
		closeBus(t, b)
	})
}

func TestQueuedHandlerCannotWaitForItself(t *testing.T) {
	b := bus.New(bus.Config{})
	errs := make(chan error, 3)
	var sub *bus.Subscription
	ready := make(chan struct{})
	sub = subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
		<-ready
		errs <- sub.Close(ctx)
		errs <- b.Close(ctx)
		errs <- b.Idle(ctx)
		return nil
	}, bus.Queued(bus.Queue{}))
	publish(t, b, Ticked{})
	close(ready)
	closeBus(t, b)
	for range 3 {
		if err := <-errs; err == nil || !strings.Contains(err.Error(), "wait for it") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestClosedSubscriptionHandlesItsQueueAndThenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 3}))
		fill(t, b, 1, 4)
		go publish(t, b, Ticked{N: 5}) // waits for room
		synctest.Wait()
		closing := make(chan error)
		go func() { closing <- sub.Close(t.Context()) }()
		synctest.Wait()
		publish(t, b, Ticked{N: 6})
		close(g.open)

		if err := <-closing; err != nil {
			t.Error(err)
		}
		g.expect(t, 1, 2, 3, 4, 5)
		publish(t, b, Ticked{N: 7})
		closeBus(t, b)
		g.expect(t, 1, 2, 3, 4, 5)
		expectStats(t, sub, bus.Stats{Delivered: 5})
	})
}

func TestCloseOfASubscriptionGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}), bus.Named("slow"))
		fill(t, b, 1, 4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := sub.Close(ctx)
		var unfinished *bus.UnfinishedError
		if !errors.As(err, &unfinished) || unfinished.Left[0] != (bus.Left{Subscription: "slow", Dropped: 3, Running: 1}) {
			t.Errorf("error is %v, want 3 dropped and 1 running", err)
		}
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1)
		expectStats(t, sub, bus.Stats{Delivered: 1, Dropped: 3})
	})
}

func TestCloseOfASyncSubscriptionWaitsForItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var done atomic.Bool
		sub := subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			time.Sleep(time.Hour)
			done.Store(true)
			return nil
		})
		go publish(t, b, Ticked{})
		synctest.Wait()
		if err := sub.Close(t.Context()); err != nil || !done.Load() {
			t.Errorf("Close returned %v and the handler done is %v", err, done.Load())
		}
		publish(t, b, Ticked{})
		expectStats(t, sub, bus.Stats{Delivered: 1})
	})
}

func TestCancelDropsTheQueueAndFreesBlockedPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 2}))
		fill(t, b, 1, 3)
		blocked := make(chan error)
		go func() { blocked <- b.Publish(t.Context(), Ticked{N: 4}) }()
		synctest.Wait()

		sub.Cancel()
		if err := <-blocked; err != nil {
			t.Errorf("the blocked publisher got %v, want what it gets without a subscription", err)
		}
		expectStats(t, sub, bus.Stats{Dropped: 3})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1)
		sub.Cancel() // again
		expectStats(t, sub, bus.Stats{Delivered: 1, Dropped: 3})
	})
}

func TestHandlersMaySubscribeAndCancelEvenThemselves(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			var j journal
			var once, other *bus.Subscription
			once = subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
				j.add("once")
				once.Cancel()
				other.Cancel()
				subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
					j.add("later")
					return nil
				}, opts...)
				return nil
			}, opts...)
			other = subscribe(t, b, func(context.Context, event.Event[OrderPaid]) error {
				j.add("other")
				return nil
			}, opts...)

			publish(t, b, Ticked{}) // who subscribes meanwhile does not get it
			if err := b.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			j.expect(t, "once")
			publish(t, b, OrderPaid{})
			publish(t, b, Ticked{})
			closeBus(t, b)
			j.expect(t, "once", "later")
		})
	}
}

func TestCancelledSyncHandlerIsSkippedByThePublishThatRuns(t *testing.T) {
	b := bus.New(bus.Config{})
	var second *bus.Subscription
	subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
		second.Cancel()
		return nil
	})
	second = subscribe(t, b, nop[Ticked])
	publish(t, b, Ticked{})
	expectStats(t, second, bus.Stats{})
}
