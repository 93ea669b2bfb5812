package schematest_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/schema/schematest"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// OrderPlaced had a total in euros in version 1.
type OrderPlaced struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

func (OrderPlaced) EventVersion() int { return 2 }

// CustomerUpdated has come out of customer.renamed and customer.moved.
type CustomerUpdated struct {
	Customer string  `json:"customer"`
	Name     *string `json:"name,omitempty"`
	Address  *string `json:"address,omitempty"`
}

// OrderCancelled and OrderCompleted have come out of order.closed.
type OrderCancelled struct {
	Order  string `json:"order"`
	Reason string `json:"reason"`
}

// OrderCompleted is the other half.
type OrderCompleted struct {
	Order string `json:"order"`
}

// register tells a registry what the shop reads. The program and its tests share it.
func register(reg *event.Registry) error {
	v1 := func(name string) event.Schema { return event.Schema{Type: name, Version: 1} }
	return errors.Join(
		event.Register[OrderPlaced](reg),
		event.Register[CustomerUpdated](reg),
		event.Register[OrderCancelled](reg),
		event.Register[OrderCompleted](reg),

		reg.Upcast("order.placed", 1, eurosToCents),
		reg.UpcastTo(v1("customer.renamed"), v1("customer.updated"), event.Unchanged),
		reg.UpcastTo(v1("customer.moved"), v1("customer.updated"), event.Unchanged),
		reg.UpcastSplit(v1("order.closed"), []event.Schema{v1("order.cancelled"), v1("order.completed")}, closed),
	)
}

// eurosToCents lifts order.placed from version 1 to 2.
func eurosToCents(data []byte) ([]byte, error) {
	var old struct {
		Order string `json:"order"`
		Euros int64  `json:"euros"`
	}
	if err := json.Unmarshal(data, &old); err != nil {
		return nil, err
	}
	return json.Marshal(OrderPlaced{Order: old.Order, Cents: 100 * old.Euros})
}

// closed tells what an order.closed is by now: with a reason it was cancelled.
func closed(data []byte) (event.Schema, []byte, error) {
	var old OrderCancelled
	if err := json.Unmarshal(data, &old); err != nil {
		return event.Schema{}, nil, err
	}
	if old.Reason != "" {
		return event.Schema{Type: "order.cancelled", Version: 1}, data, nil
	}
	lifted, err := json.Marshal(OrderCompleted{Order: old.Order})
	return event.Schema{Type: "order.completed", Version: 1}, lifted, err
}

func TestSchemas(t *testing.T) {
	reg := &event.Registry{}
	if err := register(reg); err != nil {
		t.Fatal(err)
	}
	schematest.Golden(t, reg, "testdata/schemas")
}

func TestStoredEventsAreRead(t *testing.T) {
	st := openShop(t)
	if err := register(st.Registry()); err != nil {
		t.Fatal(err)
	}
	schematest.RoundTrip(t, st, schema.CheckConfig{Sampling: schema.Sampling{PerSchema: 1000}})
}

// openShop returns a store with events of every type and version that the shop has ever had.
func openShop(t *testing.T) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { _ = st.Close() })
	for _, e := range []event.Event[any]{
		event.From("order.placed", json.RawMessage(`{"order":"1","euros":20}`)),
		event.From("customer.renamed", json.RawMessage(`{"customer":"7","name":"Ann"}`)),
		event.From("customer.moved", json.RawMessage(`{"customer":"7","address":"Rome"}`)),
		event.From("order.closed", json.RawMessage(`{"order":"1","reason":"too late"}`)),
		event.From("order.closed", json.RawMessage(`{"order":"2"}`)),
	} {
		if _, err := st.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

func TestTheShopsFolderHoldsWhatItOnceWas(t *testing.T) {
	golden, err := schema.ReadGolden(os.DirFS("testdata/schemas"))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(golden.Schemas); got != 8 || len(golden.Lifts) != 4 {
		t.Errorf("there are %d golden schemas and %d lifts, want 8 and 4", got, len(golden.Lifts))
	}
}
