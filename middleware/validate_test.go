package middleware_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/verdict"
	"github.com/oxbow-events/oxbow/middleware"
)

var errNegative = errors.New("the total is negative")

type placeOrder struct{ Total int }

func (p placeOrder) Validate() error {
	if p.Total < 0 {
		return errNegative
	}
	return nil
}

type payOrder struct{ Total int }

func (p *payOrder) Validate() error { return placeOrder(*p).Validate() }

func TestValidateRefusesBadCallsForGood(t *testing.T) {
	calls := 0
	handle := middleware.Validate()(func(context.Context, *middleware.Call) (any, error) { calls++; return "done", nil })
	for _, data := range []any{placeOrder{-1}, &placeOrder{-1}, payOrder{-1}, &payOrder{-1}, (*placeOrder)(nil)} {
		c := newCall()
		c.Data = data
		_, err := handle(t.Context(), c)
		if wrapped := errors.Is(err, errNegative); !errors.Is(err, event.ErrInvalid) || wrapped == (data == any((*placeOrder)(nil))) {
			t.Errorf("%#v is refused with %v", data, err)
		}
		if !verdict.IsPermanent(err) {
			t.Errorf("%v can be mended by a retry", err)
		}
	}
	if calls != 0 {
		t.Errorf("%d bad calls reached the handler", calls)
	}
	for _, data := range []any{nil, placeOrder{1}, &payOrder{1}, []byte(`{"Total":-1}`), 7} {
		c := newCall()
		c.Data = data
		if result, err := handle(t.Context(), c); result != "done" || err != nil {
			t.Errorf("%#v is refused with %v", data, err)
		}
	}
}
