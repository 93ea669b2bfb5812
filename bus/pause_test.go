package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestPausedQueueFillsUpAndGoesOnAfterwards(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g := bus.New(bus.Config{}), newGate()
				close(g.open)
				sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 5, Workers: workers, Key: tickKey}))
				publish(t, b, Ticked{N: 0})
				synctest.Wait()
				sub.Pause()
				sub.Pause() // again
				fill(t, b, 1, 5)
				blocked := make(chan error)
				go func() { blocked <- b.Publish(t.Context(), Ticked{N: 6}) }()
				synctest.Wait()
				expectStats(t, sub, bus.Stats{Delivered: 1, Depth: 5, Paused: true})

				sub.Resume()
				if err := <-blocked; err != nil {
					t.Error(err)
				}
				synctest.Wait()
				expectStats(t, sub, bus.Stats{Delivered: 7})
				sub.Resume() // again
				closeBus(t, b)
				g.expect(t, 0, 1, 2, 3, 4, 5, 6)
			})
		})
	}
}

func TestPausedQueueFollowsItsPolicy(t *testing.T) {
	for policy, want := range map[bus.FullPolicy]bus.Stats{
		bus.Fail:       {Refused: 2, Depth: 3, Paused: true},
		bus.DropNewest: {Dropped: 2, Depth: 3, Paused: true},
		bus.DropOldest: {Dropped: 2, Depth: 3, Paused: true},
	} {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{Size: 3, WhenFull: policy}))
		sub.Pause()
		for n := range 5 {
			if err := b.Publish(t.Context(), Ticked{N: n}); err != nil && !errors.Is(err, bus.ErrFull) {
				t.Error(err)
			}
		}
		expectStats(t, sub, want)
		closeBus(t, b)
		want.Delivered, want.Depth, want.Paused = 3, 0, false
		expectStats(t, sub, want)
	}
}

// The worker has more than one event to itself when it is paused; none of them may slip through.
func TestPauseStopsAWorkerBehindTheEventItIsAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 200}))
		sub.Pause()
		fill(t, b, 1, 150)
		sub.Resume()
		synctest.Wait() // the worker is at the first
		sub.Pause()
		close(g.open)
		synctest.Wait()
		g.expect(t, 1)
		expectStats(t, sub, bus.Stats{Delivered: 1, Depth: 149, Paused: true})
		sub.Resume()
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 150})
	})
}

func TestPausedSyncSubscriptionIsPassedOver(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	sub := subscribeTopic(t, b, "**", j.note(""))
	publish(t, b, Ticked{})
	sub.Pause()
	publish(t, b, OrderPaid{})
	publish(t, b, OrderPaid{})
	expectStats(t, sub, bus.Stats{Delivered: 1, Skipped: 2, Paused: true})
	sub.Resume()
	publish(t, b, OrderPlaced{})
	j.expect(t, "ticked", "order.placed")
	expectStats(t, sub, bus.Stats{Delivered: 2, Skipped: 2})
	closeBus(t, b)
}

func TestPausedFeedHoldsItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{Size: 4})
		reading := read(t.Context(), feed)
		publish(t, b, Ticked{N: 1})
		synctest.Wait()
		feed.Pause()
		for n := 2; n <= 7; n++ {
			publish(t, b, Ticked{N: n})
		}
		synctest.Wait()
		reading.expect(t, "1")
		expectStats(t, feed.Subscription, bus.Stats{Delivered: 1, Depth: 4, Paused: true})
		feed.Resume()
		synctest.Wait()
		reading.expect(t, "1", "missed 2", "4", "5", "6", "7")
		closeBus(t, b)
	})
}

func TestHandlersMayPauseAndResumeEvenThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		var sub *bus.Subscription
		sub = subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			sub.Pause()
			return nil
		}, bus.Queued(bus.Queue{}))
		for range 3 {
			publish(t, b, Ticked{})
		}
		for n := range uint64(3) {
			synctest.Wait()
			expectStats(t, sub, bus.Stats{Delivered: n + 1, Depth: int(2 - n), Paused: true})
			sub.Resume()
		}
		closeBus(t, b)
	})
}

