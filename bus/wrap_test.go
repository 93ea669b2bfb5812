package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// step is a middleware that tells when it is entered and left.
func (j *journal) step(name string) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			j.add(name)
			defer j.add("/" + name)
			return next(ctx, c)
		}
	}
}

// change is a middleware that passes on other data.
func change(data any) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			other := *c
			other.Data = data
			return next(ctx, &other)
		}
	}
}

func TestMiddlewareWrapsHandlersTheFirstOutermostTheBussOutside(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			var j journal
			b := bus.New(bus.Config{Middleware: []middleware.Func{j.step("a"), j.step("b")}})
			subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
				j.add("handler")
				return nil
			}, append(opts, bus.With(j.step("c")), bus.With(j.step("d")))...)
			for range 2 {
				if err := bus.Publish(t.Context(), b, Ticked{}); err != nil {
					t.Error(err)
				}
			}
			closeBus(t, b)
			once := []string{"a", "b", "c", "d", "handler", "/d", "/c", "/b", "/a"}
			j.expect(t, append(once, once...)...)
		})
	}
}

func TestMiddlewareSeesTheCall(t *testing.T) {
	var calls []string
	look := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			cause, _ := event.CauseFrom(ctx)
			calls = append(calls, fmt.Sprintf("%s %s %s %T %v attempt %d tags %v caused by it %v",
				c.Kind, c.Handler, c.Name, c.Data, c.Data, c.Attempt, c.Metadata.Tags, cause.ID == c.Metadata.ID))
			result, err := next(ctx, c)
			if result != nil {
				t.Errorf("the result is %v, want none", result)
			}
			return result, err
		}
	}
	b := bus.New(bus.Config{Middleware: []middleware.Func{look}})
	subscribe(t, b, nop[OrderPaid], bus.Named("typed"))
	subscribeTopic(t, b, "*.*", nop[any], bus.Named("pattern"))
	var j journal
	if _, err := b.Register(&bookkeeper{&j}, bus.Named("books")); err != nil {
		t.Fatal(err)
	}
	publish(t, b, OrderPaid{"42"}, event.WithTags("x"))
	publish(t, b, event.From("order.paid", map[string]any{"OrderID": "43"}))
	want := []string{
		"event typed order.paid bus_test.OrderPaid {42} attempt 1 tags [x] caused by it true",
		"event pattern order.paid bus_test.OrderPaid {42} attempt 1 tags [x] caused by it true",
		"event books.Book order.paid bus_test.OrderPaid {42} attempt 1 tags [x] caused by it true",
		"event typed order.paid bus_test.OrderPaid {43} attempt 1 tags [] caused by it true", // converted before
		"event pattern order.paid map[string]interface {} map[OrderID:43] attempt 1 tags [] caused by it true",
		"event books.Book order.paid bus_test.OrderPaid {43} attempt 1 tags [] caused by it true",
	}
	if got, want := strings.Join(calls, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("calls were\n%s\nwant\n%s", got, want)
	}
	j.expect(t, "method 42", "method 43")
}

func TestHandlerGetsWhatMiddlewarePutsInPlaceOfTheData(t *testing.T) {
	b := bus.New(bus.Config{Middleware: []middleware.Func{change(OrderPaid{"changed"})}})
	var j journal
	got := func(_ context.Context, e event.Event[OrderPaid]) error {
		j.add(fmt.Sprint(e.Data.OrderID, " ", e.Stream, " ", e.Position))
		return nil
	}
	subscribe(t, b, got)
	subscribeTopic(t, b, "**", func(ctx context.Context, e event.Event[any]) error {
		paid, _ := event.As[OrderPaid](e)
		return got(ctx, paid)
	})
	if _, err := b.Register(&bookkeeper{&j}); err != nil {
		t.Fatal(err)
	}
	stored, err := event.New(t.Context(), OrderPaid{"42"})
	if err != nil {
		t.Fatal(err)
	}
	stored.Position = 7
	if err := b.Deliver(t.Context(), stored); err != nil {
		t.Error(err)
	}
	j.expect(t, "changed order-42 7", "changed order-42 7", "method changed")
}

