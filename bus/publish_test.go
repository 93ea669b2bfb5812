package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestTypedHandlerGetsTheDataItself(t *testing.T) {
	type Shared struct{ Pointer *int }
	b := bus.New(bus.Config{})
	var got event.Event[Shared]
	subscribe(t, b, func(_ context.Context, e event.Event[Shared]) error {
		got = e
		return nil
	})

	n := 7
	publish(t, b, Shared{&n}, event.WithTags("a"))

	if got.Data.Pointer != &n {
		t.Error("the data was copied on the way, want the very same")
	}
	if got.Type != "shared" || got.ID.IsZero() || len(got.Tags) != 1 {
		t.Errorf("metadata is %+v", got.Metadata)
	}
}

func TestTypesMeetByName(t *testing.T) {
	type order struct { // another module's view of order.placed
		OrderID string
		Total   float64
	}
	for name, data := range map[string]any{
		"struct":              OrderPlaced{"42", 995},
		"pointer":             &OrderPlaced{"42", 995},
		"map":                 event.From("order.placed", map[string]any{"OrderID": "42", "Total": 995}),
		"map with a type":     map[string]any{"type": "order.placed", "OrderID": "42", "Total": json.Number("995")},
		"raw JSON":            event.From("order.placed", json.RawMessage(`{"OrderID":"42","Total":995}`)),
		"bytes of a type":     event.Event[any]{Metadata: event.Metadata{Type: "order.placed", ContentType: "application/json"}, Data: []byte(`{"OrderID":"42","Total":995}`)},
		"another Go type":     event.From("order.placed", order{"42", 995}),
		"a pointer inside":    event.From("order.placed", &order{"42", 995}),
		"an event of T":       event.Event[OrderPlaced]{Data: OrderPlaced{"42", 995}},
		"an event of another": event.Event[order]{Metadata: event.Metadata{Type: "order.placed"}, Data: order{"42", 995}},
	} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			var got []event.Event[OrderPlaced]
			subscribe(t, b, func(_ context.Context, e event.Event[OrderPlaced]) error {
				got = append(got, e)
				return nil
			})
			publish(t, b, data)
			if len(got) != 1 || got[0].Data != (OrderPlaced{"42", 995}) || got[0].Type != "order.placed" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestDataThatDoesNotFitIsAnErrorOfItsHandlerOnly(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	typed := subscribe(t, b, func(context.Context, event.Event[OrderPlaced]) error { return nil }, bus.Named("typed"))
	subscribeTopic(t, b, "**", j.note(""))

	err := b.Publish(t.Context(), event.From("order.placed", map[string]any{"Total": "much"}))

	var failure *bus.HandlerError
	if !errors.As(err, &failure) || failure.Subscription != "typed" {
		t.Errorf("error is %v, want that of the typed handler", err)
	}
	j.expect(t, "order.placed")
	expectStats(t, typed, bus.Stats{Failed: 1})
}

func TestOldVersionsAreLiftedForTypedHandlers(t *testing.T) {
	registry := new(event.Registry)
	err := registry.Upcast("price.set", 1, func([]byte) ([]byte, error) { return []byte(`{"Cents":100}`), nil })
	if err != nil {
		t.Fatal(err)
	}
	b := bus.New(bus.Config{Registry: registry})
	var got PriceSet
	subscribe(t, b, func(_ context.Context, e event.Event[PriceSet]) error {
		got = e.Data
		return nil
	})
	publish(t, b, event.From("price.set", map[string]any{"Dollars": 1}))
	if got.Cents != 100 {
		t.Errorf("got %+v, want 100 cents", got)
	}
}

type PriceSet struct{ Cents int }

func (PriceSet) EventVersion() int { return 2 }

func TestPatternGetsWhatMatchesTheTopic(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	subscribeTopic(t, b, "order.*", j.note("one:"))
	subscribeTopic(t, b, "**", j.note("all:"))
	subscribeTopic(t, b, "eu.**", j.note("eu:"))

	publish(t, b, OrderPlaced{OrderID: "1"})
	publish(t, b, Ticked{}, event.WithTopic("eu.de.ticks"))

	j.expect(t, "one:order.placed", "all:order.placed", "all:ticked", "eu:ticked")
}

func TestSyncHandlersRunInOrderOfSubscription(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	typed := func(name string) func(context.Context, event.Event[Ticked]) error {
		return func(context.Context, event.Event[Ticked]) error {
			j.add(name)
			return nil
		}
	}
	subscribe(t, b, typed("1"))
	subscribeTopic(t, b, "*", j.note("2:"))
	gone := subscribe(t, b, typed("gone"))
	subscribe(t, b, typed("3"))
	subscribeTopic(t, b, "**", j.note("4:"))
	subscribeTopic(t, b, "ticked", j.note("5:"))
	subscribe(t, b, typed("6"))
	gone.Cancel()

	publish(t, b, Ticked{})

	j.expect(t, "1", "2:ticked", "3", "4:ticked", "5:ticked", "6")
}

func TestErrorsOfAllHandlersAreJoined(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	first, second := errors.New("no paper"), errors.New("no ink")
	failing := func(err error) func(context.Context, event.Event[Ticked]) error {
		return func(context.Context, event.Event[Ticked]) error { return err }
	}
	sub := subscribe(t, b, failing(first), bus.Named("printer"))
	subscribe(t, b, failing(second))
	subscribeTopic(t, b, "**", j.note(""))

	id := event.NewID()
	err := b.Publish(t.Context(), Ticked{}, event.WithID(id))

	if !errors.Is(err, first) || !errors.Is(err, second) {
		t.Errorf("error is %v, want both joined", err)
	}
	var failure *bus.HandlerError
	if !errors.As(err, &failure) || failure.Subscription != "printer" || failure.EventID != id || failure.EventType != "ticked" {
		t.Errorf("facts are %+v", failure)
	}
	if want := "printer: handle ticked " + id.String() + ": no paper"; failure.Error() != want {
		t.Errorf("message is %q, want %q", failure, want)
	}
	j.expect(t, "ticked")
	expectStats(t, sub, bus.Stats{Failed: 1})
}

func TestPanicBecomesAnError(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	cause := errors.New("boom")
	sub := subscribe(t, b, func(context.Context, event.Event[Ticked]) error { panic(cause) })
	subscribe(t, b, func(context.Context, event.Event[Ticked]) error { panic(nil) })
	subscribeTopic(t, b, "**", j.note(""))

	err := b.Publish(t.Context(), Ticked{})

	var panicked *bus.PanicError
	if !errors.As(err, &panicked) || panicked.Value != any(cause) || !errors.Is(err, cause) {
		t.Fatalf("error is %v, want the panic", err)
	}
	if !strings.Contains(string(panicked.Stack), "TestPanicBecomesAnError") {
		t.Errorf("the stack does not show the handler:\n%s", panicked.Stack)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("error is %v, want that of both handlers", err)
	}
	j.expect(t, "ticked")
	expectStats(t, sub, bus.Stats{Failed: 1})
}

func TestWhatAHandlerPublishesNamesItsCause(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			placed := make(chan event.Event[OrderPlaced], 1)
			paid := make(chan event.Event[OrderPaid], 1)
			subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
				placed <- e
				return b.Publish(ctx, OrderPaid{e.Data.OrderID})
			}, opts...)
			subscribe(t, b, func(_ context.Context, e event.Event[OrderPaid]) error {
				paid <- e
				return nil
			}, opts...)

			publish(t, b, OrderPlaced{OrderID: "42"}, event.WithUser("ann"))

			first, second := <-placed, <-paid
			if second.CausationID != first.ID || second.CorrelationID != first.ID || second.UserID != "ann" {
				t.Errorf("caused by %v, correlated to %v, by %q; want %v, %v, ann",
					second.CausationID, second.CorrelationID, second.UserID, first.ID, first.ID)
			}
			closeBus(t, b)
		})
	}
}

