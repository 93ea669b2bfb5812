package cqrs_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// desk has handlers of commands, and other methods.
type desk struct{ ticks int }

func (d *desk) Place(_ context.Context, c PlaceOrder) (cqrs.Outcome[string], error) {
	return cqrs.Outcome[string]{Result: "placed", Events: cqrs.Events{OrderPlaced(c)}}, nil
}

func (d *desk) Cancel(_ context.Context, c CancelOrder) (cqrs.Events, error) {
	return cqrs.Events{OrderCancelled(c)}, errOutOfStock
}

func (d *desk) Tick(context.Context, Tick) error {
	d.ticks++
	return nil
}

func (d *desk) Import(context.Context, Import) (int, error)              { return 7, nil }
func (d *desk) OnPlaced(context.Context, event.Event[OrderPlaced]) error { return nil }
func (d *desk) Orders(context.Context, named2) (int, error)              { return 8, nil }
func (d *desk) Count(context.Context, string) (int, error)               { return 0, nil }
func (d *desk) Close() error                                             { return nil }
func (d *desk) Middleware(next middleware.Handler) middleware.Handler    { return next }

func TestRegisterFindsEveryHandlerOfCommands(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	d := &desk{}
	report, err := b.Register(d, cqrs.Named("front"))
	if err != nil {
		t.Fatal(err)
	}
	want := "Cancel handles cancel.order\nImport handles import\nPlace handles place.order\nTick handles tick\n" +
		"Close() error is no handler\nCount(context.Context, string) (int, error) is no handler\n"
	if !strings.HasPrefix(report.String(), want) || len(report.Others) != 5 {
		t.Errorf("the report is\n%s\nwant\n%s…", report, want)
	}
	if got, err := cqrs.Send[string](t.Context(), b, PlaceOrder{OrderID: "7"}); got != "placed" || err != nil {
		t.Errorf("Place: %v, %v", got, err)
	}
	if _, err := cqrs.Send[cqrs.None](t.Context(), b, CancelOrder{}); err != errOutOfStock {
		t.Errorf("Cancel: %v", err)
	}
	if _, err := cqrs.Send[cqrs.None](t.Context(), b, Tick{}); err != nil || d.ticks != 1 {
		t.Errorf("Tick: %v after %d", err, d.ticks)
	}
	if got, err := cqrs.Send[int](t.Context(), b, Import{ID: "k"}); got != 7 || err != nil {
		t.Errorf("Import: %v, %v", got, err)
	}
	expectRecords(t, st, "order.placed order-7")
	_, err = b.Register(d)
	expectError(t, err, event.ErrInvalid, "register: handler: front.Cancel and cqrs_test.desk.Cancel both handle the command cancel.order")
}

func TestRegisterFindsEveryHandlerOfQueries(t *testing.T) {
	q := newQueryBus(t, nil, cqrs.QueryConfig{})
	report, err := q.Register(&desk{}, cqrs.Except("Place", "Cancel", "Import", "Tick"))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Handlers) != 1 || report.Handlers[0].Method != "Orders" || report.Handlers[0].Type != "open.orders" {
		t.Errorf("the report is\n%s", report)
	}
	if got, err := cqrs.Query[int](t.Context(), q, named2{}); got != 8 || err != nil {
		t.Errorf("Orders: %v, %v", got, err)
	}
	_, err = q.Register(&desk{}, cqrs.Except("Place", "Cancel", "Import"))
	expectError(t, err, event.ErrInvalid, "Tick(context.Context, cqrs_test.Tick) error: returns no result, and a query has one", `cqrs.Except("Tick")`)
}

type almost struct{ desk }

func (almost) Pointer(context.Context, *PlaceOrder) error { return nil }

type listing struct{}

func (listing) Do(context.Context, PlaceOrder) ([]any, error) { return nil, io.EOF }
func (listing) Also(context.Context, Tick) error              { return nil }

func TestRegisterTakesAllOrNone(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	_, err := b.Register(&almost{})
	expectError(t, err, event.ErrInvalid, "Pointer(context.Context, *cqrs_test.PlaceOrder) error: takes a pointer", `cqrs.Except("Pointer")`)
	_, err = b.Register(&listing{})
	expectError(t, err, event.ErrInvalid, "register *cqrs_test.listing.Do: result: is []any")
	_, err = b.Register(nil)
	expectError(t, err, event.ErrInvalid, "register: value: is nil")
	_, err = b.Register(&desk{}, cqrs.Except("Plaice"))
	expectError(t, err, event.ErrInvalid, "except")
	_, err = newBus(t, nil, cqrs.Config{}).Register(&desk{})
	expectError(t, err, event.ErrInvalid, "store: is missing, and cqrs_test.desk.Cancel returns cqrs.Events")
	if len(b.Types()) != 0 {
		t.Errorf("%v are registered all the same", b.Types())
	}
	var none *cqrs.NoHandlerError
	if _, err := b.Send(t.Context(), Tick{}); !errors.As(err, &none) {
		t.Errorf("error is %v", err)
	}
}
