package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestConsumersOfOneNameShareTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		handled := make([]calls, 3)
		var stops []func() error
		var all []*consumer.Consumer
		for i := range handled {
			c := newConsumer(t, st, consumer.Config{Slots: 8}, consumer.OnRecord(handled[i].handle))
			all, stops = append(all, c), append(stops, start(t, c))
		}
		time.Sleep(5 * time.Second) // until each has its share
		var last store.Position
		for n := range 200 {
			last = place(t, st, fmt.Sprint(n%50), n)
		}
		for _, c := range all { // each waits for the others too
			waitFor(t, c, last)
		}
		stats, err := all[1].Stats(t.Context())
		if err != nil || len(stats.Members) != 3 || stats.Slots != 8 || stats.Held < 2 || stats.Lag != 0 || stats.Position != last {
			t.Errorf("the statistics are %+v, %v", stats, err)
		}
		var positions []store.Position
		for i := range handled {
			got := handled[i].positions()
			if len(got) == 0 {
				t.Errorf("run %d has handled nothing", i)
			}
			positions = append(positions, got...)
		}
		if len(positions) != 200 {
			t.Errorf("200 records were handled %d times", len(positions))
		}
		for _, stop := range stops {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
}

// Runs come and go while records arrive: each record is handled by one of them, each key in order.
func TestRunsThatJoinAndLeaveNeitherLoseNorRepeatNorReorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		handler := consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			time.Sleep(time.Duration(r.Position%7) * 10 * time.Millisecond)
			return seen.handle(ctx, r)
		})
		var work sync.WaitGroup
		for i := range 6 {
			work.Go(func() {
				for range 4 {
					time.Sleep(time.Duration(i) * 700 * time.Millisecond)
					stop := start(t, newConsumer(t, st, consumer.Config{Slots: 8, Workers: 3}, handler))
					time.Sleep(time.Duration(5+i) * 500 * time.Millisecond)
					if err := stop(); err != nil {
						t.Error(err)
					}
				}
			})
		}
		const n = 1000
		for i := range n {
			place(t, st, fmt.Sprint(i%30), i)
			time.Sleep(20 * time.Millisecond)
		}
		work.Wait()
		c := newConsumer(t, st, consumer.Config{}, handler)
		defer start(t, c)()
		waitFor(t, c, n)
		if got := len(seen.positions()); got != n {
			t.Errorf("%d records were handled %d times", n, got)
		}
		checkOrder(t, seen.seen)
	})
}

// checkOrder checks that the records of each stream came in order, each at least once.
func checkOrder(t *testing.T, records []event.Record) {
	t.Helper()
	last := map[string]uint64{}
	for _, r := range records {
		if r.Revision > last[r.Stream]+1 {
			t.Fatalf("%s: revision %d came after %d", r.Stream, r.Revision, last[r.Stream])
		}
		last[r.Stream] = max(r.Revision, last[r.Stream])
	}
}

// frozen is a driver that a process in trouble cannot reach.
type frozen struct {
	store.Driver
	until atomic.Pointer[chan struct{}]
}

func (f *frozen) wait(ctx context.Context) {
	if c := f.until.Load(); c != nil {
		<-*c
	}
}

func (f *frozen) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	f.wait(ctx)
	return f.Driver.Append(ctx, c)
}

func (f *frozen) Close() error { return nil }

func TestAHandlerWhoseSlotIsLostCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		healthy := &frozen{Driver: driver} // so that leases expire
		sick := &frozen{Driver: driver}
		st := store.New(healthy, store.Config{})
		var cut atomic.Int64
		slow := func(ctx context.Context, e event.Event[orderPlaced]) error {
			if err := sum(ctx, e); err != nil {
				return err
			}
			<-ctx.Done()
			cut.Add(1)
			time.Sleep(time.Minute) // it does not mind
			return nil
		}
		first, err := consumer.New(store.New(sick, store.Config{}), "billing", consumer.Config{Logger: slog.New(slog.DiscardHandler)}, consumer.On(slow))
		if err != nil {
			t.Fatal(err)
		}
		last := place(t, st, "a", 1)
		place(t, st, "b", 2)
		stop := start(t, first)
		synctest.Wait()
		thaw := make(chan struct{})
		sick.until.Store(&thaw) // now it cannot renew
		c := newConsumer(t, st, consumer.Config{}, consumer.On(sum))
		defer start(t, c)()
		waitFor(t, c, last)
		if cut.Load() == 0 {
			t.Error("the context of the handler that lost its slot has not ended")
		}
		sick.until.Store(nil)
		close(thaw)
		time.Sleep(5 * time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if a, b, n := number(t, st, "a"), number(t, st, "b"), len(paid(t, st)); a != 1 || b != 2 || n != 2 {
			t.Errorf("the sums are %d and %d and %d are paid, want 1, 2 and 2", a, b, n)
		}
	})
}

func TestARunThatStopsHandsItsSlotsOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var first, second calls
		stop := start(t, newConsumer(t, st, consumer.Config{}, consumer.OnRecord(first.handle)))
		synctest.Wait()
		other := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(second.handle))
		defer start(t, other)()
		time.Sleep(3 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		stats, err := other.Stats(t.Context())
		if err != nil || stats.Held != 32 {
			t.Errorf("the other one has %d of 32 slots: %v", stats.Held, err)
		}
		var last store.Position
		for n := range 40 {
			last = place(t, st, fmt.Sprint(n), 1)
		}
		waitFor(t, other, last)
		if got := second.positions(); len(got) != 40 || len(first.positions()) != 0 {
			t.Errorf("it handled %d of 40", len(got))
		}
	})
}

func TestKeysKeepTheirOrderWhateverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for n := range 600 {
			place(t, st, fmt.Sprint(n%23), n)
		}
		var mu sync.Mutex
		var order []event.Record
		inside := map[string]bool{}
		tries := map[store.Position]int{}
		handler := consumer.OnRecord(func(_ context.Context, r event.Record) error {
			mu.Lock()
			tries[r.Position]++
			n := tries[r.Position]
			if inside[r.Stream] {
				t.Errorf("two records of %s are handled at the same time", r.Stream)
			}
			inside[r.Stream] = true
			mu.Unlock()
			time.Sleep(time.Duration(r.Position%11) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			inside[r.Stream] = false
			switch {
			case int(r.Position*7+store.Position(n)*3)%5 < 2 && n < 8:
				return errDown
			case int(r.Position)%97 == 0 && n < 3:
				panic("oops")
			}
			order = append(order, r)
			return nil
		})
		c := newConsumer(t, st, consumer.Config{Workers: 5}, handler)
		defer start(t, c)()
		waitFor(t, c, 600)
		checkOrder(t, order)
		if len(order) != 600 {
			t.Errorf("600 records succeeded %d times", len(order))
		}
		if found := letters(t, st); len(found) > 0 {
			t.Errorf("%d letters", len(found))
		}
	})
}