func TestDeliverTakesAnEventMadeElsewhere(t *testing.T) {
	b := bus.New(bus.Config{})
	var got event.Event[Ticked]
	subscribe(t, b, func(_ context.Context, e event.Event[Ticked]) error {
		got = e
		return nil
	})
	stored, err := event.New(t.Context(), Ticked{N: 3}, event.WithStream("clock"))
	if err != nil {
		t.Fatal(err)
	}
	stored.Position, stored.Revision = 812, 7
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	if err := b.Deliver(ended, stored); err != nil {
		t.Fatal(err)
	}
	if got.Place != (event.Place{Stream: "clock", Revision: 7, Position: 812}) || got.ID != stored.ID || got.Data.N != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribeTopic(t, b, "**", func(context.Context, event.Event[any]) error { return nil })
	handle := func(context.Context, event.Event[any]) error { return nil }
	for name, act := range map[string]struct {
		do   func() error
		want string
	}{
		"nothing":             {func() error { return b.Publish(t.Context(), nil) }, "data: is nil"},
		"topic with newline":  {func() error { return b.Publish(t.Context(), Ticked{}, event.WithTopic("a\nb")) }, "topic: "},
		"event without type":  {func() error { return b.Deliver(t.Context(), event.Event[any]{}) }, "type: is empty"},
		"event without id":    {func() error { return b.Deliver(t.Context(), event.From("a.b", 1)) }, "id: is missing"},
		"any as a type":       {func() error { _, err := bus.Subscribe(b, handle); return err }, `SubscribeTopic("**", …)`},
		"interface as a type": {func() error { _, err := bus.Subscribe[error](b, nop); return err }, "name the struct"},
		"pointer as a type":   {func() error { _, err := bus.Subscribe[*Ticked](b, nop); return err }, "name bus_test.Ticked"},
		"map as a type":       {func() error { _, err := bus.Subscribe[map[string]any](b, nop); return err }, "has no name"},
		"pattern":             {func() error { _, err := b.SubscribeTopic("a.b*", handle); return err }, `pattern: "a.b*": at byte 3: `},
		"no handler":          {func() error { _, err := bus.Subscribe[Ticked](b, nil); return err }, "handler: is nil"},
		"no topic handler":    {func() error { _, err := b.SubscribeTopic("**", nil); return err }, "handler: is nil"},
		"empty name":          {func() error { _, err := b.SubscribeTopic("**", handle, bus.Named("")); return err }, "name: is empty"},
		"except":              {func() error { _, err := b.SubscribeTopic("**", handle, bus.Except("X")); return err }, "except: "},
		"size":                {func() error { _, err := b.SubscribeTopic("**", handle, bus.Queued(bus.Queue{Size: -1})); return err }, "queue size: is -1"},
		"workers":             {func() error { _, err := b.SubscribeTopic("**", handle, bus.Queued(bus.Queue{Workers: -1})); return err }, "queue workers: is -1"},
		"policy":              {func() error { _, err := b.SubscribeTopic("**", handle, bus.Queued(bus.Queue{WhenFull: 9})); return err }, "queue policy: is 9"},
	} {
		t.Run(name, func(t *testing.T) {
			err := act.do()
			if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), act.want) {
				t.Errorf("error is %v, want one with %q", err, act.want)
			}
		})
	}
	expectStats(t, sub, bus.Stats{})
}

