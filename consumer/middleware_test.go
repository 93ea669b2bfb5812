package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

var errDown = errors.New("card service is down")

// noted returns middleware that notes its name for each call.
func noted(notes *[]string, name string) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			*notes = append(*notes, name)
			return next(ctx, c)
		}
	}
}

func TestMiddlewareOfTheConsumerIsOutsideOfThatOfAHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var notes []string
		note := func(name string) middleware.Func { return noted(&notes, name) }
		on := consumer.On(func(context.Context, event.Event[orderPlaced]) error { notes = append(notes, "handler"); return nil })
		plain := consumer.OnAny(func(context.Context, event.Event[any]) error { notes = append(notes, "any"); return nil })
		first := on.With(note("c"))
		_ = first.With(note("not used")) // leaves first as it is
		cfg := consumer.Config{Workers: 1, Middleware: []middleware.Func{note("a"), note("b")}}
		c := newConsumer(t, st, cfg, first.With(note("d"), note("e")), plain)
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1))
		receipt, err := st.Append(t.Context(), orderPaid{"a"})
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, c, receipt.Last)
		if want := []string{"a", "b", "c", "d", "e", "handler", "a", "b", "any"}; !slices.Equal(notes, want) {
			t.Errorf("the order was %v, want %v", notes, want)
		}
	})
}

func TestMiddlewareSeesTheRecordAndTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen []middleware.Call
		var ids []event.ID
		look := func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				call := *c
				call.Metadata = nil
				seen, ids = append(seen, call), append(ids, c.Metadata.ID)
				return next(ctx, c)
			}
		}
		var got event.Event[orderPlaced]
		c := newConsumer(t, st, consumer.Config{Middleware: []middleware.Func{look}},
			consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
				if got = e; len(seen) < 3 {
					return errDown
				}
				return nil
			}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 7))
		if len(seen) != 3 {
			t.Fatalf("middleware saw %d of 3 attempts", len(seen))
		}
		for i, call := range seen {
			want := middleware.Call{Kind: middleware.Record, Name: "order.placed", Handler: "billing", Attempt: i + 1}
			data, _ := call.Data.([]byte)
			call.Data = nil
			if call != want || string(data) != `{"Order":"a","N":7}` || ids[i] != got.ID {
				t.Errorf("attempt %d is the call %+v of %v with %s", i+1, call, ids[i], data)
			}
		}
		if got.Stream != "order-a" || got.Revision != 1 || got.Position != 1 || got.Data.N != 7 {
			t.Errorf("behind middleware the handler got %+v", got)
		}
	})
}

func TestWhatMiddlewareReturnsIsTheOutcome(t *testing.T) {
	swallow := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			_, _ = next(ctx, c)
			return "a result of no use", nil
		}
	}
	refuse := func(err error) middleware.Func {
		return func(middleware.Handler) middleware.Handler {
			return func(context.Context, *middleware.Call) (any, error) { return nil, err }
		}
	}
	oops := func(middleware.Handler) middleware.Handler {
		return func(context.Context, *middleware.Call) (any, error) { panic("oops") }
	}
	for _, c := range []struct {
		name         string
		around       middleware.Func
		handler      error
		calls        int
		attempts     int // of the record that halts the consumer, 0 when none does
		isPanicError bool
	}{
		{name: "swallows the error", around: swallow, handler: errDown, calls: 1},
		{name: "fails in the place of the handler", around: refuse(errDown), attempts: 3},
		{name: "fails for good", around: refuse(middleware.Permanent(errDown)), attempts: 1},
		{name: "panics", around: oops, attempts: 3, isPanicError: true},
		{name: "retries", around: middleware.Retry(middleware.RetryConfig{Attempts: 2}), handler: errDown, calls: 6, attempts: 3},
		{name: "retries, but not for good", around: middleware.Retry(middleware.RetryConfig{}), handler: consumer.Permanent(errDown), calls: 1, attempts: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStore(t)
				last, calls := place(t, st, "a", 1), 0
				cfg := consumer.Config{Spent: consumer.Halt, Retry: consumer.Retry{Attempts: 3}, Middleware: []middleware.Func{c.around}}
				cons := newConsumer(t, st, cfg, consumer.OnRecord(func(context.Context, event.Record) error { calls++; return c.handler }))
				if c.attempts == 0 {
					stop := start(t, cons)
					waitFor(t, cons, last)
					if err := stop(); err != nil || checkpoint(t, st) != last || calls != c.calls {
						t.Errorf("Run returned %v at checkpoint %d after %d calls", err, checkpoint(t, st), calls)
					}
					return
				}
				err := cons.Run(t.Context())
				halt, _ := errors.AsType[*consumer.HaltError](err)
				if halt == nil || halt.Attempts != c.attempts || calls != c.calls || checkpoint(t, st) != 0 {
					t.Fatalf("Run returned %v at checkpoint %d after %d calls", err, checkpoint(t, st), calls)
				}
				if panicked, ok := errors.AsType[*middleware.PanicError](err); ok != c.isPanicError || ok && panicked.Value != "oops" {
					t.Errorf("Run returned %v", err)
				}
			})
		})
	}
}

