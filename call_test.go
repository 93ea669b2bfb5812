package oxbow_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/request"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type placeOrder struct{ Order string }

type orderTotal struct{ Order string }

type priceAsked struct{ SKU string }

// configured returns an app with what cfg says.
func configured(t *testing.T, cfg oxbow.Config) *oxbow.App {
	t.Helper()
	driver := memory.New()
	t.Cleanup(func() { driver.Close() })
	cfg.Logger = slog.New(slog.DiscardHandler)
	return oxbow.New(driver, cfg)
}

func TestEventsOfACommandAreStoredAndThenDelivered(t *testing.T) {
	a := newApp(t)
	var heard event.Event[orderPlaced]
	oxbow.Subscribe(a, func(_ context.Context, e event.Event[orderPlaced]) error {
		heard = e
		return nil
	})
	oxbow.HandleCommand(a, func(_ context.Context, c placeOrder) (cqrs.Outcome[string], error) {
		return cqrs.Outcome[string]{Result: "placed " + c.Order, Events: cqrs.Events{orderPlaced{Order: c.Order}}}, nil
	})
	reply, err := a.Send(t.Context(), placeOrder{"7"}, cqrs.WithKey("k"))
	if err != nil || reply.Result != "placed 7" {
		t.Fatalf("Send returned %+v, %v", reply, err)
	}
	if rs := stored(t, a); len(rs) != 1 || rs[0].CausationID != reply.ID || rs[0].Source != "/shop" {
		t.Errorf("stored is %+v, want one event that the command caused, from /shop", rs)
	}
	if heard.Position != reply.Receipt.First || heard.Data.Order != "7" {
		t.Errorf("the subscription got %+v, want the stored event", heard)
	}
	again, err := oxbow.Send[string](t.Context(), a, placeOrder{"7"}, cqrs.WithKey("k"))
	if err != nil || again != "placed 7" || len(stored(t, a)) != 1 {
		t.Errorf("the same key again returned %q, %v, and %d events are stored", again, err, len(stored(t, a)))
	}
}

