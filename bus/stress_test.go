package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// sequence checks that the numbers of each publisher come in order, without gaps from the first one seen if whole is set: one by one,
// or at the distance of step.
type sequence struct {
	whole bool
	step  int
	name  string
	t     *testing.T

	mu    sync.Mutex
	last  map[string]int
	count uint64
	ended bool // no more may come
}

func newSequence(t *testing.T, k kind) *sequence {
	return &sequence{t: t, name: k.name, whole: k.whole, step: max(k.every, 1), last: map[string]int{}}
}

// untyped is handle for those that take data of any type.
func (s *sequence) untyped(ctx context.Context, e event.Event[any]) error {
	switch data := e.Data.(type) {
	case Ticked:
		return s.handle(ctx, event.Event[Ticked]{Metadata: e.Metadata, Data: data})
	case map[string]any:
		return s.handle(ctx, event.Event[Ticked]{Metadata: e.Metadata, Data: Ticked{data["Key"].(string), data["N"].(int)}})
	}
	s.t.Errorf("%s: got a %T", s.name, e.Data)
	return nil
}

func (s *sequence) handle(_ context.Context, e event.Event[Ticked]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, seen := s.last[e.Data.Key]
	if seen && (e.Data.N <= last || s.whole && e.Data.N != last+s.step) {
		s.t.Errorf("%s: publisher %s: %d after %d", s.name, e.Data.Key, e.Data.N, last)
	}
	if s.ended {
		s.t.Errorf("%s: called after Close", s.name)
	}
	s.last[e.Data.Key] = e.Data.N
	s.count++
	return nil
}

func (s *sequence) end() (count uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return s.count
}

// kind is one way to be delivered to.
type kind struct {
	name  string
	opts  []bus.Option
	whole bool // everything arrives
	every int  // of the events that are wanted, one in so many; 0 for all
}

var kinds = []kind{
	{"sync", nil, true, 0},
	{"one worker", []bus.Option{bus.Queued(bus.Queue{Size: 4})}, true, 0},
	{"four workers", []bus.Option{bus.Queued(bus.Queue{Size: 16, Workers: 4, Key: publisher})}, true, 0},
	{"sync where", []bus.Option{everyThird}, true, 3},
	{"queued where", []bus.Option{bus.Queued(bus.Queue{Size: 4}), everyThird}, true, 3},
	{"middleware", []bus.Option{bus.With(through)}, true, 0},
	{"drop newest", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropNewest})}, false, 0},
	{"drop oldest", []bus.Option{bus.Queued(bus.Queue{Size: 3, Workers: 2, Key: publisher, WhenFull: bus.DropOldest})}, false, 0},
	{"fail", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.Fail})}, false, 0},
}

var everyThird = bus.Where(func(e event.Event[Ticked]) bool { return e.Data.N%3 == 0 })

// publisher is the key of what tick publishes.
func publisher(e event.Event[any]) string {
	switch data := e.Data.(type) {
	case Ticked:
		return data.Key
	case map[string]any:
		return data["Key"].(string)
	}
	return e.Type
}

func through(next middleware.Handler) middleware.Handler {
	return func(ctx context.Context, c *middleware.Call) (any, error) { return next(ctx, c) }
}

// tick publishes in one of the three ways there are.
func tick(ctx context.Context, b *bus.Bus, key string, n int) error {
	switch n % 8 {
	case 0, 4:
		return b.Publish(ctx, Ticked{Key: key, N: n})
	case 1:
		return b.Publish(ctx, event.From("ticked", map[string]any{"Key": key, "N": n}))
	}
	return bus.Publish(ctx, b, Ticked{Key: key, N: n})
}

func TestEveryDeliveryIsCountedWhileSubscribersComeAndGo(t *testing.T) {
	const publishers, each = 4, 1500
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		all := newSequence(t, kind{name: "pattern", whole: true})
		pattern := subscribeTopic(t, b, "ticked.**", all.untyped)
		staying := make([]*bus.Subscription, len(kinds))
		seen := make([]*sequence, len(kinds))
		for i, kind := range kinds {
			seen[i] = newSequence(t, kind)
			staying[i] = subscribe(t, b, seen[i].handle, kind.opts...)
		}
		var first atomic.Int64
		once := subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			first.Add(1)
			return nil
		}, bus.Once())
		var published, visiting sync.WaitGroup
		var over atomic.Bool
		for range 3 {
			visiting.Go(func() {
				for round := 0; !over.Load(); round++ {
					visit(t, b, round)
				}
			})
		}
		for p := range publishers {
			published.Go(func() {
				for n := range each {
					if err := tick(t.Context(), b, fmt.Sprint(p), n); err != nil && !errors.Is(err, bus.ErrFull) {
						t.Error(err)
					}
				}
			})
		}
		published.Wait()
		over.Store(true)
		visiting.Wait()
		closeBus(t, b)
		expectAllCounted(t, pattern, all.end(), publishers*each, true)
		for i, kind := range kinds {
			wanted := publishers * uint64((each-1)/max(kind.every, 1)+1)
			expectAllCounted(t, staying[i], seen[i].end(), wanted, kind.whole)
		}
		expectAllCounted(t, once, uint64(first.Load()), 1, true)
	})
}

