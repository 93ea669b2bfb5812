package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func above(least int) bus.Option {
	return bus.Where(func(e event.Event[Ticked]) bool { return e.Data.N > least })
}

func TestWhereLimitsASubscriptionByContent(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			var j journal
			note := func(_ context.Context, e event.Event[Ticked]) error {
				j.add(fmt.Sprint(e.Data.N))
				return nil
			}
			sub := subscribe(t, b, note, append(opts, above(1), bus.Where(func(e event.Event[Ticked]) bool { return e.Data.N%2 == 0 }))...)
			all := subscribeTopic(t, b, "**", nop[any], append(opts, bus.Where(func(e event.Event[any]) bool {
				_, tick := e.Data.(Ticked)
				return tick && e.Stream == "ticked"
			}))...)
			for n := range 6 {
				if err := bus.Publish(t.Context(), b, Ticked{N: n}); err != nil {
					t.Error(err)
				}
			}
			publish(t, b, OrderPaid{})
			publish(t, b, event.From("ticked", map[string]any{"N": 8})) // converted for the predicate
			closeBus(t, b)
			j.expect(t, "2", "4", "8")
			expectStats(t, sub, bus.Stats{Delivered: 3})
			expectStats(t, all, bus.Stats{Delivered: 6})
		})
	}
}

func TestWhereIsAskedByThePublisher(t *testing.T) {
	b := bus.New(bus.Config{})
	asked := 0 // without a lock: the race detector tells
	subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}), bus.Where(func(event.Event[Ticked]) bool {
		asked++
		return true
	}))
	for n := range 3 {
		publish(t, b, Ticked{})
		if asked != n+1 {
			t.Errorf("asked %d times after %d", asked, n+1)
		}
	}
	closeBus(t, b)
}

func TestPredicateThatPanicsIsItsSubscriptionsError(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			var j journal
			sub := subscribe(t, b, nop[Ticked], append(opts, bus.Named("asked"), bus.Where(func(event.Event[Ticked]) bool { panic("no") }))...)
			subscribeTopic(t, b, "*", j.note(""))
			err := bus.Publish(t.Context(), b, Ticked{})
			failure, isFailure := errors.AsType[*bus.HandlerError](err)
			panicked, isPanic := errors.AsType[*bus.PanicError](err)
			if !isFailure || failure.Subscription != "asked" || !isPanic || panicked.Value != "no" || len(panicked.Stack) == 0 {
				t.Errorf("error is %v", err)
			}
			err = b.Publish(t.Context(), event.From("ticked", map[string]any{"N": "many"})) // cannot be asked about it
			if failure, ok := errors.AsType[*bus.HandlerError](err); !ok || failure.Subscription != "asked" {
				t.Errorf("error is %v", err)
			}
			closeBus(t, b)
			expectStats(t, sub, bus.Stats{Failed: 2})
			j.expect(t, "ticked", "ticked")
		})
	}
}

func TestPredicateOfAnotherTypeIsRefused(t *testing.T) {
	b := bus.New(bus.Config{})
	any1 := bus.Where(func(event.Event[any]) bool { return true })
	for name, c := range map[string]struct {
		subscribe func() error
		want      string
	}{
		"typed":   {func() error { _, err := bus.Subscribe(b, nop[OrderPaid], above(1)); return err }, "events of bus_test.Ticked, and the subscription is one of bus_test.OrderPaid; use Where[bus_test.OrderPaid]"},
		"any":     {func() error { _, err := bus.Subscribe(b, nop[OrderPaid], any1); return err }, "events of interface {}, and the subscription is one of bus_test.OrderPaid"},
		"pattern": {func() error { _, err := b.SubscribeTopic("*", nop[any], above(1)); return err }, "events of bus_test.Ticked, and the subscription is one of interface {}"},
		"methods": {func() error { _, err := b.Register(&bookkeeper{}, above(1)); return err }, "events of bus_test.Ticked, and the subscription is one of bus_test.OrderPaid"},
		"nil":     {func() error { _, err := bus.Subscribe(b, nop[Ticked], bus.Where[Ticked](nil)); return err }, "where: the predicate is nil"},
	} {
		if err := c.subscribe(); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

// Many publish at the same time, and one event arrives, whatever else happens to the bus.
func TestOnceIsExactlyOnce(t *testing.T) {
	for name, opts := range map[string][]bus.Option{
		"sync": nil, "queued": {bus.Queued(bus.Queue{})}, "workers": {bus.Queued(bus.Queue{Size: 1, Workers: 4, Key: tickKey})},
		"drop newest": {bus.Queued(bus.Queue{Size: 1, WhenFull: bus.DropNewest})}, "wanted": {above(2)},
	} {
		t.Run(name, func(t *testing.T) {
			for range 30 {
				b := bus.New(bus.Config{})
				var calls atomic.Int64
				var subs []*bus.Subscription
				for range 5 {
					subs = append(subs, subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
						calls.Add(1)
						if name == "wanted" && e.Data.N <= 2 {
							t.Errorf("got %d", e.Data.N)
						}
						return nil
					}, append(opts, bus.Once())...))
				}
				var publishing sync.WaitGroup
				for range 4 {
					publishing.Go(func() {
						for n := range 5 {
							if err := bus.Publish(t.Context(), b, Ticked{N: n}); err != nil {
								t.Error(err)
							}
						}
					})
				}
				publishing.Wait()
				for _, sub := range subs {
					if err := sub.Close(t.Context()); err != nil { // is over, or waits for the queue
						t.Error(err)
					}
					expectStats(t, sub, bus.Stats{Delivered: 1})
				}
				if n := b.Listed(); n != 0 {
					t.Errorf("%d subscriptions are still on the bus", n)
				}
				closeBus(t, b)
				if calls.Load() != 5 {
					t.Errorf("%d calls, want one of each", calls.Load())
				}
			}
		})
	}
}

func TestOnceEndsBeforeItsHandlerRuns(t *testing.T) {
	b := bus.New(bus.Config{})
	calls := 0
	sub := subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
		calls++
		return bus.Publish(ctx, b, Ticked{})
	}, bus.Once())
	if err := bus.Publish(t.Context(), b, Ticked{}); err != nil || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	expectStats(t, sub, bus.Stats{Delivered: 1})
}

func TestOnceIsSpentByAHandlerThatFails(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, func(context.Context, event.Event[Ticked]) error { panic("no") }, bus.Once())
	if err := bus.Publish(t.Context(), b, Ticked{}); err == nil {
		t.Error("no error")
	}
	publish(t, b, Ticked{})
	expectStats(t, sub, bus.Stats{Failed: 1})
}

// While the lock of subscribing is held, ended subscriptions pile up; whoever releases it takes them off.
func TestOnceLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		for range 20 {
			subscribe(t, b, nop[Ticked], bus.Once())
			subscribeTopic(t, b, "*", nop[any], bus.Once(), bus.Queued(bus.Queue{}))
		}
		release := b.HoldSubscribing()
		if err := bus.Publish(t.Context(), b, Ticked{}); err != nil {
			t.Error(err)
		}
		release()
		synctest.Wait() // until the workers have gone
		if n := b.Listed(); n != 0 {
			t.Errorf("%d subscriptions are still there", n)
		}
		subscribe(t, b, nop[Ticked], bus.Once())
		if err := bus.Publish(t.Context(), b, Ticked{}); err != nil { // and with nobody holding it, the publisher does
			t.Error(err)
		}
		if n := b.Listed(); n != 0 {
			t.Errorf("%d subscriptions are still there", n)
		}
		closeBus(t, b)
	})
}
