package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// bulk stores n records of a key.
func bulk(t *testing.T, st *store.Store, key string, n, size int) {
	t.Helper()
	for n > 0 {
		records := make([]event.Record, min(n, 1000))
		for i := range records {
			records[i] = event.Record{Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: key}, Data: []byte(`"` + strings.Repeat("x", size) + `"`)}
		}
		if _, err := st.Commit(t.Context(), store.Commit{Events: records}); err != nil {
			t.Fatal(err)
		}
		n -= len(records)
	}
}

func TestARecordThatIsRetriedHoldsOthersUpOnlyWhenTooManyWaitBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		bulk(t, st, "stuck", 16_000, 0)
		bulk(t, st, "fine", 2000, 0)
		bulk(t, st, "stuck", 1000, 0)
		bulk(t, st, "late", 1000, 0)
		var stuck atomic.Bool
		stuck.Store(true)
		var fine, late atomic.Int64
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(_ context.Context, r event.Record) error {
			switch {
			case r.Stream == "stuck" && stuck.Load():
				return consumer.RetryAfter(time.Hour, errDown)
			case r.Stream == "fine":
				fine.Add(1)
			case r.Stream == "late":
				late.Add(1)
			}
			return nil
		}))
		defer start(t, c)()
		time.Sleep(time.Minute)
		if fine.Load() != 2000 || late.Load() != 0 {
			t.Errorf("while 16,000 waited %d of 2,000 others were handled, and %d when 17,000 did; want all, and none", fine.Load(), late.Load())
		}
		stats, err := c.Stats(t.Context())
		if err != nil || stats.Pending < 16_384-64 || stats.Pending > 16_384+256 || stats.Retrying != 1 || stats.LastFailure.Err == nil || stats.LastFailure.Attempt != 1 || stats.LagTime < time.Minute {
			t.Errorf("the statistics are %+v, %v", stats, err)
		}
		stuck.Store(false)
		waitFor(t, c, 20_000)
		if late.Load() != 1000 {
			t.Errorf("then %d of 1,000 were handled", late.Load())
		}
	})
}

func TestLargeRecordsAreBoundedByTheirSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for range 5 {
			bulk(t, st, "stuck", 40, 1<<20)
		}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		stop := start(t, c)
		synctest.Wait()
		stats, err := c.Stats(t.Context())
		if err != nil || stats.Pending > 64+64 {
			t.Errorf("%d records of 1 MiB are in memory: %v", stats.Pending, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAnIdleConsumerWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &exclusive{counting{Driver: memory.New()}, event.NewID()}
		st := store.New(driver, store.Config{})
		defer st.Close()
		last := place(t, st, "a", 1, 2, 3)
		var seen calls
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
		defer start(t, c)()
		waitFor(t, c, last)
		time.Sleep(time.Minute)
		before := driver.commits.Load()
		time.Sleep(10 * time.Minute)
		if n := driver.commits.Load() - before; n != 0 {
			t.Errorf("in ten minutes with nothing to do it made %d commits", n)
		}
	})
}

type exclusive struct {
	counting
	id event.ID
}

func (e *exclusive) Opened() event.ID { return e.id }

func TestProgressWithoutRecordsIsSavedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1)
		c := newConsumer(t, st, typeFilter("order.paid"), consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
		defer start(t, c)()
		synctest.Wait()
		bulk(t, st, "others", 3000, 0)
		synctest.Wait()
		if got := checkpoint(t, st); got < 2000 {
			t.Errorf("3,001 records of others were passed, and the checkpoint is %d", got)
		}
	})
}

func TestStatisticsOfAConsumerThatDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
		place(t, st, "a", 1, 2)
		stats, err := c.Stats(t.Context())
		if err != nil || stats.Running || stats.Slots != 0 || stats.Lag != 2 || stats.Head != 2 {
			t.Errorf("before the first run the statistics are %+v, %v", stats, err)
		}
		stop := start(t, c)
		waitFor(t, c, 2)
		time.Sleep(time.Second)
		if stats, err = c.Stats(t.Context()); err != nil || !stats.Running || stats.Held != 32 || len(stats.Members) != 1 || !stats.Members[0].Self || stats.PerSecond == 0 {
			t.Errorf("while it runs the statistics are %+v, %v", stats, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		place(t, st, "a", 3)
		time.Sleep(time.Hour)
		stats, err = c.Stats(t.Context())
		if err != nil || stats.Running || stats.Position != 2 || stats.Lag != 1 || stats.LagTime < time.Hour || len(stats.Members) != 0 {
			t.Errorf("after a run the statistics are %+v, %v", stats, err)
		}
	})
}

func TestWaitForKnowsWhatWasSavedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		last := place(t, st, "a", 1, 2)
		var seen calls
		handler := consumer.OnRecord(seen.handle)
		c := newConsumer(t, st, consumer.Config{}, handler)
		stop := start(t, c)
		waitFor(t, c, last)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, newConsumer(t, st, consumer.Config{}, handler), last) // which never ran
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.WaitFor(ctx, place(t, st, "a", 3)); err != context.DeadlineExceeded {
			t.Errorf("WaitFor without Run returned %v", err)
		}
	})
}

func TestParkedCountsAsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var last store.Position
		for n := range 200 {
			last = place(t, st, fmt.Sprint(n%20), n)
		}
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(context.Context, event.Record) error { return consumer.Permanent(errDown) }))
		defer start(t, c)()
		waitFor(t, c, last)
		stats, err := c.Stats(t.Context())
		if err != nil || stats.Parked != 200 || stats.Failed != 20 || stats.Lag != 0 {
			t.Errorf("the statistics are %+v, %v", stats, err)
		}
	})
}
