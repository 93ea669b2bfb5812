package bus_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// modes are all ways to be delivered to.
var modes = []struct {
	name string
	opts []bus.Option
}{
	{"sync", nil},
	{"one worker", []bus.Option{bus.Queued(bus.Queue{Size: 4})}},
	{"four workers", []bus.Option{bus.Queued(bus.Queue{Size: 16, Workers: 4, Key: tickKey})}},
	{"drop newest", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.DropNewest})}},
	{"drop oldest", []bus.Option{bus.Queued(bus.Queue{Size: 1, WhenFull: bus.DropOldest})}},
	{"drop oldest of two workers", []bus.Option{bus.Queued(bus.Queue{Size: 3, Workers: 2, Key: tickKey, WhenFull: bus.DropOldest})}},
	{"fail", []bus.Option{bus.Queued(bus.Queue{Size: 2, WhenFull: bus.Fail})}},
}

// ledger is a handler that fails now and then, and counts both.
type ledger struct{ delivered, failed atomic.Uint64 }

var errDeclined = errors.New("declined")

func (l *ledger) handle(_ context.Context, e event.Event[Ticked]) error {
	if e.Data.N%7 == 3 {
		l.failed.Add(1)
		return errDeclined
	}
	l.delivered.Add(1)
	return nil
}

// expect compares the statistics with what the handler saw, and both with what was offered.
func (l *ledger) expect(t *testing.T, sub *bus.Subscription, offered uint64) {
	t.Helper()
	s := sub.Stats()
	if s.Delivered != l.delivered.Load() || s.Failed != l.failed.Load() || s.Depth != 0 || s.Running != 0 ||
		s.Delivered+s.Failed+s.Dropped+s.Refused+s.Skipped != offered {
		t.Errorf("%s: offered %d, delivered %d, failed %d, but counted %+v", sub.Name(), offered, l.delivered.Load(), l.failed.Load(), s)
	}
}

// Published = delivered + failed + dropped + refused + skipped, for every subscription; and for every reader read + missed. All of it
// while subscriptions pause and go on, and others come, are drained, closed or cancelled, and go.
func TestEveryEventIsAccountedFor(t *testing.T) {
	const publishers, each = 4, 1000
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{OnError: func(_ context.Context, _ event.Event[any], err error) {
			if !errors.Is(err, errDeclined) {
				t.Error(err)
			}
		}})
		var subs []*bus.Subscription
		ledgers := make([]ledger, len(modes))
		for i, mode := range modes {
			subs = append(subs, subscribe(t, b, ledgers[i].handle, append(mode.opts, bus.Named(mode.name))...))
		}
		var feeds []*feedAccount
		for _, size := range []int{1, 7, publishers * each} {
			feeds = append(feeds, openFeed(t, b, bus.Ring{Size: size}))
			subs = append(subs, feeds[len(feeds)-1].feed.Subscription)
		}

		var over atomic.Bool
		var others, publishing sync.WaitGroup
		others.Go(func() {
			for n := 0; !over.Load(); n++ {
				flicker(subs[n%len(subs)])
			}
		})
		for v := range 3 {
			others.Go(func() {
				for round := 0; !over.Load() || round < len(modes)*3; round++ {
					visitAndCount(t, b, v, round)
				}
			})
		}
		for p := range publishers {
			publishing.Go(func() {
				for n := range each {
					publishCounted(t, b, Ticked{Key: fmt.Sprint(p), N: n})
				}
			})
		}
		publishing.Wait()
		over.Store(true)
		others.Wait()
		closeBus(t, b)
		for i := range modes {
			ledgers[i].expect(t, subs[i], publishers*each)
		}
		for _, f := range feeds {
			f.expect(t, publishers*each)
		}
		if s := feeds[2].feed.Stats(); s.Missed != 0 {
			t.Errorf("a ring with room for all has missed %d", s.Missed)
		}
	})
}

// flicker pauses a subscription for a moment.
func flicker(s *bus.Subscription) {
	s.Pause()
	for range 5 {
		runtime.Gosched()
	}
	s.Resume()
	runtime.Gosched()
}

