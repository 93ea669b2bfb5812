package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

func TestABatchHandlerGetsManyAtOnceEachKeyInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var last store.Position
		for n := range 500 {
			last = place(t, st, fmt.Sprint(n%9), n)
		}
		var sizes []int
		var order []event.Record
		c := newConsumer(t, st, consumer.Config{Workers: 1, Batch: 64}, consumer.OnBatch(func(_ context.Context, events []event.Event[orderPlaced]) error {
			time.Sleep(time.Millisecond)
			sizes = append(sizes, len(events))
			for _, e := range events {
				order = append(order, event.Record{Place: e.Place})
			}
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, last)
		checkOrder(t, order)
		if len(order) != 500 || slices.Max(sizes) != 64 || len(sizes) > 60 {
			t.Errorf("%d events came in batches of %v", len(order), sizes)
		}
	})
}

func TestOneBadRecordOfABatchIsParkedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var last store.Position
		for n := range 40 {
			last = place(t, st, fmt.Sprint(n%4), n)
		}
		var order []event.Record
		c := newConsumer(t, st, consumer.Config{Workers: 1}, consumer.OnBatch(func(ctx context.Context, events []event.Event[orderPlaced]) error {
			for _, e := range events {
				if err := sum(ctx, e); err != nil {
					return err
				}
				if e.Position == 10 {
					return consumer.Permanent(errDown)
				}
			}
			for _, e := range events {
				order = append(order, event.Record{Place: e.Place})
			}
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, last)
		if got := letters(t, st); len(got) != 8 || got[0].Record.Position != 10 || got[0].Attempts != 1 || places(got[:2]) != "10 failed, 14 waiting" {
			t.Errorf("the letters are %s", places(got))
		}
		if len(order) != 32 || len(paid(t, st)) != 32 {
			t.Errorf("%d were handled and %d are paid, want 32: all others, and those of its key before it", len(order), len(paid(t, st)))
		}
		checkOrder(t, order)
		if got := number(t, st, "0"); got != 0+4+8+12+16+20+24+28+32+36 {
			t.Errorf("the sum of another key is %d", got)
		}
	})
}

func TestMiddlewareSeesABatchAsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		last := place(t, st, "a", 1, 2, 3)
		var seen []string
		look := func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				switch data := c.Data.(type) {
				case []event.Record:
					seen = append(seen, fmt.Sprintf("%s: %d", c.Name, len(data)))
				case []byte:
					seen = append(seen, fmt.Sprintf("%s: %s", c.Name, data))
				}
				return next(ctx, c)
			}
		}
		total := 0
		cfg := consumer.Config{Workers: 1, Middleware: []middleware.Func{look, middleware.Deduplicate(middleware.DeduplicateConfig{})}}
		c := newConsumer(t, st, cfg, consumer.OnBatch(func(_ context.Context, events []event.Event[orderPlaced]) error {
			total += len(events)
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, last)
		waitFor(t, c, place(t, st, "a", 4))
		if want := []string{"order.placed: 3", `order.placed: {"Order":"a","N":4}`}; !slices.Equal(seen, want) || total != 4 {
			t.Errorf("it saw %q, and %d events were handled", seen, total)
		}
	})
}
