package request_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/request"
)

func TestMiddlewareOfTheCarrierIsOutsideOfTheHandlersOwn(t *testing.T) {
	var order []string
	step := func(name string) middleware.Func {
		return func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, call *middleware.Call) (any, error) {
				order = append(order, name)
				result, err := next(ctx, call)
				order = append(order, fmt.Sprint(name, result, err))
				return result, err
			}
		}
	}
	c, _ := over(t, request.Config{Middleware: []middleware.Func{step("a"), step("b")}})
	handle(t, c, oak, request.With(step("c")), request.With(step("d")))
	if _, err := ask(t, c); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "b", "c", "d", "d{oak 995} <nil>", "c{oak 995} <nil>", "b{oak 995} <nil>", "a{oak 995} <nil>"}
	if !slices.Equal(order, want) {
		t.Errorf("the order was %q, want %q", order, want)
	}
}

func TestMiddlewareSeesTheRequestTyped(t *testing.T) {
	var seen middleware.Call
	look := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, call *middleware.Call) (any, error) {
			seen = *call
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return next(ctx, call)
		}
	}
	c, _ := over(t, request.Config{Middleware: []middleware.Func{look}})
	handle(t, c, oak, request.Named("pricing"))
	asked := map[string]any{"type": "price.asked", "SKU": "oak"}
	if _, err := request.Do[Price](t.Context(), c, asked, event.WithUser("ann")); err != nil {
		t.Fatal(err)
	}
	if seen.Kind != middleware.Request || seen.Name != "price.asked" || seen.Handler != "pricing" || seen.Attempt != 1 ||
		seen.Metadata.UserID != "ann" || seen.Data != any(PriceAsked{"oak"}) {
		t.Errorf("the call was %+v", seen)
	}
}

func TestMiddlewareMayAnswerInPlaceOfTheHandler(t *testing.T) {
	instead := func(result any, err error) middleware.Func {
		return func(middleware.Handler) middleware.Handler {
			return func(context.Context, *middleware.Call) (any, error) { return result, err }
		}
	}
	never := func(context.Context, PriceAsked) (Price, error) { panic("the handler was called") }
	for _, with := range []struct {
		result any
		err    error
		want   Price
		is     error
	}{
		{Price{Cents: 3}, nil, Price{Cents: 3}, nil},
		{nil, errUnknown, Price{}, errUnknown},
		{"seven", nil, Price{}, event.ErrInvalid},
	} {
		c, _ := over(t, request.Config{})
		handle(t, c, never, request.With(instead(with.result, with.err)))
		if got, err := ask(t, c); got != with.want || !errors.Is(err, with.is) {
			t.Errorf("Do returned %v, %v; want %v, %v", got, err, with.want, with.is)
		}
	}
}

func TestAPanicOfMiddlewareIsAnError(t *testing.T) {
	var told reports
	c, _ := over(t, request.Config{OnError: told.note})
	handle(t, c, oak, request.With(func(middleware.Handler) middleware.Handler {
		return func(context.Context, *middleware.Call) (any, error) { panic("middleware") }
	}))
	handle(t, c, func(context.Context, struct2) (int, error) { return 0, nil }, request.With(func(next middleware.Handler) middleware.Handler {
		return func(_ context.Context, call *middleware.Call) (any, error) { return next(context.Background(), call) }
	}))
	_, err := ask(t, c)
	var panicked *bus.PanicError
	if !errors.As(err, &panicked) {
		t.Errorf("the error is %v", err)
	}
	if _, err := request.Do[int](t.Context(), c, struct2{}); err == nil {
		t.Error("a middleware that loses the context is no error")
	}
}

type struct2 struct{}

// topical chooses its topic.
type topical struct{}

func (topical) EventTopic() string { return "somewhere" }

