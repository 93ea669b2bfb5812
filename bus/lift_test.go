package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestASubscriptionGetsWhatIsLiftedIntoItsType(t *testing.T) {
	reg := &event.Registry{}
	b := bus.New(bus.Config{Registry: reg})
	defer b.Close(context.Background())
	var seen []string
	_, err := bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPaid]) error {
		seen = append(seen, fmt.Sprint(e.Type, e.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.SubscribeTopic("order.**", func(_ context.Context, e event.Event[any]) error {
		seen = append(seen, "topic "+e.Type)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no order")
	err = reg.UpcastTo(event.Schema{Type: "order.settled", Version: 1}, event.Schema{Type: "order.paid", Version: 1},
		func(data []byte) ([]byte, error) {
			if string(data) == "{}" {
				return nil, refused
			}
			return data, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), event.From("order.settled", map[string]any{"OrderID": "7"})); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprint(seen); got != "[order.paid{7} topic order.settled]" {
		t.Errorf("seen %s", got)
	}
	seen = nil
	if err := b.Publish(t.Context(), event.From("order.settled", map[string]any{})); !errors.Is(err, refused) {
		t.Errorf("what cannot be lifted: %v", err)
	}
	if got := fmt.Sprint(seen); got != "[topic order.settled]" {
		t.Errorf("seen %s, want the topic's handler to have it all the same", got)
	}
}
