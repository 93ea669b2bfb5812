package bus_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// found is a Once with an event that its publisher has not put into the queue yet: the publisher is in the function of the key.
type found struct {
	sub *bus.Subscription
	put func(fails bool) // lets the publisher go on
}

func findOne(t *testing.T, b *bus.Bus) found {
	t.Helper()
	fails := make(chan bool)
	key := func(event.Event[any]) string {
		if <-fails {
			panic("no key")
		}
		return ""
	}
	sub := subscribe(t, b, nop[Ticked], bus.Once(), bus.Queued(bus.Queue{Workers: 2, Key: key}))
	go func() { _ = b.Publish(t.Context(), Ticked{N: 1}) }()
	synctest.Wait()
	publish(t, b, Ticked{N: 2}) // passed over for the first
	return found{sub: sub, put: func(fail bool) {
		fails <- fail
		synctest.Wait()
	}}
}

func TestClosingAOnceHandlesTheEventThatWasFound(t *testing.T) {
	for name, end := range map[string]func(*bus.Subscription, context.Context) error{
		"close": (*bus.Subscription).Close, "drain": (*bus.Subscription).Drain,
	} {
		for _, fails := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := bus.New(bus.Config{})
					one := findOne(t, b)
					ended := make(chan error, 1)
					go func() { ended <- end(one.sub, t.Context()) }()
					synctest.Wait()
					publish(t, b, Ticked{N: 3}) // it gets no more
					if len(ended) > 0 {
						t.Error("it ended before the event that was found")
					}
					one.put(fails)
					if err := <-ended; err != nil {
						t.Error(err)
					}
					want := bus.Stats{Delivered: 1}
					if fails {
						want = bus.Stats{}
					}
					publish(t, b, Ticked{N: 4})
					expectStats(t, one.sub, want)
					if left := b.Subscriptions(); len(left) != 0 {
						t.Errorf("the bus still has %v", left)
					}
					closeBus(t, b)
				})
			})
		}
	}
}

func TestCancellingAOnceDropsTheEventThatWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		one := findOne(t, b)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_ = one.sub.Drain(gone) // which leaves it to the publisher
		one.sub.Cancel()
		one.put(false)
		expectStats(t, one.sub, bus.Stats{})
		if left := b.Subscriptions(); len(left) != 0 {
			t.Errorf("the bus still has %v", left)
		}
		closeBus(t, b)
	})
}
