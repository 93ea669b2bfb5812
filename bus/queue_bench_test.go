package bus_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
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
				deliver(b, on, 1, nil)
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
			deliver(b, on, publishers, nil)
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

// deliver hands b.N events to the bus, from several goroutines. Each calls pace from time to time.
func deliver(b *testing.B, on *bus.Bus, publishers int, pace func()) {
	e, err := event.New(context.Background(), OrderPlaced{OrderID: "42"})
	if err != nil {
		b.Fatal(err)
	}
	var publishing sync.WaitGroup
	for p := range publishers {
		publishing.Go(func() {
			for n := range share(b.N, p, publishers) {
				if pace != nil && n%256 == 0 {
					pace()
				}
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

// From the first publish until every reader is at the end, with a publisher that looks from time to time whether readers keep up, so
// that nothing is missed.
func BenchmarkBroadcast(b *testing.B) {
	for _, readers := range []int{0, 1, 16} {
		b.Run(fmt.Sprint("readers=", readers), func(b *testing.B) {
			on := bus.New(bus.Config{})
			feed, err := bus.Broadcast[OrderPlaced](on, bus.Ring{Size: 1 << 12})
			if err != nil {
				b.Fatal(err)
			}
			var reading sync.WaitGroup
			var total atomic.Uint64
			for range readers {
				all := feed.All(context.Background())
				reading.Go(func() { total.Add(count(all)) })
			}
			for feed.Stats().Running < readers {
				runtime.Gosched()
			}
			b.ReportAllocs()
			b.ResetTimer()
			deliver(b, on, 1, func() {
				for feed.Stats().Depth > 1<<11 {
					runtime.Gosched()
				}
			})
			closeAfter(b, on)
			reading.Wait()
			if stats := feed.Stats(); total.Load() != uint64(b.N*readers) || stats.Delivered != total.Load() {
				b.Fatalf("%d events for %d readers: read %d, %+v", b.N, readers, total.Load(), stats)
			}
		})
	}
}

func count[T any](all iter.Seq2[event.Event[T], error]) (n uint64) {
	for _, err := range all {
		if err == nil {
			n++
		}
	}
	return n
}
