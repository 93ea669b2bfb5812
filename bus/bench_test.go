package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// BenchmarkPublish publishes a typed event without an aggregate to sync subscribers of its type.
func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{1, 16, 1000} {
		b.Run(fmt.Sprintf("sync=%d", subscribers), func(b *testing.B) {
			on := bus.New(bus.Config{})
			for range subscribers {
				attach[Ticked](b, on)
			}
			run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}) })
		})
	}
	b.Run("aggregate", func(b *testing.B) { // names its stream
		on := bus.New(bus.Config{})
		attach[OrderPlaced](b, on)
		run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, OrderPlaced{OrderID: "42"}) })
	})
	b.Run("method", func(b *testing.B) { // puts the data into an any
		on := bus.New(bus.Config{})
		attach[Ticked](b, on)
		run(b, func(ctx context.Context) error { return on.Publish(ctx, Ticked{N: 7}) })
	})
	b.Run("untyped", func(b *testing.B) { // no Go type at either end
		on := bus.New(bus.Config{})
		if _, err := on.SubscribeTopic("ticked", nop[any]); err != nil {
			b.Fatal(err)
		}
		data := map[string]any{"N": 7}
		run(b, func(ctx context.Context) error { return on.Publish(ctx, event.From("ticked", data)) })
	})
	b.Run("middleware", func(b *testing.B) {
		on := bus.New(bus.Config{Middleware: []middleware.Func{
			func(next middleware.Handler) middleware.Handler { return next },
		}})
		attach[Ticked](b, on)
		run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}) })
	})
	b.Run("caused", func(b *testing.B) { // by an event that is being handled
		on := bus.New(bus.Config{})
		attach[Ticked](b, on)
		handle := func(ctx context.Context, _ event.Event[OrderPaid]) error {
			run(b, func(context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}) })
			return nil
		}
		if _, err := bus.Subscribe(on, handle); err != nil {
			b.Fatal(err)
		}
		if err := bus.Publish(context.Background(), on, OrderPaid{}); err != nil {
			b.Fatal(err)
		}
	})
	b.Run("nobody", func(b *testing.B) {
		on := bus.New(bus.Config{})
		run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}) })
	})
}

func attach[T any](b *testing.B, on *bus.Bus, opts ...bus.Option) {
	b.Helper()
	if _, err := bus.Subscribe(on, nop[T], opts...); err != nil {
		b.Fatal(err)
	}
}

func run(b *testing.B, publish func(context.Context) error) {
	b.Helper()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := publish(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublishAmongOthers has other subscriptions on the bus, to patterns that the topic does not match.
func BenchmarkPublishAmongOthers(b *testing.B) {
	for _, others := range []int{0, 1, 1_000_000} {
		on := crowded(b, others)
		attach[Ticked](b, on)
		for name, opts := range map[string][]event.Option{"typed": nil, "topic": {event.WithTopic("clock.ticked")}} {
			b.Run(fmt.Sprintf("%s/others=%d", name, others), func(b *testing.B) {
				run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}, opts...) })
			})
		}
	}
}

// crowded returns a bus with subscriptions to other topics.
func crowded(tb testing.TB, others int) *bus.Bus {
	tb.Helper()
	on := bus.New(bus.Config{})
	for n := range others {
		if _, err := on.SubscribeTopic(fmt.Sprintf("other.%d.*", n), nop[any]); err != nil {
			tb.Fatal(err)
		}
	}
	return on
}

// BenchmarkPublishInParallel has each of so many goroutines publish to the same subscription: compare ns/op, which is the time of one
// event of one of them, since they share the processors.
func BenchmarkPublishInParallel(b *testing.B) {
	for _, publishers := range []int{1, 8} {
		b.Run(fmt.Sprintf("publishers=%d", publishers), func(b *testing.B) {
			on := bus.New(bus.Config{})
			attach[Ticked](b, on)
			b.ReportAllocs()
			var all sync.WaitGroup
			b.ResetTimer()
			for range publishers {
				all.Go(func() {
					for range b.N / publishers {
						if err := bus.Publish(context.Background(), on, Ticked{N: 7}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

func BenchmarkPublishQueued(b *testing.B) {
	for _, subscribers := range []int{1, 16} {
		b.Run(fmt.Sprintf("queues=%d", subscribers), func(b *testing.B) {
			on := bus.New(bus.Config{})
			for range subscribers {
				attach[Ticked](b, on, bus.Queued(bus.Queue{}))
			}
			run(b, func(ctx context.Context) error { return bus.Publish(ctx, on, Ticked{N: 7}) })
			if err := on.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// What Publish costs beyond this is the bus.
func BenchmarkFillEvent(b *testing.B) {
	m, err := event.NewMaker[Ticked]()
	if err != nil {
		b.Fatal(err)
	}
	run(b, func(ctx context.Context) error { return m.Fill(ctx, new(event.Event[Ticked])) })
}
