package bus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// From the first publish until the last handler has returned. The event is made beforehand: what making costs is another benchmark.
func BenchmarkQueued(b *testing.B) {
	for _, subscribers := range []int{1, 16} {
		for _, workers := range []int{1, 4} {
			b.Run(fmt.Sprintf("subscribers=%d/workers=%d", subscribers, workers), func(b *testing.B) {
				on := bus.New(bus.Config{})
				subs := make([]*bus.Subscription, subscribers)
				for i := range subs {
					subs[i] = subscribeTo[OrderPlaced](b, on, bus.Queued(bus.Queue{Workers: workers}))
				}
				b.ReportAllocs()
				b.ResetTimer()
				deliver(b, on, 1)
				closeAfter(b, on)
				for _, s := range subs {
					if n := s.Stats().Delivered; n != uint64(b.N) {
						b.Fatalf("delivered %d of %d", n, b.N)
					}
				}
			})
		}
	}
}

func BenchmarkQueuedFromManyPublishers(b *testing.B) {
	for _, publishers := range []int{1, 8} {
		b.Run(fmt.Sprint("publishers=", publishers), func(b *testing.B) {
			on := bus.New(bus.Config{})
			sub := subscribeTo[OrderPlaced](b, on, bus.Queued(bus.Queue{}))
			b.ReportAllocs()
			b.ResetTimer()
			deliver(b, on, publishers)
			closeAfter(b, on)
			if n := sub.Stats().Delivered; n != uint64(b.N) {
				b.Fatalf("delivered %d of %d", n, b.N)
			}
		})
	}
}

func subscribeTo[T any](b *testing.B, on *bus.Bus, opts ...bus.Option) *bus.Subscription {
	b.Helper()
	sub, err := bus.Subscribe(on, nop[T], opts...)
	if err != nil {
		b.Fatal(err)
	}
	return sub
}

// deliver hands b.N events to the bus, from several goroutines.
func deliver(b *testing.B, on *bus.Bus, publishers int) {
	e, err := event.New(context.Background(), OrderPlaced{OrderID: "42"})
	if err != nil {
		b.Fatal(err)
	}
	var publishing sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			for range share(b.N, p, publishers) {
				if err := on.Deliver(context.Background(), e); err != nil {
					b.Error(err)
				}
			}
		})
	}
	publishing.Wait()
}

// share is how many of n the i-th of several does.
func share(n, i, of int) int { return n*(i+1)/of - n*i/of }

func closeAfter(b *testing.B, on *bus.Bus) {
	if err := on.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}
