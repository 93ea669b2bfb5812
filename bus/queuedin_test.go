package bus_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestAContextTellsInWhichQueueItsHandlerRuns(t *testing.T) {
	b := bus.New(bus.Config{})
	var sync, queued, inner *bus.Subscription
	subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
		sync = bus.QueuedIn(ctx)
		return nil
	})
	sub := subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
		queued = bus.QueuedIn(ctx)
		return b.Publish(ctx, OrderPaid{OrderID: "42"})
	}, bus.Queued(bus.Queue{}))
	subscribe(t, b, func(ctx context.Context, _ event.Event[OrderPaid]) error {
		inner = bus.QueuedIn(ctx)
		return nil
	})
	publish(t, b, Ticked{})
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sync != nil || queued != sub || inner != sub {
		t.Errorf("in the publisher's goroutine %v, in the queue %v, in what that one publishes %v", sync, queued, inner)
	}
}
