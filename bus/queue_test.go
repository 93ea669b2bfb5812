package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// gate is a handler that waits until it is opened, and remembers the numbers it saw.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	seen []int
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) handle(_ context.Context, e event.Event[Ticked]) error {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, e.Data.N)
	return nil
}

func (g *gate) expect(t *testing.T, want ...int) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.seen, want) {
		t.Errorf("handled %v, want %v", g.seen, want)
	}
}

// fill publishes the numbers from first to last.
func fill(t *testing.T, b *bus.Bus, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		publish(t, b, Ticked{N: n})
		synctest.Wait() // the worker holds the first, the rest waits
	}
}

func TestQueuedHandlerDoesNotHoldThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{}))

		fill(t, b, 1, 1000)
		expectStats(t, sub, bus.Stats{Depth: 999})

		close(g.open)
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 1000})
		if !slices.IsSorted(g.seen) {
			t.Errorf("handled in the order %v", g.seen)
		}
	})
}

func TestFullQueueFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 2, WhenFull: bus.Fail}), bus.Named("gate"))
		fill(t, b, 1, 3)

		err := b.Publish(t.Context(), Ticked{N: 4})
		var failure *bus.HandlerError
		if !errors.Is(err, bus.ErrFull) || !errors.As(err, &failure) || failure.Subscription != "gate" {
			t.Errorf("error is %v, want ErrFull from gate", err)
		}

		close(g.open)
		closeBus(t, b)
		g.expect(t, 1, 2, 3)
		expectStats(t, sub, bus.Stats{Delivered: 3, Refused: 1})
	})
}

func TestFullQueueDropsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropNewest}))
		fill(t, b, 1, 5)
		expectStats(t, sub, bus.Stats{Dropped: 2, Depth: 2})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1, 2, 3)
		expectStats(t, sub, bus.Stats{Delivered: 3, Dropped: 2})
	})
}

func TestFullQueueDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropOldest}))
		fill(t, b, 1, 5)
		expectStats(t, sub, bus.Stats{Dropped: 2, Depth: 2})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1, 4, 5)
		expectStats(t, sub, bus.Stats{Delivered: 3, Dropped: 2})
	})
}

func TestFullQueueDropsTheOldestOfAnyKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 3, Workers: 2, Key: tickKey, WhenFull: bus.DropOldest}))
		for n, key := range []string{"a", "b", "c", "a", "d", "b", "c", "d"} { // the workers hold a0 and b1
			publish(t, b, Ticked{Key: key, N: n})
			synctest.Wait()
		}
		expectStats(t, sub, bus.Stats{Dropped: 3, Depth: 3})
		close(g.open)
		closeBus(t, b)
		slices.Sort(g.seen)
		g.expect(t, 0, 1, 5, 6, 7)
	})
}

func TestFullQueueBlocksThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 2}))
		fill(t, b, 1, 3)
		var returned atomic.Int32
		for n := 4; n <= 6; n++ {
			go func() {
				publish(t, b, Ticked{N: n})
				returned.Add(1)
			}()
			synctest.Wait()
		}
		if n := returned.Load(); n != 0 {
			t.Errorf("%d publishers returned from a full queue, want none", n)
		}

		close(g.open)
		closeBus(t, b)
		synctest.Wait()
		if n := returned.Load(); n != 3 {
			t.Errorf("%d publishers returned, want 3", n)
		}
		g.expect(t, 1, 2, 3, 4, 5, 6)
		expectStats(t, sub, bus.Stats{Delivered: 6})
	})
}

func TestBlockedPublisherGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 1}))
		fill(t, b, 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		go func() { errs <- b.Publish(ctx, Ticked{N: 3}) }()
		go func() { errs <- b.Publish(t.Context(), Ticked{N: 4}) }()
		synctest.Wait()

		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		close(g.open)
		if err := <-errs; err != nil {
			t.Errorf("the other publisher got %v", err)
		}
		closeBus(t, b)
		g.expect(t, 1, 2, 4)
		expectStats(t, sub, bus.Stats{Delivered: 3, Refused: 1})
	})
}