func TestClosingEndsAPause(t *testing.T) {
	ways := map[string]func(*bus.Bus, *bus.Subscription, context.Context) error{
		"bus":   func(b *bus.Bus, _ *bus.Subscription, ctx context.Context) error { return b.Close(ctx) },
		"close": func(_ *bus.Bus, s *bus.Subscription, ctx context.Context) error { return s.Close(ctx) },
		"drain": func(_ *bus.Bus, s *bus.Subscription, ctx context.Context) error { return s.Drain(ctx) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus.New(bus.Config{})
				sub := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{Size: 2}))
				sub.Pause()
				fill(t, b, 1, 2)
				go publish(t, b, Ticked{N: 3})
				synctest.Wait()
				if err := end(b, sub, t.Context()); err != nil { // would wait for ever
					t.Error(err)
				}
				sub.Pause() // too late to do anything
				synctest.Wait()
				expectStats(t, sub, bus.Stats{Delivered: 3})
				closeBus(t, b)
			})
		})
	}
}

func TestHandlersThatABusWaitsForCannotPauseItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, nop[OrderPaid], bus.Queued(bus.Queue{}))
		subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			time.Sleep(time.Minute)
			sub.Pause()
			return b.Publish(ctx, OrderPaid{})
		}, bus.Queued(bus.Queue{}))
		publish(t, b, Ticked{})
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 1})
	})
}

func TestCancelDropsWhatAPausedQueueHolds(t *testing.T) {
	b, g := bus.New(bus.Config{}), newGate()
	sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}))
	sub.Pause()
	publish(t, b, Ticked{})
	publish(t, b, Ticked{})
	sub.Cancel()
	sub.Resume()
	closeBus(t, b)
	g.expect(t)
	expectStats(t, sub, bus.Stats{Dropped: 2})
}

func TestIdleDoesNotWaitForWhatIsPaused(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}))
	sub.Pause()
	publish(t, b, Ticked{})
	if err := b.Idle(t.Context()); err != nil {
		t.Error(err)
	}
	sub.Resume()
	if err := b.Idle(t.Context()); err != nil {
		t.Error(err)
	}
	expectStats(t, sub, bus.Stats{Delivered: 1})
	closeBus(t, b)
}

// A reader has more than one event to itself when it is paused; none may slip through, and none be lost.
func TestPauseHoldsAReaderBehindTheEventItIsAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{})
		all := feed.All(t.Context())
		for n := range 3 {
			publish(t, b, Ticked{N: n})
		}
		var j journal
		go func() {
			for e := range all {
				j.add(fmt.Sprint(e.Data.N))
				if e.Data.N == 0 {
					feed.Pause()
				}
			}
		}()
		synctest.Wait()
		j.expect(t, "0")
		expectStats(t, feed.Subscription, bus.Stats{Delivered: 1, Depth: 2, Paused: true})
		feed.Resume()
		synctest.Wait()
		j.expect(t, "0", "1", "2")
		closeBus(t, b)
	})
}

func TestCancelEndsThePauseOfAFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{})
		reading := read(t.Context(), feed)
		feed.Pause()
		publish(t, b, Ticked{N: 1})
		feed.Cancel()
		feed.Pause() // too late to do anything
		synctest.Wait()
		reading.expect(t, "1", "end")
		closeBus(t, b)
	})
}

// Once closes the subscription with the event that it takes, and closing ends a pause.
func TestOnceEndsAPause(t *testing.T) {
	for _, opts := range [][]bus.Option{{bus.Once()}, {bus.Once(), bus.Queued(bus.Queue{})}} {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, nop[Ticked], opts...)
		sub.Pause()
		publish(t, b, Ticked{})
		sub.Resume()
		publish(t, b, Ticked{})
		closeBus(t, b)
		if n := sub.Stats().Delivered; n != 1 {
			t.Errorf("delivered %d, want 1", n)
		}
	}
}