func TestBadInputIsRefusedByName(t *testing.T) {
	b := bus.New(bus.Config{})
	c, err := request.Over(b, request.Config{})
	if err != nil {
		t.Fatal(err)
	}
	over := func(b *bus.Bus, cfg request.Config) error { _, err := request.Over(b, cfg); return err }
	with := func(opts ...request.Option) error { _, err := request.Handle(c, oak, opts...); return err }
	_, noDriver := request.New(nil, request.Config{})
	_, noCarrier := request.Handle(nil, oak)
	_, noHandler := request.Handle[PriceAsked, Price](c, nil)
	_, noStream := request.HandleStream[PriceAsked, Price](c, nil)
	_, noTopic := request.HandleTopic(c, "**", nil)
	_, badPattern := request.HandleTopic(c, "a..b", func(context.Context, event.Event[any]) (any, error) { return nil, nil })
	_, pointer := request.Handle(c, func(context.Context, *PriceAsked) (Price, error) { return Price{}, nil })
	_, anything := request.Handle(c, func(context.Context, any) (Price, error) { return Price{}, nil })
	_, nameless := request.Handle(c, func(context.Context, struct{}) (Price, error) { return Price{}, nil })
	_, chooses := request.Handle(c, func(context.Context, topical) (Price, error) { return Price{}, nil })
	_, nothing := request.Do[Price](t.Context(), c, nil)
	_, nobody := request.Do[Price](t.Context(), nil, PriceAsked{})
	for name, err := range map[string]error{
		"bus":                 over(nil, request.Config{}),
		"driver":              noDriver,
		"carrier":             noCarrier,
		"carrier of Do":       nobody,
		"handler":             noHandler,
		"handler of a stream": noStream,
		"handler of a topic":  noTopic,
		"pattern":             badPattern,
		"pattern of On":       with(request.On("a.**b")),
		"type: pointer":       pointer,
		"type: interface":     anything,
		"type: nameless":      nameless,
		"type: chooses":       chooses,
		"data":                nothing,
		"timeout":             over(b, request.Config{Timeout: -1}),
		"timeout twice":       over(b, request.Config{Timeout: 1, NoTimeout: true}),
		"window":              over(b, request.Config{Window: -1}),
		"middleware":          over(b, request.Config{Middleware: []middleware.Func{nil}}),
		"middleware of With":  with(request.With(nil)),
		"middleware: empty":   with(request.With(func(middleware.Handler) middleware.Handler { return nil })),
		"pattern: empty":      with(request.On("")),
		"codes: reserved":     over(b, request.Config{Codes: map[string]error{request.CodePanic: errUnknown}}),
		"codes: nil":          over(b, request.Config{Codes: map[string]error{"a": nil}}),
		"codes: no name":      over(b, request.Config{Codes: map[string]error{"": errUnknown}}),
		"limit":               with(request.Limit(0, 1)),
		"limit of waiting":    with(request.Limit(1, -1)),
		"name":                with(request.Named("a\nb")),
	} {
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%s: the error is %v, want ErrInvalid", name, err)
		}
	}
	if _, err := ask(t, c); !errors.Is(err, request.ErrNoResponder) {
		t.Errorf("something responds all the same: %v", err)
	}
}

type ReportAsked struct{ Year int }

func TestDataOfAnotherTypeThatMiddlewarePutThereAreInvalid(t *testing.T) {
	c, _ := over(t, request.Config{Middleware: []middleware.Func{func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, call *middleware.Call) (any, error) {
			changed := *call
			changed.Data = "oak"
			return next(ctx, &changed)
		}
	}}})
	handle(t, c, oak)
	if _, err := request.HandleStream(c, func(context.Context, ReportAsked) iter.Seq2[Price, error] { return nil }); err != nil {
		t.Fatal(err)
	}
	for _, q := range []any{PriceAsked{"oak"}, ReportAsked{}} {
		_, err := request.Do[Price](t.Context(), c, q)
		expectError(t, err, event.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), "is a string after the middleware") {
			t.Errorf("the error of %T is %v", q, err)
		}
	}
}
