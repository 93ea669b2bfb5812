package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

func TestACommandGoesToItsHandlerAndTheResultComesBackTyped(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	handle(t, b, func(_ context.Context, c PlaceOrder) (string, error) { return "placed " + c.OrderID, nil })
	handle(t, b, func(_ context.Context, c CancelOrder) (error, error) { return errOutOfStock, nil })
	for _, command := range []any{PlaceOrder{OrderID: "7"}, &PlaceOrder{OrderID: "7"}} {
		if got, err := cqrs.Send[string](t.Context(), b, command); got != "placed 7" || err != nil {
			t.Errorf("%T: got %q, %v", command, got, err)
		}
	}
	if got, err := cqrs.Send[any](t.Context(), b, PlaceOrder{OrderID: "7"}); got != "placed 7" || err != nil {
		t.Errorf("as any: got %v, %v", got, err)
	}
	if got, err := cqrs.Send[error](t.Context(), b, CancelOrder{}); got != errOutOfStock || err != nil {
		t.Errorf("as the interface: got %v, %v", got, err)
	}
}

func TestHandlersWithoutResultAnswerNone(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	if err := cqrs.HandleNoResult(b, func(context.Context, Tick) error { return nil }); err != nil {
		t.Fatal(err)
	}
	handle(t, b, func(context.Context, CancelOrder) (cqrs.Events, error) { return nil, nil })
	for _, command := range []any{Tick{}, CancelOrder{}} {
		if got, err := cqrs.Send[cqrs.None](t.Context(), b, command); err != nil {
			t.Errorf("%T: got %v, %v", command, got, err)
		}
	}
	expectRecords(t, st)
}

func TestAnErrorOfTheHandlerComesBackAsItIs(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 7, errOutOfStock })
	if got, err := cqrs.Send[int](t.Context(), b, PlaceOrder{}); err != errOutOfStock || got != 0 {
		t.Errorf("got %v, %v; want nothing and the handler's own error", got, err)
	}
}

func TestAWrongResultTypeIsRefusedBeforeTheHandlerRuns(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	var calls counter
	handle(t, b, place(&calls))
	_, err := cqrs.Send[string](t.Context(), b, PlaceOrder{})
	expectError(t, err, event.ErrInvalid, "result: of the command place.order is int, and string was asked for")
	_, err = cqrs.Send[fmt.Stringer](t.Context(), b, PlaceOrder{})
	expectError(t, err, event.ErrInvalid, "fmt.Stringer was asked for")
	calls.expect(t, "the handler ran", 0)
}

type named string

func (named) CommandType() string { return "shop.named" }

type badName struct{}

func (badName) CommandType() string { return "shop..named" }

type clashing struct{}

func (clashing) CommandType() string { return "place.order" }

func firstHandler(context.Context, PlaceOrder) error  { return nil }
func secondHandler(context.Context, PlaceOrder) error { return nil }
func clashHandler(context.Context, clashing) error    { return nil }

func TestThereIsOneHandlerForEachType(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	if err := cqrs.HandleNoResult(b, firstHandler); err != nil {
		t.Fatal(err)
	}
	expectError(t, cqrs.HandleNoResult(b, secondHandler), event.ErrInvalid,
		"cqrs_test.firstHandler and cqrs_test.secondHandler both handle the command place.order")
	expectError(t, cqrs.HandleNoResult(b, clashHandler), event.ErrInvalid, "place.order is the command type of cqrs_test.PlaceOrder, "+
		"which cqrs_test.firstHandler handles, and of cqrs_test.clashing, which cqrs_test.clashHandler handles")
}

