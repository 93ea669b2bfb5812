package bus_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func broadcast[T any](t *testing.T, b *bus.Bus, r bus.Ring, opts ...bus.Option) *bus.Feed[T] {
	t.Helper()
	feed, err := bus.Broadcast[T](b, r, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// read notes in a goroutine of its own what a reader gets, and "end" when that is all.
func read(ctx context.Context, feed *bus.Feed[Ticked]) *journal {
	j := &journal{}
	all := feed.All(ctx)
	go j.follow(all)
	return j
}

func (j *journal) follow(all iter.Seq2[event.Event[Ticked], error]) {
	for e, err := range all {
		var missed *bus.MissedError
		switch {
		case errors.As(err, &missed):
			j.add(fmt.Sprint("missed ", missed.Count))
		case err != nil:
			j.add(err.Error())
		default:
			j.add(fmt.Sprint(e.Data.N))
		}
	}
	j.add("end")
}

func TestEveryReaderGetsEveryEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{})
		publish(t, b, Ticked{N: 1}) // before anybody reads
		first := read(t.Context(), feed)
		publish(t, b, Ticked{N: 2})
		second := read(t.Context(), feed)
		synctest.Wait()
		publish(t, b, Ticked{N: 3})
		publish(t, b, OrderPaid{})
		publish(t, b, Ticked{N: 4})
		synctest.Wait()
		first.expect(t, "2", "3", "4")
		second.expect(t, "3", "4")
		expectStats(t, feed.Subscription, bus.Stats{Delivered: 5})
		closeBus(t, b)
		synctest.Wait()
		first.expect(t, "2", "3", "4", "end")
		second.expect(t, "3", "4", "end")
	})
}

func TestReadingBeginsWhereAllWasCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{Size: 3})
		publish(t, b, Ticked{N: 1})
		all := feed.All(t.Context())
		publish(t, b, Ticked{N: 2}) // after All, though nobody ranges over it yet
		publish(t, b, Ticked{N: 3})
		feed.Cancel()
		for range 2 { // and the same again
			var j journal
			j.follow(all)
			j.expect(t, "2", "3", "end")
		}
		closeBus(t, b)
	})
}

func TestSlowReaderIsToldWhatItMissedAndGoesOn(t *testing.T) {
	for _, size := range []int{1, 3, 4, 100} {
		synctest.Test(t, func(t *testing.T) {
			b := bus.New(bus.Config{})
			feed := broadcast[Ticked](t, b, bus.Ring{Size: size})
			all := feed.All(t.Context())
			for n := range 2*size + 1 {
				publish(t, b, Ticked{N: n}) // waits for nobody
			}
			feed.Cancel()
			want := []string{fmt.Sprint("missed ", size+1)}
			for n := size + 1; n < 2*size+1; n++ {
				want = append(want, fmt.Sprint(n))
			}
			var j journal
			j.follow(all)
			j.expect(t, append(want, "end")...)
			expectStats(t, feed.Subscription, bus.Stats{Delivered: uint64(size), Missed: uint64(size + 1)})
			closeBus(t, b)
		})
	}
}

func TestReaderMissesAgainAndAgain(t *testing.T) {
	b := bus.New(bus.Config{})
	feed := broadcast[Ticked](t, b, bus.Ring{Size: 1})
	all := feed.All(t.Context())
	n := 0
	two := func() { // the first of the two is gone when the reader comes
		for range 2 {
			n++
			publish(t, b, Ticked{N: n})
		}
	}
	two()
	var j journal
	for e, err := range all {
		var missed *bus.MissedError
		if errors.As(err, &missed) {
			j.add(fmt.Sprint("missed ", missed.Count))
			continue
		}
		j.add(fmt.Sprint(e.Data.N))
		if n == 6 {
			break
		}
		two()
	}
	j.expect(t, "missed 1", "2", "missed 1", "4", "missed 1", "6")
	expectStats(t, feed.Subscription, bus.Stats{Delivered: 3, Missed: 3})
	closeBus(t, b)
}

func TestFeedIsLeftByBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{})
		all := feed.All(t.Context())
		for n := range 5 {
			publish(t, b, Ticked{N: n})
		}
		for e, err := range all {
			if err != nil || e.Data.N == 2 {
				break
			}
		}
		expectStats(t, feed.Subscription, bus.Stats{Delivered: 3})
		if n := feed.Stats().Running; n != 0 {
			t.Errorf("%d readers are left", n)
		}
		closeBus(t, b)
	})
}

func TestReaderEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		asleep, awake := read(ctx, feed), feed.All(ctx)
		publish(t, b, Ticked{N: 1})
		publish(t, b, Ticked{N: 2})
		synctest.Wait()
		var j journal
		for e, err := range awake { // though there is more
			if err != nil {
				j.add(err.Error())
				continue
			}
			j.add(fmt.Sprint(e.Data.N))
			cancel()
		}
		j.expect(t, "1", "context canceled")
		synctest.Wait()
		asleep.expect(t, "1", "2", "context canceled", "end")
		closeBus(t, b)
	})
}

func TestClosedFeedIsReadToTheEnd(t *testing.T) {
	ways := map[string]func(*bus.Bus, *bus.Feed[Ticked]){
		"cancel": func(_ *bus.Bus, f *bus.Feed[Ticked]) { f.Cancel() },
		"bus":    func(b *bus.Bus, _ *bus.Feed[Ticked]) { _ = b.Close(context.Background()) },
		"drain":  func(_ *bus.Bus, f *bus.Feed[Ticked]) { _ = f.Drain(context.Background()) },
		"close":  func(_ *bus.Bus, f *bus.Feed[Ticked]) { _ = f.Close(context.Background()) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bus.New(bus.Config{})
				feed := broadcast[Ticked](t, b, bus.Ring{})
				all, asleep := feed.All(t.Context()), read(t.Context(), feed)
				publish(t, b, Ticked{N: 1})
				publish(t, b, Ticked{N: 2})
				end(b, feed)
				if name != "bus" {
					publish(t, b, Ticked{N: 3})
				}
				var j journal
				j.follow(all)
				j.expect(t, "1", "2", "end")
				synctest.Wait()
				asleep.expect(t, "1", "2", "end")
				for range feed.All(t.Context()) {
					t.Error("a closed feed has something new")
				}
				closeBus(t, b)
			})
		})
	}
}

func TestDrainOfAFeedWaitsForItsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bus.New(bus.Config{})
		feed := broadcast[Ticked](t, b, bus.Ring{}, bus.Named("feed"))
		next, stop := iter.Pull2(feed.All(t.Context()))
		for n := range 3 {
			publish(t, b, Ticked{N: n})
		}
		next()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, wait := range []func(context.Context) error{feed.Drain, feed.Close} {
			var unfinished *bus.UnfinishedError
			if err := wait(ctx); !errors.As(err, &unfinished) || unfinished.Left[0] != (bus.Left{Subscription: "feed", Waiting: 2, Running: 1}) {
				t.Errorf("error is %v, want 2 waiting for 1 reader", err)
			}
		}
		drained := make(chan error)
		go func() { drained <- feed.Drain(t.Context()) }()
		next()
		stop()
		if err := <-drained; err != nil {
			t.Error(err)
		}
		closeBus(t, b)
	})
}