func TestDeduplicatingNeitherLosesRecordsNorHoldsUpTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &failing{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		defer st.Close()
		place(t, st, "a", 1, 2, 3)
		handled := map[store.Position]int{}
		fails := true
		dedup := consumer.Config{Workers: 1, Middleware: []middleware.Func{middleware.Deduplicate(middleware.DeduplicateConfig{})}}
		c := newConsumer(t, st, dedup, consumer.OnRecord(func(_ context.Context, r event.Record) error {
			if fails = !fails; !fails {
				return errDown // each record's first attempt
			}
			handled[r.Position]++
			return nil
		}))
		driver.fail = errors.New("power cut")
		if err := c.Run(t.Context()); !errors.Is(err, driver.fail) {
			t.Fatalf("Run returned %v, want the store's error", err)
		}
		driver.fail = nil
		stop := start(t, c) // begins again with what was handled, but not saved
		waitFor(t, c, 3)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(handled) != "map[1:1 2:1 3:1]" {
			t.Errorf("records were handled so often: %v, want each once", handled)
		}
		if got := checkpoint(t, st); got != 3 {
			t.Errorf("the checkpoint is %d, want 3", got)
		}
	})
}

func TestMiddlewareMayChangeWhatTheHandlerGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		decrypt := func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				call, metadata := *c, *c.Metadata
				metadata.UserID = "ann"
				call.Metadata, call.Data = &metadata, bytes.ReplaceAll(c.Data.([]byte), []byte("7"), []byte("42"))
				return next(ctx, &call)
			}
		}
		var got event.Event[orderPlaced]
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
			got = e
			return nil
		}).With(decrypt))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 7))
		if got.Data.N != 42 || got.UserID != "ann" || got.Stream != "order-a" || got.Position != 1 {
			t.Errorf("the handler got %+v", got)
		}
	})
}

func TestMistakesOfMiddlewareHaltAtOnce(t *testing.T) {
	for want, around := range map[string]middleware.Func{
		"with a context that is not made of its own": func(next middleware.Handler) middleware.Handler {
			return func(_ context.Context, c *middleware.Call) (any, error) { return next(context.Background(), c) }
		},
		"put a string in the place of a record's data": func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				return next(ctx, &middleware.Call{Metadata: c.Metadata, Data: "text"})
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newStore(t)
			place(t, st, "a", 1)
			c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt, Middleware: []middleware.Func{around}},
				consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
			err := c.Run(t.Context())
			if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Attempts != 1 || !strings.Contains(err.Error(), want) {
				t.Errorf("Run returned %v, want a halt that says %q", err, want)
			}
		})
	}
}

func TestMiddlewareThatIsMissingIsNamed(t *testing.T) {
	none := func(middleware.Handler) middleware.Handler { return nil }
	pass := func(next middleware.Handler) middleware.Handler { return next }
	handler := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	for want, c := range map[string]struct {
		outside []middleware.Func
		handler consumer.Handler
	}{
		"Middleware[1]: is nil":              {[]middleware.Func{pass, nil}, handler},
		"Middleware[0]: returns no handler":  {[]middleware.Func{none, pass}, handler},
		"With[0]: is nil":                    {nil, handler.With(nil)},
		"With[1]: returns no handler":        {nil, handler.With(pass, none)},
		"handlers: one is empty; make it wi": {[]middleware.Func{pass}, consumer.Handler{}.With(pass)},
	} {
		_, err := consumer.New(newStore(t), "billing", consumer.Config{Middleware: c.outside}, c.handler)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("New returned %v, want %s", err, want)
		}
	}
}

func TestMiddlewareThatWaitsEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1)
		place(t, st, "b", 1)
		cfg := consumer.Config{
			StopTimeout: 3 * time.Second,
			Middleware:  []middleware.Func{middleware.RateLimit(0.001, middleware.RateLimitConfig{})},
		}
		var seen calls
		stop := start(t, newConsumer(t, st, cfg, consumer.OnRecord(seen.handle)))
		synctest.Wait()
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("Run returned %v %v after the stop, want nil after 3s", err, time.Since(began))
		}
		if n := len(seen.positions()); n != 1 {
			t.Errorf("%d records got through a limit of 1", n)
		}
		if got, handled := checkpoint(t, st), seen.positions()[0]; got > handled {
			t.Errorf("the checkpoint is %d: it passed a record that still waited", got)
		}
	})
}

func TestAHandlerThatWritesToATombstonedStreamIsNotRetried(t *testing.T) {
	for name, around := range map[string][]middleware.Func{
		"without middleware":         nil,
		"with middleware that might": {middleware.Retry(middleware.RetryConfig{Attempts: 5})},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStore(t)
				place(t, st, "a", 1)
				if _, err := st.AppendTo(t.Context(), "ledger", []any{orderPaid{"a"}}); err != nil {
					t.Fatal(err)
				}
				if _, err := st.TombstoneStream(t.Context(), "ledger"); err != nil {
					t.Fatal(err)
				}
				attempts := 0
				c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt, Middleware: around}, consumer.On(func(ctx context.Context, _ event.Event[orderPlaced]) error {
					attempts++
					_, err := st.AppendTo(ctx, "ledger", []any{orderPaid{"a"}})
					return fmt.Errorf("keep the ledger: %w", err)
				}))
				began := time.Now()
				err := c.Run(t.Context())
				halt, _ := errors.AsType[*consumer.HaltError](err)
				if halt == nil || !errors.Is(err, store.ErrTombstone) || attempts != 1 || time.Since(began) != 0 {
					t.Errorf("after %d attempts and %v Run returned %v", attempts, time.Since(began), err)
				}
			})
		})
	}
}
