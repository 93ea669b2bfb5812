package bus_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// What handlers do that they should not, and what comes of it. Panics are in publish_test.go.

func TestRecursionWithoutEndIsAnError(t *testing.T) {
	for depth, want := range map[int]int{0: 100, 7: 7} {
		b := bus.New(bus.Config{Depth: depth})
		calls := 0
		sub := subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			calls++
			return bus.Publish(ctx, b, Ticked{})
		})
		err := bus.Publish(t.Context(), b, Ticked{})
		if !errors.Is(err, bus.ErrDepth) || !strings.Contains(err.Error(), "end the recursion, or handle with a queue") {
			t.Errorf("error is %.200v, want ErrDepth", err)
		}
		if calls != want {
			t.Errorf("%d calls within each other, want %d", calls, want)
		}
		expectStats(t, sub, bus.Stats{Failed: uint64(want)})
		if err := bus.Publish(t.Context(), b, OrderPaid{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		closeBus(t, b)
	}
}

func TestRecursionThroughAnotherBusAndOtherTypesIsAnErrorToo(t *testing.T) {
	first, second := bus.New(bus.Config{Depth: 5}), bus.New(bus.Config{})
	var j journal
	subscribe(t, first, func(ctx context.Context, _ event.Event[OrderPlaced]) error {
		j.add("first")
		return second.Publish(context.WithValue(ctx, watched{}, 1), OrderPaid{})
	})
	subscribe(t, second, func(ctx context.Context, e event.Event[OrderPaid]) error {
		return first.Publish(ctx, OrderPlaced{})
	})
	if err := bus.Publish(t.Context(), first, OrderPlaced{}); !errors.Is(err, bus.ErrDepth) {
		t.Errorf("error is %v, want ErrDepth", err)
	}
	j.expect(t, "first", "first", "first", "first", "first")
}

// A queue ends the nesting: its worker begins anew, also for what a sync handler put into it.
func TestQueuedHandlersMayPublishOnAndOn(t *testing.T) {
	b := bus.New(bus.Config{Depth: 5})
	const turns = 50
	queued := subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
		if e.Data.N == turns {
			return nil
		}
		return bus.Publish(ctx, b, OrderPaid{}, event.WithHeader("n", strings.Repeat("i", e.Data.N)))
	}, bus.Queued(bus.Queue{}))
	sync := subscribe(t, b, func(ctx context.Context, e event.Event[OrderPaid]) error {
		return bus.Publish(ctx, b, Ticked{N: len(e.Headers["n"]) + 1})
	})
	publish(t, b, Ticked{})
	closeBus(t, b)
	expectStats(t, queued, bus.Stats{Delivered: turns + 1})
	expectStats(t, sync, bus.Stats{Delivered: turns})
}

func TestHandlerThatClosesTheBusGetsAnErrorAtOnce(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, other := bus.New(bus.Config{}), bus.New(bus.Config{})
				var closed, idle, otherClosed error
				subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
					ctx, cancel := context.WithTimeout(ctx, time.Hour)
					defer cancel()
					closed, idle = b.Close(ctx), b.Idle(ctx)
					otherClosed = other.Close(ctx)
					return nil
				}, opts...)
				publish(t, b, Ticked{})
				publish(t, b, Ticked{}) // it is still open
				if err := b.Idle(t.Context()); err != nil {
					t.Error(err)
				}
				for _, err := range []error{closed, idle} {
					if err == nil || !strings.Contains(err.Error(), "was called by a handler and would wait for it") {
						t.Errorf("error is %v", err)
					}
				}
				if otherClosed != nil {
					t.Errorf("another bus: %v", otherClosed)
				}
				closeBus(t, b)
			})
		})
	}
}

// A sync handler of another bus, called within one of this bus, would be waited for just the same.
func TestClosingIsRecognisedThroughAnotherBus(t *testing.T) {
	outer, inner := bus.New(bus.Config{}), bus.New(bus.Config{})
	var err error
	subscribe(t, outer, func(ctx context.Context, _ event.Event[Ticked]) error { return inner.Publish(ctx, OrderPaid{}) })
	subscribe(t, inner, func(ctx context.Context, _ event.Event[OrderPaid]) error {
		err = outer.Close(ctx)
		return nil
	})
	publish(t, outer, Ticked{})
	if err == nil || !strings.Contains(err.Error(), "would wait for it") {
		t.Errorf("error is %v", err)
	}
}