func nop[T any](context.Context, event.Event[T]) error { return nil }

func TestTwoGoTypesCannotClaimOneEventType(t *testing.T) {
	type OrderPlaced struct{ ID int }
	b := bus.New(bus.Config{})
	subscribe(t, b, nop[OrderPlaced])
	_, err := bus.Subscribe(b, nop[otherOrderPlaced])
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "is claimed by") {
		t.Errorf("error is %v", err)
	}
}

type otherOrderPlaced struct{}

func (otherOrderPlaced) EventType() string { return "order.placed" }

func TestPublishDoesNothingWhenItsContextHasEnded(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	subscribeTopic(t, b, "**", j.note(""))
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if err := b.Publish(ctx, Ticked{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	j.expect(t)
}

func TestSubscriptionIsNamedAfterItsHandler(t *testing.T) {
	b := bus.New(bus.Config{})
	for _, c := range []struct {
		sub  *bus.Subscription
		want string
	}{
		{subscribe(t, b, onTicked), "bus_test.onTicked"},
		{subscribe(t, b, (&clock{}).OnTicked), "bus_test.(*clock).OnTicked"},
		{subscribe(t, b, onTicked, bus.Named("clock")), "clock"},
	} {
		if !strings.HasSuffix(c.sub.Name(), c.want) {
			t.Errorf("name is %q, want %q", c.sub.Name(), c.want)
		}
	}
}

func onTicked(context.Context, event.Event[Ticked]) error { return nil }

type clock struct{}

func (*clock) OnTicked(context.Context, event.Event[Ticked]) error { return nil }
