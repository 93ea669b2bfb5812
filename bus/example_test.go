package bus_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

func Example() {
	ctx := context.Background()
	b := bus.New(bus.Config{})

	bus.Subscribe(b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
		fmt.Printf("order %s for %d cents\n", e.Data.OrderID, e.Data.Total)
		return b.Publish(ctx, OrderPaid{e.Data.OrderID})
	})
	b.SubscribeTopic("order.*", func(_ context.Context, e event.Event[any]) error {
		fmt.Printf("%s in stream %s, caused by an event: %t\n", e.Type, e.Stream, !e.CausationID.IsZero())
		return nil
	})

	if err := b.Publish(ctx, OrderPlaced{OrderID: "42", Total: 995}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// order 42 for 995 cents
	// order.paid in stream order-42, caused by an event: true
	// order.placed in stream order-42, caused by an event: false
}

// Code that has no Go type for an event publishes it all the same, and typed handlers get it.
func ExampleSubscribe() {
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println("order", e.Data.OrderID)
		return nil
	})

	b.Publish(context.Background(), OrderPlaced{OrderID: "1"})
	b.Publish(context.Background(), map[string]any{"type": "order.placed", "OrderID": "2"})
	// Output:
	// order 1
	// order 2
}

func ExampleBus_SubscribeTopic() {
	b := bus.New(bus.Config{})
	b.SubscribeTopic("order.**", func(_ context.Context, e event.Event[any]) error {
		fmt.Println(e.Type, e.Data)
		return nil
	})

	b.Publish(context.Background(), OrderPlaced{OrderID: "1", Total: 20})
	b.Publish(context.Background(), event.From("order.note.added", "by phone"))
	b.Publish(context.Background(), event.From("invoice.sent", 7))
	// Output:
	// order.placed {1 20}
	// order.note.added by phone
}

// Four workers handle orders, those of one customer one after the other. Close waits for them.
func ExampleQueued() {
	b := bus.New(bus.Config{})
	orders, err := bus.Subscribe(b, func(context.Context, event.Event[OrderPlaced]) error { return nil },
		bus.Named("billing"),
		bus.Queued(bus.Queue{
			Size:     100,
			Workers:  4,
			Key:      func(e event.Event[any]) string { return e.UserID },
			WhenFull: bus.Block,
		}))
	if err != nil {
		fmt.Println(err)
	}

	for n := range 1000 {
		b.Publish(context.Background(), OrderPlaced{OrderID: fmt.Sprint(n)}, event.WithUser("ann"))
	}
	err = b.Close(context.Background())
	fmt.Println(orders.Stats().Delivered, err)
	// Output: 1000 <nil>
}

func ExampleHandlerError() {
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(context.Context, event.Event[OrderPlaced]) error { return errors.New("no paper") }, bus.Named("printer"))
	bus.Subscribe(b, func(context.Context, event.Event[OrderPlaced]) error { panic("no ink") }, bus.Named("plotter"))

	id, _ := event.ParseID("order-42-placed")
	err := b.Publish(context.Background(), OrderPlaced{OrderID: "42"}, event.WithID(id))
	fmt.Println(err)

	var failure *bus.HandlerError
	fmt.Println(errors.As(err, &failure), failure.Subscription)
	// Output:
	// printer: handle order.placed order-42-placed: no paper
	// plotter: handle order.placed order-42-placed: panic: no ink
	// true printer
}

// Warehouse handles two types of events.
type Warehouse struct{}

func (*Warehouse) Reserve(_ context.Context, e event.Event[OrderPlaced]) error {
	fmt.Println("reserve for", e.Data.OrderID)
	return nil
}

func (*Warehouse) Ship(_ context.Context, paid OrderPaid) error {
	fmt.Println("ship", paid.OrderID)
	return nil
}

func (*Warehouse) Close() error { return nil }

func ExampleBus_Register() {
	b := bus.New(bus.Config{})
	report, err := b.Register(&Warehouse{})
	fmt.Println(report, err)

	b.Publish(context.Background(), OrderPlaced{OrderID: "42"})
	b.Publish(context.Background(), OrderPaid{OrderID: "42"})
	// Output:
	// Reserve handles order.placed
	// Ship handles order.paid
	// Close() error is no handler <nil>
	// reserve for 42
	// ship 42
}

// The function publishes data of a known Go type for less than the method, and to the same subscriptions.
func ExamplePublish() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println("order", e.Data.OrderID)
		return nil
	})
	b.SubscribeTopic("eu.**", func(_ context.Context, e event.Event[any]) error {
		fmt.Println("in Europe:", e.Data)
		return nil
	})

	bus.Publish(ctx, b, OrderPlaced{OrderID: "1"})
	bus.Publish(ctx, b, OrderPlaced{OrderID: "2"}, event.WithTopic("eu.order.placed"))
	// Output:
	// order 1
	// order 2
	// in Europe: {2 0}
}