// Nothing tells Close that a context which does not come from the handler's is used within it: it waits until that ends.
func TestClosingWithAForeignContextWaitsForItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var err error
		subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			foreign, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			err = b.Close(foreign)
			return nil
		}, bus.Named("closer"))
		start := time.Now()
		publish(t, b, Ticked{})
		unfinished, ok := errors.AsType[*bus.UnfinishedError](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || len(unfinished.Left) != 1 || unfinished.Left[0].Running != 1 {
			t.Errorf("error is %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it took %v", took)
		}
		closeBus(t, b)
	})
}

func TestHandlerThatClosesItsOwnSubscriptionGetsAnErrorAtOnce(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			ready := make(chan struct{})
			var own, other *bus.Subscription
			var ownErr, otherErr error
			own = subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
				<-ready
				ownErr, otherErr = own.Close(ctx), other.Close(ctx)
				return nil
			}, opts...)
			other = subscribe(t, b, nop[OrderPaid])
			close(ready)
			publish(t, b, Ticked{})
			closeBus(t, b)
			if ownErr == nil || !strings.Contains(ownErr.Error(), "its own handler would wait for itself; use Cancel") {
				t.Errorf("error is %v", ownErr)
			}
			if otherErr != nil {
				t.Errorf("closing another subscription: %v", otherErr)
			}
		})
	}
}

// The outer handler waits for the publish, and so for the inner handler: which must not wait for the outer one.
func TestSubscriptionOfAHandlerFurtherOutIsRecognised(t *testing.T) {
	b := bus.New(bus.Config{})
	var outer *bus.Subscription
	var err error
	outer = subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error { return bus.Publish(ctx, b, OrderPaid{}) })
	subscribe(t, b, func(ctx context.Context, _ event.Event[OrderPaid]) error {
		err = outer.Close(ctx)
		return nil
	})
	publish(t, b, Ticked{})
	if err == nil || !strings.Contains(err.Error(), "use Cancel") {
		t.Errorf("error is %v", err)
	}
}

func TestSyncHandlerThatBlocksHoldsItsPublisherAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		release := make(chan struct{})
		var j journal
		stuck := subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
			if e.Data.N == 0 {
				<-release
			}
			return nil
		}, bus.Named("stuck"))
		subscribeTopic(t, b, "*", j.note("next "))
		var done atomic.Bool
		go func() {
			publish(t, b, Ticked{N: 0})
			done.Store(true)
		}()
		synctest.Wait()
		publish(t, b, Ticked{N: 1}) // others go on, and may subscribe
		subscribe(t, b, nop[OrderPaid]).Cancel()
		j.expect(t, "next ticked")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.Close(ctx)
		unfinished, ok := errors.AsType[*bus.UnfinishedError](err)
		if !ok || len(unfinished.Left) != 1 || unfinished.Left[0] != (bus.Left{Subscription: "stuck", Running: 1}) {
			t.Errorf("error is %v, want that stuck runs", err)
		}
		if done.Load() {
			t.Error("the publisher went on")
		}
		close(release)
		closeBus(t, b)
		j.expect(t, "next ticked") // not called any more after a Close that gave up
		expectStats(t, stuck, bus.Stats{Delivered: 2})
	})
}

func TestSyncHandlerThatEndsItsGoroutineEndsThePublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var j journal
		before := subscribeTopic(t, b, "*", j.note("before "))
		gone := subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			runtime.Goexit()
			return nil
		})
		after := subscribeTopic(t, b, "*", j.note("after "))
		queued := subscribeTopic(t, b, "*", nop[any], bus.Queued(bus.Queue{}))
		go func() {
			_ = bus.Publish(context.Background(), b, Ticked{})
			t.Error("the publisher went on")
		}()
		synctest.Wait()
		if err := gone.Close(t.Context()); err != nil { // nothing is counted as running
			t.Error(err)
		}
		publish(t, b, OrderPaid{}, event.WithTopic("paid"))
		closeBus(t, b)
		j.expect(t, "before ticked", "before order.paid", "after order.paid")
		expectStats(t, gone, bus.Stats{Failed: 1})
		expectStats(t, before, bus.Stats{Delivered: 2})
		expectStats(t, after, bus.Stats{Delivered: 1})
		expectStats(t, queued, bus.Stats{Delivered: 2})
	})
}

// A handler that runs while the bus closes may still publish, as a queued one may: what it began is finished.
func TestSyncHandlersMayPublishWhileTheBusCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var j journal
		subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			time.Sleep(time.Minute)
			return bus.Publish(ctx, b, OrderPaid{})
		})
		subscribeTopic(t, b, "order.*", j.note(""))
		go publish(t, b, Ticked{})
		synctest.Wait()
		closeBus(t, b)
		j.expect(t, "order.paid")
	})
}
