package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/consumer"
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

func TestEachOrderIsPaidBecauseItWasPlaced(t *testing.T) {
	dir := t.TempDir()
	const runs = 3
	for range runs {
		runIn(t, dir)
	}
	placed, paid := read(t, dir)
	if len(placed) != runs || len(paid) != runs {
		t.Fatalf("%d orders are placed and %d paid, want %d each", len(placed), len(paid), runs)
	}
	for i, p := range paid {
		if p.CausationID != placed[i].ID || p.CorrelationID != placed[i].ID || string(p.Data) != string(placed[i].Data) {
			t.Errorf("order %s led to the payment %s, %+v", placed[i].Data, p.Data, p.Metadata)
		}
	}
}

// As after a crash between a payment and the checkpoint that should have followed it.
func TestForgottenCheckpointPaysNothingTwice(t *testing.T) {
	dir := t.TempDir()
	runIn(t, dir)
	log := open(t, dir)
	if err := consumer.Rewind(t.Context(), store.New(log, store.Config{}), "billing", consumer.FromBeginning); err != nil {
		t.Fatal(err)
	}
	log.Close()
	runIn(t, dir)
	if placed, paid := read(t, dir); len(placed) != 2 || len(paid) != 2 {
		t.Errorf("%d orders are placed and %d paid, want 2 each", len(placed), len(paid))
	}
}

func runIn(t *testing.T, dir string) {
	t.Helper()
	if err := run(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *filelog.Log {
	t.Helper()
	log, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func read(t *testing.T, dir string) (placed, paid []event.Record) {
	t.Helper()
	log := open(t, dir)
	defer log.Close()
	for r, err := range log.Read(t.Context(), store.Query{}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Type == "order.placed":
			placed = append(placed, r)
		case r.Type == "order.paid":
			paid = append(paid, r)
		default:
			t.Errorf("%s stands at position %d", r.Type, r.Position)
		}
	}
	return placed, paid
}