func TestFeedOfATypeConvertsWhatIsOfAnother(t *testing.T) {
	b := bus.New(bus.Config{})
	feed := broadcast[Ticked](t, b, bus.Ring{})
	all := feed.All(t.Context())
	publish(t, b, map[string]any{"type": "ticked", "N": 7})
	publish(t, b, map[string]any{"type": "ticked", "N": "seven"})
	publish(t, b, Ticked{N: 8})
	closeBus(t, b)
	var seen []string
	for e, err := range all {
		var failure *bus.HandlerError
		switch {
		case errors.As(err, &failure):
			seen = append(seen, failure.Subscription+" cannot")
		case err != nil:
			t.Error(err)
		default:
			seen = append(seen, fmt.Sprint(e.Data.N))
		}
	}
	if want := []string{"7", "ticked cannot", "8"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
	expectStats(t, feed.Subscription, bus.Stats{Delivered: 2, Failed: 1})
}

func TestFeedOfTopicsHasEventsOfEveryType(t *testing.T) {
	b := bus.New(bus.Config{})
	feed, err := b.BroadcastTopic("order.*", bus.Ring{})
	if err != nil {
		t.Fatal(err)
	}
	all := feed.All(t.Context())
	publish(t, b, OrderPlaced{OrderID: "1"})
	publish(t, b, Ticked{})
	publish(t, b, OrderPaid{OrderID: "1"})
	closeBus(t, b)
	var seen []string
	for e := range all {
		seen = append(seen, fmt.Sprintf("%s %T", e.Type, e.Data))
	}
	if got := strings.Join(seen, ", "); got != "order.placed bus_test.OrderPlaced, order.paid bus_test.OrderPaid" {
		t.Errorf("seen %s", got)
	}
	if feed.Name() != "order.*" {
		t.Errorf("its name is %s", feed.Name())
	}
}

func TestBadFeedsAreRefusedByName(t *testing.T) {
	b := bus.New(bus.Config{})
	made := func(_ *bus.Feed[Ticked], err error) error { return err }
	_, anything := bus.Broadcast[any](b, bus.Ring{})
	_, pattern := b.BroadcastTopic("a..b", bus.Ring{})
	for want, err := range map[string]error{
		"ring size":  made(bus.Broadcast[Ticked](b, bus.Ring{Size: -1})),
		"queue":      made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.Queued(bus.Queue{}))),
		"once":       made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.Once())),
		"middleware": made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.With(through))),
		"where":      made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.Where(func(event.Event[OrderPaid]) bool { return true }))),
		"except":     made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.Except("X"))),
		"name":       made(bus.Broadcast[Ticked](b, bus.Ring{}, bus.Named(""))),
		"type":       anything,
		"pattern":    pattern,
	} {
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one that names the %s", err, want)
		}
	}
	closeBus(t, b)
	if _, err := bus.Broadcast[Ticked](b, bus.Ring{}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("error is %v, want ErrClosed", err)
	}
}

func TestRingForgetsNothingBeforeItIsFull(t *testing.T) {
	b := bus.New(bus.Config{})
	feed := broadcast[Ticked](t, b, bus.Ring{})
	all := feed.All(t.Context())
	for n := range 1024 {
		publish(t, b, Ticked{N: n})
	}
	closeBus(t, b)
	n := 0
	for e, err := range all {
		if err != nil || e.Data.N != n {
			t.Fatalf("after %d events: %d, %v", n, e.Data.N, err)
		}
		n++
		runtime.Gosched()
	}
	if n != 1024 {
		t.Errorf("read %d", n)
	}
}

func TestWhereLimitsAFeed(t *testing.T) {
	b := bus.New(bus.Config{})
	feed := broadcast[Ticked](t, b, bus.Ring{}, bus.Where(func(e event.Event[Ticked]) bool {
		if e.Data.N == 4 {
			panic("four")
		}
		return e.Data.N%3 == 0
	}))
	all := feed.All(t.Context())
	for n := range 8 {
		err := b.Publish(t.Context(), Ticked{N: n})
		if _, panicked := errors.AsType[*bus.PanicError](err); panicked != (n == 4) {
			t.Errorf("publishing %d gives %v", n, err)
		}
	}
	closeBus(t, b)
	var j journal
	j.follow(all)
	j.expect(t, "0", "3", "6", "end")
	expectStats(t, feed.Subscription, bus.Stats{Delivered: 3, Failed: 1})
}
