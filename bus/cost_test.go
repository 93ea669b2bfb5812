package bus_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestPublishingTakesNoLockThatSubscribingHolds(t *testing.T) {
	b := bus.New(bus.Config{})
	typed := subscribe(t, b, nop[Ticked])
	pattern := subscribeTopic(t, b, "**", nop[any], bus.Queued(bus.Queue{}))
	once := subscribe(t, b, nop[Ticked], bus.Once(), bus.Where(func(event.Event[Ticked]) bool { return true }))
	release := b.HoldSubscribing()
	publish(t, b, Ticked{}) // would wait for ever
	publish(t, b, Ticked{}, event.WithTopic("some.topic"))
	publish(t, b, event.From("never.seen", 1))
	for _, err := range []error{bus.Publish(t.Context(), b, Ticked{}), bus.Publish(t.Context(), b, OrderPaid{}), b.Idle(t.Context())} {
		if err != nil {
			t.Fatal(err)
		}
	}
	release()
	expectStats(t, typed, bus.Stats{Delivered: 3})
	expectStats(t, pattern, bus.Stats{Delivered: 5})
	expectStats(t, once, bus.Stats{Delivered: 1})
}

func TestPublishingAllocatesNothingForOtherSubscriptions(t *testing.T) {
	allocations := func(others int) float64 {
		b := crowded(t, max(others, 0))
		for range others {
			subscribe(t, b, nop[OrderPaid])
		}
		if others >= 0 {
			subscribe(t, b, nop[Ticked])
		}
		e, err := event.New(t.Context(), Ticked{})
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(100, func() {
			if err := b.Deliver(context.Background(), e); err != nil {
				t.Error(err)
			}
		})
	}
	if none := allocations(-1); none != 0 {
		t.Errorf("%v allocations without subscriptions, want none", none)
	}
	if alone, among := allocations(0), allocations(1000); among > alone {
		t.Errorf("%v allocations among 1,000 others, %v alone", among, alone)
	}
}

func TestATypedPublishAllocatesOnce(t *testing.T) {
	typed := func(n int, opts ...bus.Option) func(*bus.Bus) {
		return func(b *bus.Bus) {
			for range n {
				subscribe(t, b, nop[Ticked], opts...)
			}
		}
	}
	pattern := func(n int) func(*bus.Bus) {
		return func(b *bus.Bus) {
			for range n {
				subscribeTopic(t, b, "*", nop[any])
			}
		}
	}
	wanted := bus.Where(func(e event.Event[Ticked]) bool { return e.Data.N == 7 })
	for name, c := range map[string]struct {
		prepare func(*bus.Bus)
		most    float64
	}{
		"nobody":           {typed(0), 1},
		"one":              {typed(1), 1},
		"sixteen":          {typed(16), 1},
		"with a predicate": {typed(2, wanted), 1},
		"one pattern":      {pattern(1), 3},  // the event with data of any type, and the data
		"many patterns":    {pattern(16), 3}, // and no more for more of them
	} {
		t.Run(name, func(t *testing.T) {
			b := crowded(t, 1000)
			c.prepare(b)
			got := testing.AllocsPerRun(1000, func() {
				if err := bus.Publish(context.Background(), b, Ticked{N: 7}); err != nil {
					t.Error(err)
				}
			})
			if got > c.most {
				t.Errorf("%v allocations, want %v", got, c.most)
			}
		})
	}
}

func TestQueueAllocatesNothingForAnEvent(t *testing.T) {
	allocations := func(opts ...bus.Option) float64 {
		b := bus.New(bus.Config{})
		subscribe(t, b, nop[Ticked], opts...)
		e, err := event.New(t.Context(), Ticked{})
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(2000, func() {
			if err := b.Deliver(context.Background(), e); err != nil {
				t.Error(err)
			}
		})
	}
	sync, keys, n := allocations(), []string{"a", "b", "c", "d", "e"}, 0
	key := func(event.Event[any]) string {
		n++
		return keys[n%len(keys)]
	}
	for _, workers := range []int{1, 4} {
		if queued := allocations(bus.Queued(bus.Queue{Size: 2, Workers: workers, Key: key})); queued > sync {
			t.Errorf("%v allocations with %d workers, %v without a queue", queued, workers, sync)
		}
	}
}

func TestATypedPublishOfAnAggregateAllocatesOnceToo(t *testing.T) {
	b := bus.New(bus.Config{})
	subscribe(t, b, nop[OrderPlaced])
	n := 0
	ids := []string{"41", "42", "43"}
	got := testing.AllocsPerRun(1000, func() {
		n++
		if err := bus.Publish(context.Background(), b, OrderPlaced{OrderID: ids[n%len(ids)]}); err != nil {
			t.Error(err)
		}
	})
	if got > 1 { // the names of streams share half a kilobyte at a time
		t.Errorf("%v allocations, want 1", got)
	}
}

func TestATypedPublishWithACauseAllocatesOnceToo(t *testing.T) {
	for name, cause := range map[string]event.Cause{
		"an event": {ID: event.NewID(), CorrelationID: event.NewID()},
		"a user":   {UserID: "ann"},
		"a trace":  {TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TraceState: "a=b"},
	} {
		b := bus.New(bus.Config{})
		subscribe(t, b, nop[OrderPlaced])
		ctx := event.WithCause(context.Background(), cause)
		got := testing.AllocsPerRun(1000, func() {
			if err := bus.Publish(ctx, b, OrderPlaced{OrderID: "42"}); err != nil {
				t.Error(err)
			}
		})
		if got > 1 {
			t.Errorf("caused by %s: %v allocations, want 1", name, got)
		}
	}
}