// publishCounted publishes where handlers may decline and queues be full.
func publishCounted(t *testing.T, b *bus.Bus, data any, opts ...event.Option) {
	if err := b.Publish(t.Context(), data, opts...); err != nil && !errors.Is(err, bus.ErrFull) && !errors.Is(err, errDeclined) {
		t.Error(err)
	}
}

// visitAndCount has a subscription and a feed of its own, and publishes for them alone.
func visitAndCount(t *testing.T, b *bus.Bus, visitor, round int) {
	mode := modes[round%len(modes)]
	topic := fmt.Sprintf("visit.%d.%d", visitor, round)
	var l ledger
	sub := subscribeTopic(t, b, topic, func(ctx context.Context, e event.Event[any]) error {
		return l.handle(ctx, event.Event[Ticked]{Data: e.Data.(Ticked)})
	}, append(mode.opts, bus.Named(mode.name+" of a visitor"))...)
	feed, err := b.BroadcastTopic(topic, bus.Ring{Size: 3})
	if err != nil {
		t.Error(err)
		return
	}
	var missed uint64
	read, all := 0, feed.All(t.Context())
	var publishing sync.WaitGroup
	for p := range 2 {
		publishing.Go(func() {
			for n := range 20 {
				publishCounted(t, b, event.From("visited", Ticked{Key: topic, N: p + n}), event.WithTopic(topic))
			}
		})
	}
	flicker(sub)
	publishing.Wait()
	feed.Cancel()
	for _, err := range all {
		if gone, ok := errors.AsType[*bus.MissedError](err); ok {
			missed += gone.Count
		} else {
			read++
		}
	}
	if read != 3 || missed != 37 {
		t.Errorf("a reader that comes late read %d and missed %d, want the last 3 of 40", read, missed)
	}
	leave(t, sub, round)
	l.expect(t, sub, 40)
}

// leave ends a subscription in one of several ways, and has it come to rest.
func leave(t *testing.T, sub *bus.Subscription, round int) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	switch round % 4 {
	case 0:
		sub.Pause()
		_ = sub.Drain(gone) // gives up, unless there is nothing to wait for
	case 1:
		_ = sub.Close(gone)
	case 2:
		sub.Pause()
		sub.Cancel()
	}
	if err := sub.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// feedAccount is a feed with readers.
type feedAccount struct {
	feed    *bus.Feed[Ticked]
	reading sync.WaitGroup
	counts  [3]struct{ read, missed uint64 }
}

func openFeed(t *testing.T, b *bus.Bus, r bus.Ring) *feedAccount {
	f := &feedAccount{feed: broadcast[Ticked](t, b, r, bus.Named(fmt.Sprintf("ring of %d", r.Size)))}
	for i := range f.counts {
		all := f.feed.All(t.Context())
		f.reading.Go(func() { f.read(t, i, all) })
	}
	return f
}

func (f *feedAccount) read(t *testing.T, i int, all iter.Seq2[event.Event[Ticked], error]) {
	last := map[string]int{}
	for e, err := range all {
		if missed, ok := errors.AsType[*bus.MissedError](err); ok {
			f.counts[i].missed += missed.Count
			continue
		}
		if n, seen := last[e.Data.Key]; err != nil || seen && e.Data.N <= n {
			t.Errorf("publisher %s: %d after %d, %v", e.Data.Key, e.Data.N, n, err)
		}
		last[e.Data.Key] = e.Data.N
		f.counts[i].read++
	}
}

func (f *feedAccount) expect(t *testing.T, offered uint64) {
	t.Helper()
	f.reading.Wait()
	var read, missed uint64
	for _, c := range f.counts {
		if c.read+c.missed != offered {
			t.Errorf("%s: a reader read %d and missed %d of %d", f.feed.Name(), c.read, c.missed, offered)
		}
		read, missed = read+c.read, missed+c.missed
	}
	if s := f.feed.Stats(); s.Delivered != read || s.Missed != missed || s.Depth != 0 || s.Running != 0 {
		t.Errorf("%s: readers read %d and missed %d, but counted %+v", f.feed.Name(), read, missed, s)
	}
}
