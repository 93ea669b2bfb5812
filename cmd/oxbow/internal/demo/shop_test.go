package demo_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/demo"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// open runs a shop for a minute of the bubble's time and returns what it left in the store.
func openShop(t *testing.T) (orders map[string][]event.Record) {
	driver := memory.New()
	defer driver.Close()
	app := oxbow.New(driver, oxbow.Config{Logger: slog.New(slog.DiscardHandler)})
	shop := demo.NewShop(app, demo.Pace)
	running, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(running) }()

	open, closed := context.WithTimeout(t.Context(), time.Minute)
	defer closed()
	if err := shop.Run(open); err != nil {
		t.Errorf("the shop: %v", err)
	}
	if err := app.Settle(t.Context()); err != nil {
		t.Errorf("settle: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the app: %v", err)
	}
	orders = map[string][]event.Record{}
	for r, err := range driver.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		orders[r.Stream] = append(orders[r.Stream], r)
	}
	return orders
}

func TestEveryOrderIsPlacedPaidAndShippedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		orders := openShop(t)
		if n := len(orders); n < 60 || n > 240 {
			t.Errorf("%d orders in a minute; the pace is two a second", n)
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
