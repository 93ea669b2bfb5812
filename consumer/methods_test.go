package consumer_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
)

type billing struct{ placed, paid []string }

func (b *billing) Placed(_ context.Context, e event.Event[orderPlaced]) error {
	b.placed = append(b.placed, e.Data.Order)
	return nil
}

func (b *billing) Paid(_ context.Context, o orderPaid) error {
	b.paid = append(b.paid, o.Order)
	return nil
}

func (b *billing) Close() error { return nil }

type misfit struct{}

func (misfit) Placed(context.Context, orderPlaced) {}

func TestMethodsAreHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var b billing
		c := newConsumer(t, st, consumer.Config{Workers: 1}, consumer.Methods(&b)...)
		place(t, st, "a", 1)
		if _, err := st.Append(t.Context(), orderPaid{"a"}); err != nil {
			t.Fatal(err)
		}
		defer start(t, c)()
		waitFor(t, c, 2)
		if len(b.placed) != 1 || len(b.paid) != 1 || b.paid[0] != "a" {
			t.Errorf("the methods saw %+v", b)
		}
	})
}

func TestMethodThatAlmostFitsIsRefused(t *testing.T) {
	_, err := consumer.New(newStore(t), "c", consumer.Config{}, consumer.Methods(misfit{})...)
	if err == nil || !strings.Contains(err.Error(), "Placed") {
		t.Errorf("New returned %v, want a refusal that names the method", err)
	}
}