func TestExpiredKeysArePurgedWhileTheAppRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		oxbow.HandleCommand(a, func(context.Context, placeOrder) (int, error) { return 1, nil })
		if _, err := a.Send(t.Context(), placeOrder{"7"}, cqrs.WithKey("k")); err != nil {
			t.Fatal(err)
		}
		stop := run(t, a)
		time.Sleep(8 * 24 * time.Hour)
		synctest.Wait()
		if item, err := a.Store().Get(t.Context(), cqrs.Bucket, "k"); err != nil || item.Revision != 0 {
			t.Errorf("the key is %+v, %v after 8 days, want none", item, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestQueriesAndRequestsAreAnswered(t *testing.T) {
	a := newApp(t)
	oxbow.HandleQuery(a, func(_ context.Context, q orderTotal) (int, error) { return len(q.Order), nil })
	oxbow.HandleRequest(a, func(_ context.Context, q priceAsked) (int, error) { return 10 * len(q.SKU), nil })
	if total, err := oxbow.Query[int](t.Context(), a, orderTotal{"42"}); total != 2 || err != nil {
		t.Errorf("Query returned %d, %v", total, err)
	}
	if price, err := oxbow.Request[int](t.Context(), a, priceAsked{"oak"}); price != 30 || err != nil {
		t.Errorf("Request returned %d, %v", price, err)
	}
	if len(stored(t, a)) != 0 {
		t.Error("a query or a request was stored")
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := oxbow.Request[int](t.Context(), a, priceAsked{"oak"}); !errors.Is(err, request.ErrClosed) {
		t.Errorf("after Close, Request returned %v", err)
	}
}

func TestMistakesInWhatIsCalledAreTold(t *testing.T) {
	handle := func(context.Context, placeOrder) (int, error) { return 1, nil }
	for name, mistake := range map[string]func(t *testing.T) *oxbow.App{
		"two handlers": func(t *testing.T) *oxbow.App {
			a := newApp(t)
			oxbow.HandleCommand(a, handle)
			oxbow.HandleCommand(a, handle)
			return a
		},
		"commands": func(t *testing.T) *oxbow.App {
			return configured(t, oxbow.Config{Commands: cqrs.Config{Attempts: -1}})
		},
		"requests": func(t *testing.T) *oxbow.App {
			return configured(t, oxbow.Config{Requests: request.Config{Window: -1}})
		},
		"middleware": func(t *testing.T) *oxbow.App {
			return configured(t, oxbow.Config{Middleware: []middleware.Func{nil}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := mistake(t)
			oxbow.HandleQuery(a, func(context.Context, orderTotal) (int, error) { return 1, nil })
			_, published := a.Publish(t.Context(), orderPlaced{Order: "1"})
			_, sent := a.Send(t.Context(), placeOrder{"1"})
			_, typed := oxbow.Send[int](t.Context(), a, placeOrder{"1"})
			_, asked := oxbow.Query[int](t.Context(), a, orderTotal{"1"})
			_, requested := oxbow.Request[int](t.Context(), a, priceAsked{"1"})
			for _, err := range []error{published, sent, typed, asked, requested, a.Run(t.Context())} {
				if err == nil || err.Error() != published.Error() {
					t.Errorf("got %v, want the same error from all: %v", err, published)
				}
			}
		})
	}
}

func TestMiddlewareOfTheAppIsAroundAllHandlers(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(where string) middleware.Func {
		return func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				mu.Lock()
				seen = append(seen, where+" "+string(c.Kind))
				mu.Unlock()
				return next(ctx, c)
			}
		}
	}
	a := configured(t, oxbow.Config{
		Middleware: []middleware.Func{note("app")},
		Commands:   cqrs.Config{Middleware: []middleware.Func{note("room")}},
		Queries:    cqrs.QueryConfig{Middleware: []middleware.Func{note("room")}},
		Requests:   request.Config{Middleware: []middleware.Func{note("room")}},
	})
	nothing := func(context.Context, event.Event[orderPlaced]) error { return nil }
	oxbow.Subscribe(a, nothing, bus.With(note("own")))
	a.Consume("c", consumer.Config{Middleware: []middleware.Func{note("room")}}, consumer.On(nothing))
	oxbow.HandleCommand(a, func(context.Context, placeOrder) (cqrs.Events, error) {
		return cqrs.Events{orderPlaced{Order: "1"}}, nil
	})
	oxbow.HandleQuery(a, func(context.Context, orderTotal) (int, error) { return 1, nil })
	oxbow.HandleRequest(a, func(context.Context, priceAsked) (int, error) { return 1, nil })

	err := a.RunWhile(t.Context(), func(ctx context.Context) error {
		_, sent := a.Send(ctx, placeOrder{"1"})
		settled := a.Settle(ctx)
		_, asked := oxbow.Query[int](ctx, a, orderTotal{"1"})
		_, requested := oxbow.Request[int](ctx, a, priceAsked{"1"})
		return errors.Join(sent, settled, asked, requested)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(seen)
	want := []string{
		"app command", "app event", "app event", // a responder is a subscription, too
		"app query", "app record", "app request",
		"own event", "room command", "room query", "room record", "room request",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("middleware saw %v, want %v", seen, want)
	}
}

// witness is a hook of every room that notes what it is told.
type witness struct {
	mu   sync.Mutex
	told []string
}

func (w *witness) tell(what string) func(error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, what)
	return func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if err != nil {
			w.told = append(w.told, what+" failed")
		}
	}
}

func (w *witness) Publish(ctx context.Context, m *event.Metadata) (context.Context, func(error)) {
	m.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	return ctx, w.tell("publish")
}

func (w *witness) Deliver(ctx context.Context, _ string, _ *event.Metadata) (context.Context, func(error)) {
	return ctx, w.tell("deliver")
}

func (w *witness) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	if len(c.Events) == 0 {
		return ctx, nil // a checkpoint
	}
	done := w.tell("append")
	return ctx, func(_ store.Receipt, err error) { done(err) }
}

func (w *witness) Handle(ctx context.Context, _ string, _ *event.Record, _ int) (context.Context, func(error)) {
	return ctx, w.tell("handle")
}

func (w *witness) Retry(context.Context, string, *event.Record, int, time.Duration, error) {
	w.tell("retry")
}

func (w *witness) DeadLetter(context.Context, string, *event.Record, int, error) {
	w.tell("dead letter")
}

func TestHooksAreToldOfEachPublishOnce(t *testing.T) {
	w := &witness{}
	a := configured(t, oxbow.Config{Hooks: oxbow.Hooks{Bus: w, Store: w, Consumer: w}})
	oxbow.Subscribe(a, func(context.Context, event.Event[orderPlaced]) error { return errors.New("no") })
	a.Consume("c", consumer.Config{}, consumer.On(func(context.Context, event.Event[orderPlaced]) error { return nil }))
	err := a.RunWhile(t.Context(), func(ctx context.Context) error {
		if _, err := a.Publish(ctx, orderPlaced{Order: "1"}); err == nil {
			t.Error("the handler's error was lost")
		}
		return a.Settle(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(w.told)
	if want := []string{"append", "deliver", "deliver failed", "handle", "publish", "publish failed"}; !slices.Equal(w.told, want) {
		t.Errorf("the hooks were told %v, want %v", w.told, want)
	}
	if rs := stored(t, a); rs[0].TraceParent == "" {
		t.Error("what the hook said of the trace was not stored")
	}
}

func TestEventsThatAHandlerPublishesAreToldToo(t *testing.T) {
	w := &witness{}
	a := configured(t, oxbow.Config{Hooks: oxbow.Hooks{Bus: w}})
	oxbow.Subscribe(a, func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := a.Publish(ctx, orderPaid{e.Data.Order})
		return err
	})
	publish(t, a, orderPlaced{Order: "1"})
	if want := []string{"publish", "deliver", "publish"}; !slices.Equal(w.told, want) {
		t.Errorf("the hook was told %v, want %v", w.told, want)
	}
}

func TestHookHearsTheEndOfAPublishThatPanics(t *testing.T) {
	w := &witness{}
	a := configured(t, oxbow.Config{Hooks: oxbow.Hooks{Bus: w, Store: panicky{w}}})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		_, _ = a.Publish(t.Context(), orderPlaced{Order: "1"})
	}()
	if want := []string{"publish", "publish failed"}; !slices.Equal(w.told, want) {
		t.Errorf("the hook was told %v, want %v", w.told, want)
	}
}

type panicky struct{ store.Hook }

func (panicky) Append(context.Context, *store.Commit) (context.Context, func(store.Receipt, error)) {
	panic("append")
}
