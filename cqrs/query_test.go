package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

type (
	OpenOrders struct{ Customer string }
	GetOrder   struct{ OrderID string }
	named2     struct{}
)

func (named2) QueryType() string { return "open.orders" }

func firstAnswer(context.Context, OpenOrders) (int, error)  { return 1, nil }
func secondAnswer(context.Context, OpenOrders) (int, error) { return 2, nil }

func TestAQueryGoesToItsHandlerAndTheAnswerComesBackTyped(t *testing.T) {
	q := newQueryBus(t, nil, cqrs.QueryConfig{})
	ask(t, q, func(_ context.Context, q OpenOrders) ([]string, error) { return []string{q.Customer}, nil })
	ask(t, q, func(context.Context, GetOrder) (fmt.Stringer, error) { return nil, nil })
	for _, query := range []any{OpenOrders{"7"}, &OpenOrders{"7"}} {
		if got, err := cqrs.Query[[]string](t.Context(), q, query); err != nil || len(got) != 1 || got[0] != "7" {
			t.Errorf("%T: got %v, %v", query, got, err)
		}
	}
	if got, err := cqrs.Query[any](t.Context(), q, OpenOrders{"7"}); err != nil || fmt.Sprint(got) != "[7]" {
		t.Errorf("as any: got %v, %v", got, err)
	}
	if got, err := cqrs.Query[fmt.Stringer](t.Context(), q, GetOrder{}); err != nil || got != nil {
		t.Errorf("a nil interface: got %v, %v", got, err)
	}
	decoded, err := q.Decode("open.orders", []byte(`{"Customer":"7"}`))
	if err != nil || decoded != (OpenOrders{"7"}) || len(q.Types()) != 2 {
		t.Errorf("decoded %v, %v among %v", decoded, err, q.Types())
	}
}

func TestQueriesAreRefusedLikeCommands(t *testing.T) {
	q := newQueryBus(t, nil, cqrs.QueryConfig{})
	ask(t, q, firstAnswer)
	ask(t, q, func(_ context.Context, c checked) (int, error) {
		if c.Amount == 1 {
			panic("one")
		}
		return 0, errOutOfStock
	})
	expectError(t, cqrs.HandleQuery(q, secondAnswer), event.ErrInvalid, "firstAnswer and cqrs_test.secondAnswer both handle the query open.orders")
	expectError(t, cqrs.HandleQuery(q, func(context.Context, named2) (int, error) { return 0, nil }), event.ErrInvalid,
		"open.orders is the query type of cqrs_test.OpenOrders", "give one of them a method QueryType")
	expectError(t, cqrs.HandleQuery[GetOrder, int](q, nil), event.ErrInvalid, "handler: is nil")
	expectError(t, cqrs.HandleQuery(q, func(context.Context, GetOrder) (cqrs.Events, error) { return nil, nil }), event.ErrInvalid,
		"queries change nothing; make it a command")
	expectError(t, cqrs.HandleQuery(q, func(context.Context, GetOrder) (int, error) { return 0, nil }, cqrs.Except("x")), event.ErrInvalid, "except")

	_, err := cqrs.Query[string](t.Context(), q, OpenOrders{})
	expectError(t, err, event.ErrInvalid, "result: of the query open.orders is int, and string was asked for")
	_, err = cqrs.Query[int](t.Context(), q, GetOrder{})
	expectError(t, err, cqrs.ErrNoHandler, "no handler for the query get.order; there are handlers for checked, open.orders")
	_, err = cqrs.Query[int](t.Context(), q, checked{-1})
	expectError(t, err, event.ErrInvalid, "query checked is not valid")
	_, err = cqrs.Query[int](t.Context(), q, checked{})
	if err != errOutOfStock {
		t.Errorf("error is %v, want the handler's own", err)
	}
	_, err = cqrs.Query[int](t.Context(), q, checked{1})
	var p *middleware.PanicError
	if !errors.As(err, &p) {
		t.Errorf("error is %v, want the panic", err)
	}
}
