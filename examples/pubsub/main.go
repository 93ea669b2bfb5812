// Pubsub publishes events to three subscriptions: in the publisher's goroutine, through a queue, and to a reader of a feed.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

type OrderPlaced struct {
	OrderID string
	Cents   int64
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	b := bus.New(bus.Config{})
	_, err := bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println("now:", e.Data.OrderID)
		return nil
	}, bus.Where(func(e event.Event[OrderPlaced]) bool { return e.Data.Cents > 1000 }))
	if err != nil {
		return err
	}
	mailed := []string{}
	_, err = bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		mailed = append(mailed, e.Data.OrderID)
		return nil
	}, bus.Queued(bus.Queue{Size: 100, WhenFull: bus.DropOldest}))
	if err != nil {
		return err
	}
	feed, err := bus.Broadcast[OrderPlaced](b, bus.Ring{Size: 100})
	if err != nil {
		return err
	}
	reader := feed.All(ctx) // begins here; a dashboard would range over it in a goroutine of its own
	for i, cents := range []int64{500, 1999, 2500} {
		if err := bus.Publish(ctx, b, OrderPlaced{fmt.Sprint("order-", i+1), cents}); err != nil {
			return err
		}
	}
	if err := b.Close(ctx); err != nil { // waits for the queue
		return err
	}
	fmt.Println("mailed:", mailed)
	for e, err := range reader { // a closed feed still has what was published
		fmt.Println("fed:", e.Data.OrderID, err)
	}
	return nil
}