func tickKey(e event.Event[any]) string { return e.Data.(Ticked).Key }

func TestWorkersKeepTheOrderOfEachKey(t *testing.T) {
	const keys, events = 7, 300
	for _, workers := range []int{1, 2, 5, 16} {
		t.Run(fmt.Sprint(workers, " workers"), func(t *testing.T) {
			b := bus.New(bus.Config{})
			var mu sync.Mutex
			var running, most int
			seen, busy := map[string][]int{}, map[string]bool{}
			subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
				mu.Lock()
				if busy[e.Data.Key] {
					t.Errorf("two handlers of key %s at once", e.Data.Key)
				}
				busy[e.Data.Key] = true
				running++
				most = max(most, running)
				mu.Unlock()
				for range e.Data.N % 3 {
					_ = strings.Repeat("work ", 200)
				}
				mu.Lock()
				defer mu.Unlock()
				running--
				busy[e.Data.Key] = false
				seen[e.Data.Key] = append(seen[e.Data.Key], e.Data.N)
				return nil
			}, bus.Queued(bus.Queue{Size: 10, Workers: workers, Key: tickKey}))

			for n := range events {
				publish(t, b, Ticked{Key: string(rune('a' + n%keys)), N: n})
			}
			closeBus(t, b)

			handled := 0
			for key, ns := range seen {
				handled += len(ns)
				if !slices.IsSorted(ns) {
					t.Errorf("key %s was handled in the order %v", key, ns)
				}
			}
			if handled != events || most > workers {
				t.Errorf("handled %d events by %d at once, want %d by at most %d", handled, most, events, workers)
			}
		})
	}
}

func TestKeysRunInParallelAndASlowOneHoldsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		release := make(chan struct{})
		var j journal
		subscribe(t, b, func(_ context.Context, e event.Event[OrderPlaced]) error {
			if e.Data.OrderID == "slow" {
				<-release
			}
			j.add(fmt.Sprint(e.Data.OrderID, e.Data.Total))
			return nil
		}, bus.Queued(bus.Queue{Workers: 2})) // the key is the stream, made of the order's id

		publish(t, b, OrderPlaced{"slow", 1})
		publish(t, b, OrderPlaced{"slow", 2})
		for n := range int64(3) {
			publish(t, b, OrderPlaced{"quick", n})
		}
		synctest.Wait()
		j.expect(t, "quick0", "quick1", "quick2")
		close(release)
		closeBus(t, b)
		j.expect(t, "quick0", "quick1", "quick2", "slow1", "slow2")
	})
}

func TestPanicOfAKeyFunctionIsThePublishersError(t *testing.T) {
	b := bus.New(bus.Config{})
	subscribeTopic(t, b, "**", func(context.Context, event.Event[any]) error { return nil },
		bus.Queued(bus.Queue{Workers: 2, Key: tickKey}))
	var panicked *bus.PanicError
	if err := b.Publish(t.Context(), OrderPaid{}); !errors.As(err, &panicked) {
		t.Errorf("error is %v, want the panic", err)
	}
	closeBus(t, b)
}

func TestErrorsOfQueuedHandlersGoToOnError(t *testing.T) {
	cause := errors.New("no paper")
	type failure struct {
		ctx context.Context
		e   event.Event[any]
		err error
	}
	failures := make(chan failure, 2)
	b := bus.New(bus.Config{OnError: func(ctx context.Context, e event.Event[any], err error) {
		failures <- failure{ctx, e, err}
	}})
	sub := subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
		if e.Data.N == 1 {
			panic("torn")
		}
		return cause
	}, bus.Queued(bus.Queue{}), bus.Named("printer"))

	publish(t, b, Ticked{N: 1})
	publish(t, b, Ticked{N: 2})
	closeBus(t, b)

	first, second := <-failures, <-failures
	var panicked *bus.PanicError
	if !errors.As(first.err, &panicked) || panicked.Value != "torn" {
		t.Errorf("first error is %v, want the panic", first.err)
	}
	var facts *bus.HandlerError
	if !errors.Is(second.err, cause) || !errors.As(second.err, &facts) || facts.Subscription != "printer" || facts.EventID != second.e.ID {
		t.Errorf("second error is %v", second.err)
	}
	if caused, _ := event.CauseFrom(second.ctx); caused.ID != second.e.ID {
		t.Errorf("the context's cause is %v, want the event", caused.ID)
	}
	expectStats(t, sub, bus.Stats{Failed: 2})
}

