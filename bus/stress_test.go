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
)

// sequence checks that the numbers of each publisher come in order, without gaps from the first one seen if whole is set.
type sequence struct {
	whole bool
	name  string
	t     *testing.T

	mu    sync.Mutex
	last  map[string]int
	count uint64
	ended bool // no more may come
}

func newSequence(t *testing.T, name string, whole bool) *sequence {
	return &sequence{t: t, name: name, whole: whole, last: map[string]int{}}
}

func (s *sequence) handle(_ context.Context, e event.Event[Ticked]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, seen := s.last[e.Data.Key]
	if seen && (e.Data.N <= last || s.whole && e.Data.N != last+1) {
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

// kinds are all ways to be delivered to, and whether everything arrives.
var kinds = []struct {
	name  string
	opts  []bus.Option
	whole bool
}{
	{"sync", nil, true},
	{"one worker", []bus.Option{bus.Queued(bus.Queue{Size: 4})}, true},
	{"four workers", []bus.Option{bus.Queued(bus.Queue{Size: 16, Workers: 4, Key: tickKey})}, true},
	{"drop newest", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropNewest})}, false},
	{"drop oldest", []bus.Option{bus.Queued(bus.Queue{Size: 3, Workers: 2, Key: tickKey, WhenFull: bus.DropOldest})}, false},
	{"fail", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.Fail})}, false},
}

func TestEveryDeliveryIsCountedWhileSubscribersComeAndGo(t *testing.T) {
	const publishers, each = 4, 1500
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		staying := make([]*bus.Subscription, len(kinds))
		seen := make([]*sequence, len(kinds))
		for i, kind := range kinds {
			seen[i] = newSequence(t, kind.name, kind.whole)
			staying[i] = subscribe(t, b, seen[i].handle, kind.opts...)
		}
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
					if err := b.Publish(t.Context(), Ticked{Key: fmt.Sprint(p), N: n}); err != nil && !errors.Is(err, bus.ErrFull) {
						t.Error(err)
					}
				}
			})
		}
		published.Wait()
		over.Store(true)
		visiting.Wait()
		closeBus(t, b)
		for i, kind := range kinds {
			expectAllCounted(t, staying[i], seen[i].end(), publishers*each, kind.whole)
		}
	})
}

// visit subscribes for a while.
func visit(t *testing.T, b *bus.Bus, round int) {
	kind := kinds[round%len(kinds)]
	s := newSequence(t, "visitor: "+kind.name, kind.whole)
	sub := subscribe(t, b, s.handle, kind.opts...)
	pattern := subscribeTopic(t, b, "*", func(context.Context, event.Event[any]) error { return nil }, kind.opts...)
	if err := b.Publish(t.Context(), OrderPaid{}); err != nil && !errors.Is(err, bus.ErrFull) {
		t.Error(err)
	}
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
		t.Errorf("handled %d of %d, counted %+v", handled, offered, stats)
	}
	if whole && handled != offered {
		t.Errorf("handled %d of %d", handled, offered)
	}
}

func TestCloseHandlesExactlyWhatWasTaken(t *testing.T) {
	for _, kind := range kinds[:3] {
		t.Run(kind.name, func(t *testing.T) {
			for range 50 {
				b := bus.New(bus.Config{})
				s := newSequence(t, kind.name, true)
				sub := subscribe(t, b, s.handle, kind.opts...)
				var taken atomic.Uint64
				var publishing sync.WaitGroup
				begun := make(chan struct{}, 3)
				for p := range 3 {
					publishing.Go(func() {
						for n := 0; ; n++ {
							err := b.Publish(t.Context(), Ticked{Key: fmt.Sprint(p), N: n})
							if errors.Is(err, bus.ErrClosed) {
								return
							}
							if err != nil {
								t.Error(err)
							}
							taken.Add(1)
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