// visit subscribes for a while.
func visit(t *testing.T, b *bus.Bus, round int) {
	kind := kinds[round%len(kinds)]
	kind.name = "visitor: " + kind.name
	s := newSequence(t, kind)
	sub := subscribe(t, b, s.handle, kind.opts...)
	var untyped []bus.Option
	if kind.every == 0 { // its predicate is a typed one
		untyped = kind.opts
	}
	pattern := subscribeTopic(t, b, "*", func(context.Context, event.Event[any]) error { return nil }, untyped...)
	var first atomic.Uint64
	once := subscribeTopic(t, b, "order.*", func(context.Context, event.Event[any]) error {
		first.Add(1)
		return nil
	}, append(untyped, bus.Once())...)
	if err := bus.Publish(t.Context(), b, OrderPaid{}); err != nil && !errors.Is(err, bus.ErrFull) {
		t.Error(err)
	}
	if err := once.Close(t.Context()); err != nil {
		t.Error(err)
	}
	expectAllCounted(t, once, first.Load(), 1, true)
	if round%3 == 0 {
		pattern.Cancel()
		sub.Cancel()
		return
	}
	pattern.Cancel()
	if err := sub.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if count, stats := s.end(), sub.Stats(); count != stats.Delivered || stats.Depth != 0 {
		t.Errorf("%s: handled %d, counted %+v", s.name, count, stats)
	}
}

func expectAllCounted(t *testing.T, sub *bus.Subscription, handled, offered uint64, whole bool) {
	t.Helper()
	stats := sub.Stats()
	if stats.Delivered != handled || stats.Delivered+stats.Dropped+stats.Refused != offered || stats.Depth != 0 {
		t.Errorf("%s: handled %d of %d, counted %+v", sub.Name(), handled, offered, stats)
	}
	if whole && handled != offered {
		t.Errorf("%s: handled %d of %d", sub.Name(), handled, offered)
	}
}

func TestCloseHandlesExactlyWhatWasTaken(t *testing.T) {
	for _, kind := range kinds[:6] {
		t.Run(kind.name, func(t *testing.T) {
			for range 30 {
				b := bus.New(bus.Config{})
				s := newSequence(t, kind)
				sub := subscribe(t, b, s.handle, kind.opts...)
				var taken atomic.Uint64
				var publishing sync.WaitGroup
				begun := make(chan struct{}, 3)
				for p := range 3 {
					publishing.Go(func() {
						for n := 0; ; n++ {
							err := tick(t.Context(), b, fmt.Sprint(p), n)
							if errors.Is(err, bus.ErrClosed) {
								return
							}
							if err != nil {
								t.Error(err)
							}
							if n%max(kind.every, 1) == 0 {
								taken.Add(1)
							}
							if n == 20 {
								begun <- struct{}{}
							}
						}
					})
				}
				<-begun
				closeBus(t, b)
				handled := s.end() // and none after Close
				publishing.Wait()
				expectAllCounted(t, sub, handled, taken.Load(), true)
			}
		})
	}
}

// Whoever has subscribed gets what is published from then on, and who has cancelled nothing more, however the bus remembers it.
func TestChangesHoldForWhatIsPublishedAfterThem(t *testing.T) {
	b := bus.New(bus.Config{})
	var others sync.WaitGroup
	var over atomic.Bool
	for range 2 {
		others.Go(func() {
			for !over.Load() {
				if err := bus.Publish(t.Context(), b, Ticked{Key: "other"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			key := fmt.Sprint(w)
			for range 500 {
				got := 0
				sub := subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
					if e.Data.Key == key { // from this goroutine
						got++
					}
					return nil
				})
				for range 2 {
					if err := bus.Publish(t.Context(), b, Ticked{Key: key}); err != nil {
						t.Error(err)
					}
				}
				sub.Cancel()
				if err := bus.Publish(t.Context(), b, Ticked{Key: key}); err != nil {
					t.Error(err)
				}
				if got != 2 {
					t.Errorf("got %d events, want 2", got)
					return
				}
			}
		})
	}
	writers.Wait()
	over.Store(true)
	others.Wait()
	closeBus(t, b)
}

// Every handler publishes to all queues, its own among them: nothing may stick, whoever waits for whom.
func TestAnyTangleOfQueuesComesToRest(t *testing.T) {
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			b := bus.New(bus.Config{OnError: func(_ context.Context, _ event.Event[any], err error) {
				if !errors.Is(err, bus.ErrFull) {
					t.Error(err)
				}
			}})
			const queues = 4
			for i := range queues {
				subscribeTopic(t, b, fmt.Sprintf("q%d", i), func(ctx context.Context, e event.Event[any]) error {
					left := e.Data.(Ticked).N
					if left == 0 {
						return nil
					}
					var errs []error
					for step := range 3 {
						to := fmt.Sprintf("q%d", (i+step*(seed+1)+left)%queues)
						errs = append(errs, b.Publish(ctx, Ticked{Key: fmt.Sprint(left % 2), N: left - 1}, event.WithTopic(to)))
					}
					return errors.Join(errs...)
				}, bus.Queued(bus.Queue{Size: 1 + seed%3, Workers: 1 + (seed+i)%3, Key: tickKey}))
			}
			for i := range queues {
				go publish(t, b, Ticked{N: 6}, event.WithTopic(fmt.Sprintf("q%d", i)))
			}
			synctest.Wait()
			closeBus(t, b)
		})
	}
}
