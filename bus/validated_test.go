package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

var errNegative = errors.New("the total is negative")

type InvoiceSent struct{ Total int }

func (i InvoiceSent) Validate() error {
	if i.Total < 0 {
		return errNegative
	}
	return nil
}

func TestInvalidDataAreNotDelivered(t *testing.T) {
	b := bus.New(bus.Config{})
	delivered := 0
	if _, err := bus.Subscribe(b, func(context.Context, event.Event[InvoiceSent]) error { delivered++; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), InvoiceSent{-1}); !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errNegative) {
		t.Errorf("Publish returned %v, want ErrInvalid and the error of Validate", err)
	}
	if err := b.Publish(t.Context(), InvoiceSent{1}); err != nil || delivered != 1 {
		t.Errorf("%d events were delivered (%v), want the valid one", delivered, err)
	}
}