func ExampleWhere() {
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println("large order", e.Data.OrderID)
		return nil
	}, bus.Where(func(e event.Event[OrderPlaced]) bool { return e.Data.Total >= 1000 }))

	bus.Publish(context.Background(), b, OrderPlaced{OrderID: "1", Total: 995})
	bus.Publish(context.Background(), b, OrderPlaced{OrderID: "2", Total: 1995})
	// Output: large order 2
}

func ExampleOnce() {
	b := bus.New(bus.Config{})
	b.SubscribeTopic("order.*", func(_ context.Context, e event.Event[any]) error {
		fmt.Println("the first:", e.Type)
		return nil
	}, bus.Once())

	bus.Publish(context.Background(), b, OrderPlaced{OrderID: "1"})
	bus.Publish(context.Background(), b, OrderPaid{OrderID: "1"})
	// Output: the first: order.placed
}

func ExampleWith() {
	tell := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			result, err := next(ctx, c)
			fmt.Printf("%s handled %s: %v\n", c.Handler, c.Name, err)
			return result, err
		}
	}
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(context.Context, event.Event[OrderPlaced]) error { return errors.New("no paper") },
		bus.Named("printer"), bus.With(tell))

	bus.Publish(context.Background(), b, OrderPlaced{OrderID: "42"})
	// Output: printer handled order.placed: no paper
}

// Two readers pull from one feed. The second was too slow for the first two events, is told so, and goes on.
func ExampleBroadcast() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	orders, err := bus.Broadcast[OrderPlaced](b, bus.Ring{Size: 3})
	if err != nil {
		fmt.Println(err)
	}
	quick, slow := orders.All(ctx), orders.All(ctx) // both get what is published from here on

	b.Publish(ctx, OrderPlaced{OrderID: "1"})
	for e := range quick {
		fmt.Println("quick: order", e.Data.OrderID)
		break
	}
	for _, id := range []string{"2", "3", "4", "5"} {
		b.Publish(ctx, OrderPlaced{OrderID: id})
	}
	b.Close(ctx) // readers end after what is in the ring

	for e, err := range slow {
		var missed *bus.MissedError
		if errors.As(err, &missed) {
			fmt.Println("slow: missed", missed.Count)
			continue
		}
		fmt.Println("slow: order", e.Data.OrderID)
	}
	// Output:
	// quick: order 1
	// slow: missed 2
	// slow: order 3
	// slow: order 4
	// slow: order 5
}

func ExampleBus_BroadcastTopic() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	feed, err := b.BroadcastTopic("order.*", bus.Ring{})
	if err != nil {
		fmt.Println(err)
	}
	all := feed.All(ctx)

	b.Publish(ctx, OrderPlaced{OrderID: "1", Total: 20})
	b.Publish(ctx, OrderPaid{OrderID: "1"})
	b.Close(ctx)

	for e := range all {
		fmt.Println(e.Type, e.Data)
	}
	// Output:
	// order.placed {1 20}
	// order.paid {1}
}

// While the printer has no paper, its events wait.
func ExampleSubscription_Pause() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	printer, err := bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPaid]) error {
		fmt.Println("print", e.Data.OrderID)
		return nil
	}, bus.Queued(bus.Queue{}))
	if err != nil {
		fmt.Println(err)
	}

	printer.Pause()
	b.Publish(ctx, OrderPaid{"1"})
	b.Publish(ctx, OrderPaid{"2"})
	fmt.Println("waiting:", printer.Stats().Depth)

	printer.Resume()
	err = printer.Drain(ctx)
	fmt.Println("waiting:", printer.Stats().Depth, err)
	// Output:
	// waiting: 2
	// print 1
	// print 2
	// waiting: 0 <nil>
}

func ExampleBus_Subscriptions() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	mailer, _ := b.SubscribeTopic("order.*", func(context.Context, event.Event[any]) error { return nil },
		bus.Named("mailer"), bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropOldest}))
	mailer.Pause()
	for range 5 {
		b.Publish(ctx, OrderPaid{})
	}

	for _, s := range b.Subscriptions() {
		fmt.Printf("%s (%s, %s): %d of %d waiting, %d dropped\n", s.Name, s.Mode, s.Pattern, s.Stats.Depth, s.Stats.Capacity, s.Stats.Dropped)
	}
	// Output: mailer (queued, order.*): 2 of 2 waiting, 3 dropped
}
