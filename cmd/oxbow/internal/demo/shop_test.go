package demo_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/demo"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// openShop runs a shop for so long of the bubble's time.
func openShop(t *testing.T, driver store.Driver, open time.Duration) {
	t.Helper()
	app := oxbow.New(driver, oxbow.Config{Logger: slog.New(slog.DiscardHandler)})
	shop := demo.NewShop(app, demo.Pace)
	running, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(running) }()

	ctx, closed := context.WithTimeout(t.Context(), open)
	defer closed()
	if err := shop.Run(ctx); err != nil {
		t.Errorf("the shop: %v", err)
	}
	if err := app.Settle(t.Context()); err != nil {
		t.Errorf("settle: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the app: %v", err)
	}
}

// expectOrders checks every stream and returns how many there are.
func expectOrders(t *testing.T, driver store.Driver) int {
	t.Helper()
	orders := map[string][]event.Record{}
	for r, err := range driver.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		orders[r.Stream] = append(orders[r.Stream], r)
	}
	for stream, events := range orders {
		if len(events) != 3 {
			t.Fatalf("%s has %d events, want 3", stream, len(events))
		}
		placed, paid, shipped := events[0], events[1], events[2]
		if placed.Type != "order.placed" || paid.Type != "order.paid" || shipped.Type != "order.shipped" {
			t.Errorf("%s: %s, %s, %s", stream, placed.Type, paid.Type, shipped.Type)
		}
		if paid.CausationID != placed.ID || shipped.CausationID != paid.ID {
			t.Errorf("%s: the events do not name their causes", stream)
		}
		if paid.CorrelationID != placed.ID || shipped.CorrelationID != placed.ID {
			t.Errorf("%s: the events do not share a correlation id", stream)
		}
	}
	return len(orders)
}

func TestEveryOrderIsPlacedPaidAndShippedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		openShop(t, driver, time.Minute)
		if n := expectOrders(t, driver); n < 60 || n > 240 {
			t.Errorf("%d orders in a minute; the pace is two a second", n)
		}
	})
}

func TestHandlersCalledAgainPublishNothingNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		openShop(t, driver, 10*time.Second)
		before := expectOrders(t, driver)
		st := store.New(driver, store.Config{})
		for _, name := range []string{"demo-payment", "demo-shipping"} {
			if err := consumer.Rewind(t.Context(), st, name, consumer.FromBeginning); err != nil {
				t.Fatal(err)
			}
		}
		openShop(t, driver, 0)
		if after := expectOrders(t, driver); after != before {
			t.Errorf("%d orders, want %d", after, before)
		}
	})
}

func TestWhatOthersPublishDoesNotCloseTheShop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		st := store.New(driver, store.Config{})
		for stream, data := range map[string]any{
			"order-0": map[string]any{"order_id": 42}, "order-1": map[string]any{"total": 1}, "order-2": map[string]any{"order_id": "2"},
		} {
			if _, err := st.AppendTo(t.Context(), stream, []any{event.From("order.placed", data)}); err != nil {
				t.Fatal(err)
			}
		}
		others := []any{event.From("order.placed", map[string]any{"order_id": "2"}), event.From("order.paid", map[string]any{})}
		if _, err := st.AppendTo(t.Context(), "other", others); err != nil {
			t.Fatal(err)
		}
		if _, err := st.TombstoneStream(t.Context(), "order-2"); err != nil {
			t.Fatal(err)
		}
		openShop(t, driver, 10*time.Second)
		for _, stream := range []string{"order-0", "order-1", "order-2", "order.paid", "order.shipped"} {
			if revision, err := st.StreamRevision(t.Context(), stream); err != nil || revision > 1 || strings.HasPrefix(stream, "order.") && revision > 0 {
				t.Errorf("%s has %d events, %v", stream, revision, err)
			}
		}
		head, err := st.Head(t.Context())
		if err != nil || head < 30 {
			t.Errorf("%d events, %v; the shop did not go on", head, err)
		}
	})
}

// The sample cannot be embedded from where the tests of event/ndjson have it.
func TestTheSampleIsTheOneOfNDJSON(t *testing.T) {
	theirs := filepath.Join("..", "..", "..", "..", "event", "ndjson", "testdata")
	for _, name := range []string{"github-sample.ndjson", "NOTICE"} {
		want, err := os.ReadFile(filepath.Join(theirs, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs; copy it anew from event/ndjson/testdata", name)
		}
	}
}