func TestAnUnknownCommandIsAnErrorThatTellsWhatIsKnown(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	_, err := b.Send(t.Context(), Tick{})
	expectError(t, err, cqrs.ErrNoHandler, "no handler for the command tick; none is registered")
	handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 0, nil })
	handle(t, b, func(context.Context, named) (int, error) { return 0, nil })
	_, err = b.Send(t.Context(), &Tick{})
	expectError(t, err, cqrs.ErrNoHandler, "no handler for the command tick; there are handlers for place.order, shop.named")
	_, err = b.Decode("tick", nil)
	expectError(t, err, cqrs.ErrNoHandler, "tick")
	for _, command := range []any{nil, (*PlaceOrder)(nil)} {
		_, err := b.Send(t.Context(), command)
		expectError(t, err, event.ErrInvalid, "command: is")
	}
	_, err = b.Send(t.Context(), 7)
	expectError(t, err, event.ErrInvalid, "int has no name to make a command type of")
}

func TestWhatCannotBeAHandlerIsRefused(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	for want, err := range map[string]error{
		"handler: is nil":                       cqrs.HandleCommand[Tick, int](b, nil),
		"handler: is nil ":                      cqrs.HandleNoResult[Tick](b, nil),
		"is a pointer; a command is a value":    cqrs.HandleNoResult(b, func(context.Context, *Tick) error { return nil }),
		"is an interface":                       cqrs.HandleNoResult(b, func(context.Context, any) error { return nil }),
		"has no name to make a command":         cqrs.HandleNoResult(b, func(context.Context, map[string]any) error { return nil }),
		"command type:":                         cqrs.HandleNoResult(b, func(context.Context, badName) error { return nil }),
		"is []any; return cqrs.Events":          cqrs.HandleCommand(b, func(context.Context, Tick) ([]any, error) { return nil, nil }),
		"return one cqrs.Outcome[int]":          cqrs.HandleCommand(b, func(context.Context, Tick) (*cqrs.Outcome[int], error) { return nil, nil }),
		"return one cqrs.Events":                cqrs.HandleCommand(b, func(context.Context, Tick) (*cqrs.Events, error) { return nil, nil }),
		"return cqrs.Events for what happened":  cqrs.HandleCommand(b, func(context.Context, Tick) (event.Event[Tick], error) { return event.Event[Tick]{}, nil }),
		"return cqrs.Events for what happened ": cqrs.HandleCommand(b, func(context.Context, Tick) ([]event.Event[any], error) { return nil, nil }),
		"name: is empty":                        cqrs.HandleNoResult(b, func(context.Context, Tick) error { return nil }, cqrs.Named("")),
		"except: is for Register":               cqrs.HandleNoResult(b, func(context.Context, Tick) error { return nil }, cqrs.Except("x")),
		"middleware: number 1 is nil":           cqrs.HandleNoResult(b, func(context.Context, Tick) error { return nil }, cqrs.With(nil)),
		"made no handler":                       cqrs.HandleNoResult(b, func(context.Context, Tick) error { return nil }, cqrs.With(noHandler)),
	} {
		expectError(t, err, event.ErrInvalid, trimmed(want))
	}
	if known := b.Types(); len(known) != 0 {
		t.Errorf("%v are registered all the same", known)
	}
}

func TestABadConfigIsRefusedByName(t *testing.T) {
	for want, cfg := range map[string]cqrs.Config{
		"attempts: are -1":                       {Attempts: -1},
		"retention: is -1ns":                     {Retention: -1},
		"retention: is 1ns, and NoExpiry is set": {Retention: 1, NoExpiry: true},
		"middleware: number 1 is nil":            {Middleware: []middleware.Func{nil}},
		"store: is nil, and there is a Comm":     {Committer: newStore()},
	} {
		_, err := cqrs.NewCommandBus(nil, cfg)
		expectError(t, err, event.ErrInvalid, want)
	}
	all := newBus(t, newStore(), cqrs.Config{NoLogging: true, Middleware: []middleware.Func{noHandler}})
	expectError(t, cqrs.HandleNoResult(all, func(context.Context, Tick) error { return nil }), event.ErrInvalid, "of the bus made no handler")
	_, err := cqrs.NewQueryBus(nil, cqrs.QueryConfig{Middleware: []middleware.Func{nil}})
	expectError(t, err, event.ErrInvalid, "middleware")
}

func noHandler(middleware.Handler) middleware.Handler { return nil }

type checked struct{ Amount int }