func TestDataOfAnotherTypeFromMiddlewareAreAnErrorThatNamesThem(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, nop[OrderPaid], bus.With(change(Ticked{})))
	subscribe(t, b, nop[OrderPaid], bus.With(change(nil)))
	_, err := b.Register(&bookkeeper{}, bus.With(change(&OrderPaid{})))
	if err != nil {
		t.Fatal(err)
	}
	err = bus.Publish(t.Context(), b, OrderPaid{})
	for _, want := range []string{
		"data: is a bus_test.Ticked after the middleware, and the handler takes a bus_test.OrderPaid",
		"data: is a <nil> after the middleware, and the handler takes a bus_test.OrderPaid",
		"data: is a *bus_test.OrderPaid after the middleware, and the handler takes a bus_test.OrderPaid",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	if !errors.Is(err, event.ErrInvalid) {
		t.Error("it does not answer to ErrInvalid")
	}
	expectStats(t, sub, bus.Stats{Failed: 1})
}

func TestMiddlewareMayCallAgainOrNotAtAll(t *testing.T) {
	b := bus.New(bus.Config{})
	refused, calls := errors.New("not today"), 0
	again := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if _, err := next(ctx, c); err == nil {
				t.Error("the first call went well")
			}
			return next(context.WithValue(ctx, watched{}, 2), c)
		}
	}
	refuse := func(middleware.Handler) middleware.Handler {
		return func(context.Context, *middleware.Call) (any, error) { return nil, refused }
	}
	twice := subscribe(t, b, func(ctx context.Context, _ event.Event[Ticked]) error {
		if calls++; ctx.Value(watched{}) == nil {
			return errors.New("try again")
		}
		return nil
	}, bus.With(again))
	never := subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
		t.Error("called")
		return nil
	}, bus.With(refuse))
	if err := bus.Publish(t.Context(), b, Ticked{}); !errors.Is(err, refused) || calls != 2 {
		t.Errorf("error is %v after %d calls", err, calls)
	}
	expectStats(t, twice, bus.Stats{Delivered: 1})
	expectStats(t, never, bus.Stats{Failed: 1})
}

func TestMiddlewareIsComposedOnce(t *testing.T) {
	made := 0
	b := bus.New(bus.Config{Middleware: []middleware.Func{func(next middleware.Handler) middleware.Handler {
		made++
		return next
	}}})
	subscribe(t, b, nop[Ticked])
	for range 3 {
		publish(t, b, Ticked{})
	}
	if made != 1 {
		t.Errorf("composed %d times", made)
	}
}

func TestPanicOfMiddlewareIsTheSubscriptionsError(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, nop[Ticked], bus.With(func(middleware.Handler) middleware.Handler {
		return func(context.Context, *middleware.Call) (any, error) { panic("no") }
	}))
	err := bus.Publish(t.Context(), b, Ticked{})
	if panicked, ok := errors.AsType[*bus.PanicError](err); !ok || panicked.Value != "no" {
		t.Errorf("error is %v", err)
	}
	expectStats(t, sub, bus.Stats{Failed: 1})
}

func TestMiddlewareMustPassItsContextOn(t *testing.T) {
	b := bus.New(bus.Config{})
	subscribe(t, b, nop[Ticked], bus.With(func(next middleware.Handler) middleware.Handler {
		return func(_ context.Context, c *middleware.Call) (any, error) { return next(context.Background(), c) }
	}))
	err := bus.Publish(t.Context(), b, Ticked{})
	if err == nil || !strings.Contains(err.Error(), "a context that was not made from the one it was given") {
		t.Errorf("error is %v", err)
	}
}

func TestMissingMiddlewareIsRefused(t *testing.T) {
	b := bus.New(bus.Config{})
	_, err := bus.Subscribe(b, nop[Ticked], bus.With(change(1), nil))
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "middleware[1]: is nil") {
		t.Errorf("error is %v", err)
	}
	_, err = b.SubscribeTopic("*", nop[any], bus.With(func(middleware.Handler) middleware.Handler { return nil }))
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "middleware: made no handler") {
		t.Errorf("error is %v", err)
	}
}
