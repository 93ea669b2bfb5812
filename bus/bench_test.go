package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func BenchmarkPublish(b *testing.B) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		for _, others := range []int{0, 1, 1000} {
			b.Run(fmt.Sprintf("%s/others=%d", name, others), func(b *testing.B) {
				on := crowded(b, others)
				measure(b, on, opts...)
			})
		}
	}
}

// crowded returns a bus with subscriptions to other topics.
func crowded(b *testing.B, others int) *bus.Bus {
	on := bus.New(bus.Config{})
	for n := range others {
		if _, err := on.SubscribeTopic(fmt.Sprintf("other.%d.*", n), nop[any]); err != nil {
			b.Fatal(err)
		}
	}
	return on
}

func measure(b *testing.B, on *bus.Bus, opts ...bus.Option) {
	sub, err := bus.Subscribe(on, nop[OrderPlaced], opts...)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := on.Publish(ctx, OrderPlaced{OrderID: "42"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := on.Close(ctx); err != nil {
		b.Fatal(err)
	}
	if n := sub.Stats().Delivered; n != uint64(b.N) {
		b.Fatalf("delivered %d of %d", n, b.N)
	}
}

func BenchmarkPublishTo16(b *testing.B) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		b.Run(name, func(b *testing.B) {
			on := bus.New(bus.Config{})
			for range 15 {
				if _, err := bus.Subscribe(on, nop[OrderPlaced], opts...); err != nil {
					b.Fatal(err)
				}
			}
			measure(b, on, opts...)
		})
	}
}

func BenchmarkPublishFromEveryCore(b *testing.B) {
	on := bus.New(bus.Config{})
	if _, err := bus.Subscribe(on, nop[OrderPlaced]); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := on.Publish(context.Background(), OrderPlaced{OrderID: "42"}); err != nil {
				b.Error(err)
			}
		}
	})
}

// What Publish costs beyond this is the bus.
func BenchmarkNewEvent(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		if _, err := event.New(context.Background(), OrderPlaced{OrderID: "42"}); err != nil {
			b.Fatal(err)
		}
	}
}