func (c *checked) Validate() error {
	if c.Amount < 0 {
		return errors.New("amount is negative")
	}
	return nil
}

func TestACommandThatIsNotValidIsRefusedBeforeItsHandler(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	var calls counter
	handle(t, b, func(context.Context, checked) (int, error) { return calls.add(), nil })
	_, err := cqrs.Send[int](t.Context(), b, checked{-1})
	expectError(t, err, event.ErrInvalid, "command checked is not valid: amount is negative")
	var refused *cqrs.ValidationError
	if !errors.As(err, &refused) || refused.Name != "checked" {
		t.Errorf("error is %#v", err)
	}
	calls.expect(t, "the handler ran", 0)
	send(t, b, checked{1})
	calls.expect(t, "the handler ran", 1)
}

func TestAPanicBecomesAnErrorWithItsStack(t *testing.T) {
	panics := func(where string) *cqrs.CommandBus {
		b := newBus(t, newStore(), cqrs.Config{
			Authorize: func(context.Context, *middleware.Call) error {
				if where == "authorize" {
					panic(errOutOfStock)
				}
				return nil
			},
			Middleware: []middleware.Func{func(next middleware.Handler) middleware.Handler {
				return func(ctx context.Context, c *middleware.Call) (any, error) {
					if where == "middleware" {
						panic(errOutOfStock)
					}
					return next(ctx, c)
				}
			}},
		})
		handle(t, b, func(context.Context, PlaceOrder) (int, error) { panic(errOutOfStock) })
		return b
	}
	for _, where := range []string{"handler", "middleware", "authorize"} {
		_, err := cqrs.Send[int](t.Context(), panics(where), PlaceOrder{}, cqrs.WithKey("k"))
		var p *middleware.PanicError
		if !errors.As(err, &p) || len(p.Stack) == 0 || !errors.Is(err, errOutOfStock) {
			t.Errorf("%s: error is %v, want a panic with its stack", where, err)
		}
	}
}

func TestAKeyIsFreeAgainAfterAPanic(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	var calls counter
	handle(t, b, func(context.Context, PlaceOrder) (int, error) {
		if calls.add() == 1 {
			panic("once")
		}
		return 7, nil
	})
	if _, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k")); err == nil {
		t.Error("no error of a panic")
	}
	if got := send(t, b, PlaceOrder{}, cqrs.WithKey("k")); got.Result != 7 {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeReturnsACommandToSend(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	handle(t, b, func(_ context.Context, c PlaceOrder) (string, error) { return c.OrderID, nil })
	command, err := b.Decode("place.order", []byte(`{"OrderID":"7"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := send(t, b, command); got.Result != "7" {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{``, `{`, `[]`, `{"OrderID":7}`} {
		_, err := b.Decode("place.order", []byte(bad))
		expectError(t, err, event.ErrInvalid, "command: is no place.order")
	}
}

func TestWithoutAStoreThereAreNoEventsAndNoKeys(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	var calls counter
	expectError(t, cqrs.HandleCommand(b, place(&calls)), event.ErrInvalid, "store: is missing, and", "returns cqrs.Outcome[int]")
	handle(t, b, func(context.Context, PlaceOrder) (int, error) { return calls.add(), nil })
	_, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k"))
	expectError(t, err, event.ErrInvalid, "key: needs a store")
	_, err = b.Purge(t.Context(), 0)
	expectError(t, err, event.ErrInvalid, "store: is missing")
	calls.expect(t, "the handler ran", 0)
	send(t, b, PlaceOrder{})
}

func TestEventsBehindAnInterfaceAreNotLost(t *testing.T) {
	for _, st := range []*store.Store{nil, newStore()} {
		b := newBus(t, st, cqrs.Config{})
		handle(t, b, func(context.Context, Tick) (any, error) { return cqrs.Events{OrderPlaced{}}, nil })
		_, err := b.Send(t.Context(), Tick{})
		expectError(t, err, event.ErrInvalid, "is cqrs.Events behind interface {}; declare it as what it is")
	}
}
