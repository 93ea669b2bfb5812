package event_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
)

// OrderShipped needs nothing but its fields; AggregateID gives each order a stream of its own.
type OrderShipped struct {
	OrderID string
	Carrier string
}

func (e OrderShipped) AggregateID() string { return e.OrderID }

func ExampleNew() {
	e, err := event.New(context.Background(), OrderShipped{OrderID: "42", Carrier: "post"}, event.WithTags("customer:7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Type, e.Version, e.Stream, e.Tags, e.Data)
	// Output: order.shipped 1 order-42 [customer:7] {42 post}
}

func ExampleFrom() {
	ctx := context.Background()
	e, _ := event.New(ctx, event.From("sensor.read", map[string]any{"celsius": 21.5}))
	fmt.Println(e.Type, e.Stream, e.Data)

	// A map that names its type is the same.
	e, _ = event.New(ctx, map[string]any{"type": "sensor.read", "celsius": 21.5})
	fmt.Println(e.Type, e.Stream, e.Data)
	// Output:
	// sensor.read sensor.read map[celsius:21.5]
	// sensor.read sensor.read map[celsius:21.5]
}

func ExampleRegister() {
	var reg event.Registry
	if err := event.Register[OrderShipped](&reg); err != nil {
		fmt.Println(err)
	}
	e, _ := event.New(context.Background(), OrderShipped{OrderID: "42", Carrier: "post"})
	rec, _ := reg.Encode(e)
	fmt.Println(rec.ContentType, string(rec.Data))

	back, _ := reg.Decode(rec)
	fmt.Printf("%T %v\n", back.Data, back.Data)
	// Output:
	// application/json {"OrderID":"42","Carrier":"post"}
	// event_test.OrderShipped {42 post}
}

// Tariff is at its second version: what was called Price is Cents now.
type Tariff struct{ Cents int }

func (Tariff) EventVersion() int { return 2 }

func ExampleRegistry_Upcast() {
	var reg event.Registry
	err := reg.Upcast("tariff", 1, func(data []byte) ([]byte, error) {
		return bytes.Replace(data, []byte(`"Price"`), []byte(`"Cents"`), 1), nil
	})
	if err != nil {
		fmt.Println(err)
	}
	old := event.Record{Metadata: event.Metadata{Type: "tariff", Version: 1}, Data: []byte(`{"Price":250}`)}
	e, err := event.DecodeAs[Tariff](&reg, old)
	fmt.Println(e.Data.Cents, e.Version, err)
	// Output: 250 2 <nil>
}

func ExampleWithCause() {
	first, _ := event.New(context.Background(), OrderShipped{OrderID: "42"}, event.WithUser("ann"))

	// Oxbow hands handlers a context like this one, so that what they publish is linked to what they handle.
	ctx := event.WithCause(context.Background(), first.Cause())
	second, _ := event.New(ctx, event.From("mail.sent", nil))

	fmt.Println(second.CausationID == first.ID, second.CorrelationID == first.CorrelationID, second.UserID)
	// Output: true true ann
}

// Invoiced knows when it is wrong.
type Invoiced struct{ Cents int }

func (i Invoiced) Validate() error {
	if i.Cents < 0 {
		return errors.New("the amount is negative")
	}
	return nil
}

func ExampleValidated() {
	_, err := event.New(context.Background(), Invoiced{Cents: -5})
	fmt.Println(err, errors.Is(err, event.ErrInvalid))
	// Output: data: event_test.Invoiced is not valid: the amount is negative true
}

func ExampleTypeName() {
	fmt.Println(event.TypeName("OrderPlaced"), event.TypeName("HTTPRequestFailed"))
	// Output: order.placed http.request.failed
}

func ExampleMaker() {
	shipments, err := event.NewMaker[OrderShipped]()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := event.Event[OrderShipped]{Data: OrderShipped{OrderID: "42"}}
	if err := shipments.Fill(context.Background(), &e); err != nil {
		fmt.Println(err)
	}
	fmt.Println(e.Type, e.Stream, !e.ID.IsZero())
	// Output: order.shipped order-42 true
}
