package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestPublishingTakesNoLockThatSubscribingHolds(t *testing.T) {
	b := bus.New(bus.Config{})
	typed := subscribe(t, b, nop[Ticked])
	pattern := subscribeTopic(t, b, "**", nop[any], bus.Queued(bus.Queue{}))
	release := b.HoldSubscribing()
	publish(t, b, Ticked{}) // would wait for ever
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	release()
	expectStats(t, typed, bus.Stats{Delivered: 1})
	expectStats(t, pattern, bus.Stats{Delivered: 1})
}

func TestPublishingAllocatesNothingForOtherSubscriptions(t *testing.T) {
	allocations := func(others int) float64 {
		b := bus.New(bus.Config{})
		for n := range others {
			subscribeTopic(t, b, fmt.Sprintf("other.%d.*", n), nop[any])
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
