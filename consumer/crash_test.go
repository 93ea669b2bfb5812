package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// At every commit that a consumer makes, before it and after it, it dies, and another one goes on.
func TestTransactionsHappenExactlyOnceWhereverTheConsumerDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			died := false
			synctest.Test(t, func(t *testing.T) { died = dieAndGoOn(t, n, after) })
			if t.Failed() {
				t.Fatalf("it died at commit %d, after it: %v", n, after)
			}
			if !died {
				if n < 8 {
					t.Errorf("there were only %d commits to die at", n-1)
				}
				break
			}
		}
	}
}

func dieAndGoOn(t *testing.T, n int64, after bool) (died bool) {
	driver := memory.New()
	defer driver.Close()
	st := store.New(driver, store.Config{})
	var last store.Position
	for i := range 4 {
		for _, order := range []string{"a", "b", "poison", "c"} {
			last = place(t, st, order, i+1)
		}
	}
	handler := consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
		if err := sum(ctx, e); err != nil {
			return err
		}
		if e.Data.Order == "poison" && e.Data.N == 2 {
			return consumer.Permanent(errDown)
		}
		return nil
	})
	crash := &crashing{Driver: driver, at: n, after: after}
	runFor(t, store.New(crash, store.Config{}), handler, last)
	if died = crash.dead.Load(); died {
		runFor(t, st, handler, last)
	}
	for order, want := range map[string]int{"a": 10, "b": 10, "c": 10, "poison": 1} {
		if got := number(t, st, order); got != want {
			t.Errorf("the sum of %s is %d, want %d", order, got, want)
		}
	}
	if got := len(paid(t, st)); got != 13 {
		t.Errorf("%d are paid, want 13", got)
	}
	if got, want := places(letters(t, st)), "7 failed, 11 waiting, 15 waiting"; got != want {
		t.Errorf("the dead letters are %s, want %s", got, want)
	}
	return died
}

// runFor runs a consumer until it has reached the position, or died.
func runFor(t *testing.T, st *store.Store, handler consumer.Handler, position store.Position) {
	t.Helper()
	c, err := consumer.New(st, "billing", consumer.Config{Slots: 3, Logger: slog.New(slog.DiscardHandler)}, handler)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- c.Run(ctx)
		cancel()
	}()
	_ = c.WaitFor(ctx, position) // ends with the run
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, errCrash) {
		t.Errorf("Run returned %v", err)
	}
}

func TestTransactionsOfBatchesHappenExactlyOnceWhereverTheConsumerDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n, died := int64(1), true; died; n++ {
			synctest.Test(t, func(t *testing.T) {
				driver := memory.New()
				defer driver.Close()
				st := store.New(driver, store.Config{})
				var last store.Position
				for i := range 5 {
					for o := range 3 {
						last = place(t, st, fmt.Sprint(o), i+1)
					}
				}
				handler := consumer.OnBatch(func(ctx context.Context, events []event.Event[orderPlaced]) error {
					for _, e := range events {
						if err := sum(ctx, e); err != nil {
							return err
						}
					}
					return nil
				})
				crash := &crashing{Driver: driver, at: n, after: after}
				runFor(t, store.New(crash, store.Config{}), handler, last)
				if died = crash.dead.Load(); died {
					runFor(t, st, handler, last)
				}
				for o := range 3 {
					if got := number(t, st, fmt.Sprint(o)); got != 15 {
						t.Errorf("died at commit %d (after it: %v): the sum of %d is %d, want 15", n, after, o, got)
					}
				}
				if got := len(paid(t, st)); got != 15 {
					t.Errorf("died at commit %d (after it: %v): %d are paid, want 15", n, after, got)
				}
			})
			if t.Failed() {
				return
			}
		}
	}
}