func TestErrorsOfQueuedHandlersAreLoggedByDefault(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	b := bus.New(bus.Config{})
	subscribe(t, b, func(context.Context, event.Event[Ticked]) error { return errors.New("no paper") },
		bus.Queued(bus.Queue{}), bus.Named("printer"))
	subscribe(t, b, func(context.Context, event.Event[Ticked]) error { panic("jammed") }, bus.Queued(bus.Queue{}))
	id, correlation := event.NewID(), event.NewID()
	ctx := event.WithCause(t.Context(), event.Cause{CorrelationID: correlation})

	if err := b.Publish(ctx, Ticked{}, event.WithID(id)); err != nil {
		t.Fatal(err)
	}
	closeBus(t, b)

	for _, want := range []string{"level=ERROR", "event=" + id.String(), "type=ticked", "correlation=" + correlation.String(), "printer", "no paper", "panic: jammed", "stack=", "TestErrorsOfQueuedHandlersAreLoggedByDefault"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q: %s", want, log.String())
		}
	}
}

type contextKey struct{}

func TestQueuedHandlersContextHasThePublishersValuesButNotItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		start := make(chan struct{})
		var value any
		var ended error
		subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
			<-start
			value, ended = ctx.Value(contextKey{}), ctx.Err()
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			return child.Err()
		}, bus.Queued(bus.Queue{}))
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "tenant 7"))
		if err := b.Publish(ctx, Ticked{}); err != nil {
			t.Fatal(err)
		}
		cancel()
		close(start)
		closeBus(t, b)
		if value != "tenant 7" || ended != nil {
			t.Errorf("the handler's context has %v and %v, want tenant 7 and no end", value, ended)
		}
	})
}

func TestQueuesGetTheOuterEventBeforeWhatSyncHandlersPublish(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
		return b.Publish(ctx, OrderPaid{e.Data.OrderID})
	})
	subscribeTopic(t, b, "**", j.note(""), bus.Queued(bus.Queue{}))
	publish(t, b, OrderPlaced{OrderID: "1"})
	closeBus(t, b)
	j.expect(t, "order.placed", "order.paid")
}

func TestHandlerMayPublishToItsOwnQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
			if e.Data.N == 0 {
				return nil
			}
			return b.Publish(ctx, Ticked{N: e.Data.N - 1})
		}, bus.Queued(bus.Queue{Size: 1}))
		publish(t, b, Ticked{N: 100})
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 101})
	})
}

func TestHandlerDoesNotWaitForItsOwnFullQueue(t *testing.T) {
	for _, workers := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			failures := make(chan error, 1)
			b := bus.New(bus.Config{OnError: func(_ context.Context, _ event.Event[any], err error) { failures <- err }})
			sub := subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
				if e.Data.N == 0 {
					return nil
				}
				return errors.Join(b.Publish(ctx, Ticked{}), b.Publish(ctx, Ticked{}))
			}, bus.Queued(bus.Queue{Size: 1, Workers: workers}))
			publish(t, b, Ticked{N: 1})
			closeBus(t, b)
			if err := <-failures; !errors.Is(err, bus.ErrFull) || !strings.Contains(err.Error(), "runs in it") {
				t.Errorf("error is %v, want ErrFull with the reason", err)
			}
			expectStats(t, sub, bus.Stats{Delivered: 1, Failed: 1, Refused: 1})
		})
	}
}

func TestQueuesDoNotWaitForEachOtherInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Int32
		b := bus.New(bus.Config{OnError: func(_ context.Context, _ event.Event[any], err error) {
			if errors.Is(err, bus.ErrFull) {
				refused.Add(1)
			}
		}})
		// Each handler sends two for one, so that both queues fill up and each would wait for the other.
		ping := subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
			if e.Data.Total == 0 {
				return nil
			}
			next := Ticked{N: int(e.Data.Total) - 1}
			return errors.Join(b.Publish(ctx, next), b.Publish(ctx, next))
		}, bus.Queued(bus.Queue{Size: 2}))
		pong := subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
			if e.Data.N == 0 {
				return nil
			}
			next := OrderPlaced{Total: int64(e.Data.N) - 1}
			return errors.Join(b.Publish(ctx, next), b.Publish(ctx, next))
		}, bus.Queued(bus.Queue{Size: 2}))

		publish(t, b, OrderPlaced{Total: 9})
		publish(t, b, Ticked{N: 9})
		closeBus(t, b) // would never return

		if refused.Load() == 0 {
			t.Error("nobody got ErrFull, so the test did not fill the queues")
		}
		if n := ping.Stats().Refused + pong.Stats().Refused; n < uint64(refused.Load()) {
			t.Errorf("%d refusals counted, want at least %d", n, refused.Load())
		}
	})
}

func TestQueuesInARowPassTheirPressureBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		first := subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
			return b.Publish(ctx, Ticked{N: int(e.Data.Total)})
		}, bus.Queued(bus.Queue{Size: 1}))
		second := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 1}))
		go func() {
			for n := range int64(10) {
				publish(t, b, OrderPlaced{Total: n})
			}
		}()
		synctest.Wait()
		expectStats(t, first, bus.Stats{Delivered: 2, Depth: 1})
		expectStats(t, second, bus.Stats{Depth: 1})

		close(g.open)
		synctest.Wait()
		g.expect(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	})
}

func TestHandlerThatEndsItsGoroutineDoesNotStopTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		sub := subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
			if e.Data.N%2 == 0 {
				runtime.Goexit() // as t.FailNow does
			}
			return nil
		}, bus.Queued(bus.Queue{}))
		for n := range 10 {
			publish(t, b, Ticked{N: n})
		}
		closeBus(t, b)
		expectStats(t, sub, bus.Stats{Delivered: 5, Failed: 5})
	})
}

// begun returns a queue whose worker handles 1, and has moved what waits, 2 and 3, to its batch.
func begun(t *testing.T, b *bus.Bus, g *gate, q bus.Queue) *bus.Subscription {
	t.Helper()
	q.Size = 3
	sub := subscribe(t, b, g.handle, bus.Queued(q))
	sub.Pause()
	fill(t, b, 1, 3)
	sub.Resume()
	synctest.Wait()
	expectStats(t, sub, bus.Stats{Depth: 2})
	return sub
}

func TestFullQueueDropsTheOldestWhereverItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := begun(t, b, g, bus.Queue{WhenFull: bus.DropOldest})
		fill(t, b, 4, 7)
		expectStats(t, sub, bus.Stats{Dropped: 3, Depth: 3})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1, 5, 6, 7)
	})
}

func TestCancelDropsWhatTheWorkerHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := begun(t, b, g, bus.Queue{})
		publish(t, b, Ticked{N: 4})
		sub.Cancel()
		expectStats(t, sub, bus.Stats{Dropped: 3})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1)
	})
}

func TestBlockedPublisherIsLetInAsSoonAsThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := bus.New(bus.Config{}), newGate()
		sub := begun(t, b, g, bus.Queue{})
		publish(t, b, Ticked{N: 4})
		blocked := make(chan struct{})
		go func() {
			publish(t, b, Ticked{N: 5})
			close(blocked)
		}()
		synctest.Wait()
		g.open <- struct{}{} // the handler of 1 returns, and that of 2 does not
		<-blocked
		expectStats(t, sub, bus.Stats{Delivered: 1, Depth: 3})
		close(g.open)
		closeBus(t, b)
		g.expect(t, 1, 2, 3, 4, 5)
	})
}
