package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

func TestTypesMeetByName(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, oak)
	for name, q := range map[string]any{
		"struct":  PriceAsked{"oak"},
		"pointer": &PriceAsked{"oak"},
		"map":     map[string]any{"type": "price.asked", "SKU": "oak"},
		"raw":     event.From("price.asked", json.RawMessage(`{"SKU":"oak"}`)),
		"other":   event.From("price.asked", struct{ SKU string }{"oak"}),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := request.Do[Price](t.Context(), c, q); got != (Price{"oak", 995}) || err != nil {
				t.Errorf("Do returned %v, %v", got, err)
			}
		})
	}
	if got, err := request.Do[map[string]any](t.Context(), c, PriceAsked{"oak"}); got["SKU"] != "oak" || err != nil {
		t.Errorf("as a map: %v, %v", got, err)
	}
	if got, err := request.Do[*Price](t.Context(), c, PriceAsked{"oak"}); got == nil || got.Cents != 995 || err != nil {
		t.Errorf("as a pointer: %v, %v", got, err)
	}
	if got, err := request.Do[any](t.Context(), c, PriceAsked{"oak"}); got != (Price{"oak", 995}) || err != nil {
		t.Errorf("as anything: %v, %v", got, err)
	}
}

func TestNothingIsSerialisedWhenTypesMatch(t *testing.T) {
	c, _ := over(t, request.Config{})
	type Pipe struct{ C chan int }
	handle(t, c, func(_ context.Context, q Pipe) (Pipe, error) { return q, nil })
	q := Pipe{make(chan int)}
	if got, err := request.Do[Pipe](t.Context(), c, q); got != q || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
}

func TestAnAnswerOfAnotherTypeIsAnErrorThatNamesBoth(t *testing.T) {
	type Invoice struct{ Number int }
	type Stock struct{ C chan int }
	for name, c := range map[string]struct {
		answer any
		names  []string
	}{
		"another struct":  {Invoice{7}, []string{"pricing", "invoice (request_test.Invoice)", "price (request_test.Price)"}},
		"a text":          {"seven", []string{"pricing", "string", "price (request_test.Price)"}},
		"not JSON":        {json.RawMessage("{"), []string{"pricing", "json.RawMessage", "price"}},
		"not encodable":   {map[string]any{"c": make(chan int)}, []string{"pricing", "map[string]interface {}", "price"}},
		"a named channel": {Stock{}, []string{"pricing", "stock", "price"}},
	} {
		t.Run(name, func(t *testing.T) {
			carrier, _ := over(t, request.Config{})
			request.HandleTopic(carrier, "price.*", func(context.Context, event.Event[any]) (any, error) { return c.answer, nil }, request.Named("pricing"))
			got, err := ask(t, carrier)
			var mismatch *request.MismatchError
			if !errors.As(err, &mismatch) || got != (Price{}) {
				t.Fatalf("Do returned %v, %v; want a MismatchError", got, err)
			}
			for _, name := range c.names {
				if !strings.Contains(err.Error(), name) {
					t.Errorf("%q does not name %s", err, name)
				}
			}
		})
	}
}

func TestARequestThatCannotBeReadIsInvalid(t *testing.T) {
	c, _ := over(t, request.Config{})
	r := handle(t, c, oak, request.On("price.*"))
	for name, q := range map[string]any{
		"wrong data":   event.From("price.asked", map[string]any{"SKU": 7}),
		"another type": event.From("price.dropped", map[string]any{"SKU": "oak"}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := request.Do[Price](t.Context(), c, q)
			var typed *request.Error
			if !errors.As(err, &typed) || typed.Code != request.CodeInvalid {
				t.Errorf("the error is %v", err)
			}
			expectError(t, err, event.ErrInvalid)
			if !strings.Contains(err.Error(), "price.asked (request_test.PriceAsked)") {
				t.Errorf("%q does not name what is wanted", err)
			}
		})
	}
	if s := r.Stats(); s.Failed != 2 || s.Answered != 0 {
		t.Errorf("the responder has %+v", s)
	}
}

func TestNoDataIsTheZeroValue(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, func(_ context.Context, q PriceAsked) (*Price, error) {
		if q != (PriceAsked{}) {
			t.Errorf("the handler got %v", q)
		}
		return nil, nil
	})
	request.HandleTopic(c, "nothing", func(context.Context, event.Event[any]) (any, error) { return nil, nil })
	if got, err := request.Do[*Price](t.Context(), c, event.From("price.asked", nil)); got != nil || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
	if got, err := request.Do[any](t.Context(), c, event.From("nothing", nil)); got != nil || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
	if got, err := ask2[Price](t, c, event.From("nothing", nil)); got != (Price{}) || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
}

func ask2[R any](t *testing.T, c *request.Carrier, q any) (R, error) {
	return request.Do[R](t.Context(), c, q)
}

func TestARequestMayChooseItsTopic(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, oak, request.On("price.*.eu"))
	if _, err := request.Do[Price](t.Context(), c, PriceAsked{"oak"}, event.WithTopic("price.asked.eu")); err != nil {
		t.Error(err)
	}
	_, err := request.Do[Price](t.Context(), c, PriceAsked{"oak"})
	expectError(t, err, request.ErrNoResponder)
	request.HandleTopic(c, "**", func(_ context.Context, q event.Event[any]) (any, error) { return q.RoutingKey(), nil })
	if got, err := request.Do[string](t.Context(), c, PriceAsked{"oak"}); got != "price.asked" || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
}
