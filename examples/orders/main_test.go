package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func Example() {
	dir, err := os.MkdirTemp("", "orders")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for range 2 {
		if err := run(context.Background(), dir); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// orders paid by ann: 1
	// orders paid by ann: 2
}

func TestEachOrderIsPaidOnceAndBecauseItWasPlaced(t *testing.T) {
	dir := t.TempDir()
	const runs = 3
	for range runs {
		if err := run(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	placed, paid := read(t, dir)
	if len(placed) != runs || len(paid) != runs {
		t.Fatalf("%d orders are placed and %d paid, want %d each", len(placed), len(paid), runs)
	}
	for i := range runs {
		if paid[i].CausationID != placed[i].ID || paid[i].CorrelationID != placed[i].ID || string(paid[i].Data) != string(placed[i].Data) {
			t.Errorf("order %s led to the payment %s, %+v", placed[i].Data, paid[i].Data, paid[i].Metadata)
		}
	}
}

func read(t *testing.T, dir string) (placed, paid []event.Record) {
	driver, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	for r, err := range driver.Read(t.Context(), store.Query{}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Type == "order.placed":
			placed = append(placed, r)
		case r.Type == "order.paid":
			paid = append(paid, r)
		default:
			t.Errorf("%s at position %d", r.Type, r.Position)
		}
	}
	return placed, paid
}
