package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Parcelled says all that a type can say of itself.
type Parcelled struct {
	Number string
	Topic  string
	Tags   []string
}

func (Parcelled) EventType() string          { return "parcel.sent" }
func (Parcelled) EventVersion() int          { return 3 }
func (p Parcelled) AggregateID() string      { return p.Number }
func (Parcelled) AggregateType() string      { return "box" }
func (p Parcelled) EventTopic() string       { return p.Topic }
func (p Parcelled) EventTags() []string      { return p.Tags }
func (p *Pointered) AggregateID() string     { return p.ID }
func (p *Pointered) EventTopic() string      { return "by.pointer" }
func (p *Pointered) EventTags() []string     { return []string{"id:" + p.ID} }
func (v Valued) Validate() error             { return v.Err }
func (n Named) EventType() string            { return "named" }
func (otherOrderPaid) EventType() string     { return "order.paid" }
func (p otherOrderPaid) AggregateID() string { return p.OrderID }

type (
	Pointered      struct{ ID string }
	Valued         struct{ Err error }
	Named          map[string]any
	otherOrderPaid struct {
		OrderID string
		At      string
	}
)

// both publishes data through the generic function and through the method, and returns the events that a subscriber to all got.
func both[T any](t *testing.T, ctx context.Context, data T, opts ...event.Option) (got [2]event.Event[any], errs [2]error) {
	t.Helper()
	b := bus.New(bus.Config{})
	n := 0
	subscribeTopic(t, b, "**", func(_ context.Context, e event.Event[any]) error {
		got[n] = e
		return nil
	})
	errs[0] = bus.Publish(ctx, b, data, opts...)
	n = 1
	errs[1] = b.Publish(ctx, data, opts...)
	return got, errs
}

func expectSame[T any](t *testing.T, data T, opts ...event.Option) {
	t.Helper()
	t.Run(fmt.Sprintf("%T", data), func(t *testing.T) {
		ctx := event.WithCause(t.Context(), event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann", TraceParent: "00-1-2-03", TraceState: "a=b"})
		got, errs := both(t, ctx, data, opts...)
		if errs[0] != nil || errs[1] != nil {
			t.Fatalf("errors are %v", errs)
		}
		if got[0].ID == got[1].ID || got[0].ID.IsZero() || got[0].Time.IsZero() || got[0].Time.Location() != got[1].Time.Location() {
			t.Errorf("ids are %v and %v, times %v and %v", got[0].ID, got[1].ID, got[0].Time, got[1].Time)
		}
		got[0].ID, got[0].Time = got[1].ID, got[1].Time
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Errorf("the function made\n%+v, the method\n%+v", got[0], got[1])
		}
	})
}

func TestTheFunctionPublishesWhatTheMethodDoes(t *testing.T) {
	expectSame(t, Ticked{Key: "a", N: 7})
	expectSame(t, OrderPlaced{OrderID: "42"})
	expectSame(t, OrderPlaced{})
	expectSame(t, Parcelled{Number: "7", Topic: "a.b", Tags: []string{"x:1", "y"}})
	expectSame(t, Parcelled{})
	expectSame(t, Pointered{"9"})
	expectSame(t, Valued{})
	expectSame(t, Named{"a": 1})
	expectSame(t, &OrderPlaced{OrderID: "42"})
	expectSame[any](t, OrderPlaced{OrderID: "42"})
	expectSame(t, event.From("order.placed", map[string]any{"OrderID": "42"}))
	expectSame(t, event.Event[OrderPlaced]{Data: OrderPlaced{OrderID: "42"}})
	expectSame(t, map[string]any{"type": "order.placed", "OrderID": "42"})
	expectSame(t, OrderPlaced{OrderID: "42"}, event.WithTopic("x.y"), event.WithTags("t"), event.WithHeader("h", "v"), event.WithUser("bob"))
	expectSame(t, OrderPlaced{OrderID: "42"}, func(e *event.Event[any]) { e.Data = "something else" })
}

func TestTheFunctionRefusesWhatTheMethodDoes(t *testing.T) {
	refuse(t, Parcelled{Number: "a\nb"}, "aggregate id: ")
	refuse(t, Parcelled{Number: strings.Repeat("x", 5000)}, "aggregate id: ")
	refuse(t, Parcelled{Number: strings.Repeat("x", event.MaxName)}, "stream: ")
	refuse(t, Parcelled{Topic: "a..b"}, "topic: ")
	refuse(t, Parcelled{Tags: []string{"fine", ""}}, "tags[1]: ")
	refuse(t, Parcelled{Tags: make([]string, event.MaxTags+1)}, "tags: ")
	refuse(t, OrderPlaced{}, "topic: ", event.WithTopic("a b"))
	refuse(t, 7, "type: ")
	refuse(t, (*OrderPlaced)(nil), "data: is nil")
	refuse[any](t, nil, "data: is nil")
}

func refuse[T any](t *testing.T, data T, want string, opts ...event.Option) {
	t.Helper()
	got, errs := both(t, t.Context(), data, opts...)
	for _, err := range errs {
		if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%T: error is %v, want one with %q", data, err, want)
		}
	}
	if errs[0] != nil && errs[1] != nil && errs[0].Error() != errs[1].Error() {
		t.Errorf("the function says %q, the method %q", errs[0], errs[1])
	}
	if got[0].Type != "" {
		t.Errorf("%T was delivered: %+v", data, got[0])
	}
}

func TestTheFunctionRefusesABadCause(t *testing.T) {
	ctx := event.WithCause(t.Context(), event.Cause{ID: event.NewID(), UserID: "a\nb"})
	_, errs := both(t, ctx, Ticked{})
	for _, err := range errs {
		if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "user id: ") {
			t.Errorf("error is %v, want one about the user id", err)
		}
	}
}

func TestTypedEventsReachSubscribersOfAllKinds(t *testing.T) {
	for name, opts := range map[string][]bus.Option{"sync": nil, "queued": {bus.Queued(bus.Queue{})}} {
		t.Run(name, func(t *testing.T) {
			b := bus.New(bus.Config{})
			var j journal
			subscribe(t, b, func(_ context.Context, e event.Event[OrderPaid]) error {
				j.add("typed " + e.Data.OrderID)
				return nil
			}, opts...)
			subscribeTopic(t, b, "order.*", func(_ context.Context, e event.Event[any]) error {
				j.add(fmt.Sprintf("pattern %T %v", e.Data, e.Data))
				return nil
			}, opts...)
			subscribeTopic(t, b, "order.paid", func(_ context.Context, e event.Event[any]) error {
				paid, ok := event.As[OrderPaid](e)
				j.add(fmt.Sprint("topic ", paid.Data.OrderID, ok))
				return nil
			}, opts...)
			if _, err := b.Register(&bookkeeper{&j}, opts...); err != nil {
				t.Fatal(err)
			}
			if err := bus.Publish(t.Context(), b, OrderPaid{"42"}); err != nil {
				t.Error(err)
			}
			closeBus(t, b)
			got := j.all()
			slices.Sort(got)
			if want := []string{"method 42", "pattern bus_test.OrderPaid {42}", "topic 42true", "typed 42"}; !slices.Equal(got, want) {
				t.Errorf("handlers saw %q, want %q", got, want)
			}
		})
	}
}

type bookkeeper struct{ j *journal }

func (k *bookkeeper) Book(_ context.Context, e OrderPaid) error {
	k.j.add("method " + e.OrderID)
	return nil
}

func TestTypedEventsOfAnotherGoTypeAreConverted(t *testing.T) {
	b := bus.New(bus.Config{})
	var got []event.Event[OrderPaid]
	subscribe(t, b, func(_ context.Context, e event.Event[OrderPaid]) error {
		got = append(got, e)
		return nil
	})
	if err := bus.Publish(t.Context(), b, otherOrderPaid{"42", "noon"}); err != nil {
		t.Error(err)
	}
	untyped := event.From("order.paid", json.RawMessage(`{"OrderID":"43"}`))
	if err := bus.Publish(t.Context(), b, untyped); err != nil {
		t.Error(err)
	}
	if len(got) != 2 || got[0].Data.OrderID != "42" || got[0].Stream != "order-42" || got[1].Data.OrderID != "43" {
		t.Errorf("got %+v", got)
	}
}

func TestTypedEventsAreLifted(t *testing.T) {
	registry := new(event.Registry)
	err := registry.UpcastTo(event.Schema{Type: "order.paid", Version: 1}, event.Schema{Type: "order.placed", Version: 1}, event.Unchanged)
	if err != nil {
		t.Fatal(err)
	}
	b := bus.New(bus.Config{Registry: registry})
	var got []string
	subscribe(t, b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		got = append(got, e.Type+e.Data.OrderID)
		return nil
	})
	if err := bus.Publish(t.Context(), b, OrderPaid{"42"}); err != nil {
		t.Error(err)
	}
	if !slices.Equal(got, []string{"order.placed42"}) {
		t.Errorf("got %q", got)
	}
}

func TestWhoIsToGetATypeIsNotRememberedForTooLong(t *testing.T) {
	b := bus.New(bus.Config{})
	var j journal
	say := func() {
		t.Helper()
		if err := bus.Publish(t.Context(), b, Ticked{}); err != nil {
			t.Error(err)
		}
	}
	typed := func(name string) *bus.Subscription {
		return subscribe(t, b, func(context.Context, event.Event[Ticked]) error {
			j.add(name)
			return nil
		})
	}
	say()
	first := typed("first")
	say()
	pattern := subscribeTopic(t, b, "*", j.note("pattern "))
	say()
	queued := subscribeTopic(t, b, "**", j.note("queued "), bus.Queued(bus.Queue{}))
	say()
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	queued.Cancel()
	first.Cancel()
	say()
	typed("second")
	pattern.Cancel()
	say()
	for range 3 {
		subscribeTopic(t, b, "other.*", j.note("other "))
		say()
	}
	got := j.all()
	if i := slices.Index(got, "queued ticked"); i >= 0 {
		got = slices.Delete(got, i, i+1) // it may come at any place
	} else {
		t.Error("the queue got nothing")
	}
	want := []string{"first", "first", "pattern ticked", "first", "pattern ticked", "pattern ticked", "second", "second", "second", "second"}
	if !slices.Equal(got, want) {
		t.Errorf("handlers saw %q, want %q", got, want)
	}
}

func TestPublishOfTypesHonoursItsContext(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, nop[Ticked])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bus.Publish(ctx, b, Ticked{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	closeBus(t, b)
	if err := bus.Publish(t.Context(), b, Ticked{}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	if err := b.Publish(t.Context(), OrderPaid{}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("error is %v when nobody would get it", err)
	}
	expectStats(t, sub, bus.Stats{})
}

func TestEverySubscriptionSeesTheSameTypedEvent(t *testing.T) {
	for name, ctx := range map[string]context.Context{
		"alone":  t.Context(),
		"caused": event.WithCause(t.Context(), event.Cause{ID: event.NewID(), CorrelationID: event.NewID()}),
		"user":   event.WithCause(t.Context(), event.Cause{ID: event.NewID(), UserID: "ann"}),
	} {
		b := bus.New(bus.Config{})
		var typed, byTopic, asked event.Event[any]
		var call event.Metadata
		var cause event.Cause
		subscribe(t, b, func(ctx context.Context, e event.Event[OrderPlaced]) error {
			typed = e.Untyped()
			cause, _ = event.CauseFrom(ctx)
			return nil
		}, bus.Where(func(e event.Event[OrderPlaced]) bool { asked = e.Untyped(); return true }))
		subscribeTopic(t, b, "**", func(_ context.Context, e event.Event[any]) error { byTopic = e; return nil })
		subscribe(t, b, nop[OrderPlaced], bus.With(func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) { call = *c.Metadata; return next(ctx, c) }
		}))
		feed, err := bus.Broadcast[OrderPlaced](b, bus.Ring{})
		if err != nil {
			t.Fatal(err)
		}
		all := feed.All(t.Context())
		if err := bus.Publish(ctx, b, OrderPlaced{OrderID: "42", Total: 7}); err != nil {
			t.Fatal(err)
		}
		for read := range all {
			if got := read.Untyped(); !reflect.DeepEqual(got, typed) {
				t.Errorf("%s: a reader got\n%+v, a handler\n%+v", name, got, typed)
			}
			break
		}
		if !reflect.DeepEqual(byTopic, typed) || !reflect.DeepEqual(asked, typed) || !reflect.DeepEqual(call, typed.Metadata) {
			t.Errorf("%s: a handler of the topic got\n%+v, a predicate\n%+v, a middleware\n%+v, a typed handler\n%+v", name, byTopic, asked, call, typed)
		}
		if typed.Stream != "order-42" || cause != typed.Cause() {
			t.Errorf("%s: the stream is %q; the context's cause is %+v, the event's %+v", name, typed.Stream, cause, typed.Cause())
		}
	}
}

func TestAChainOfTypedEventsHasTheCorrelationOfTheFirst(t *testing.T) {
	b := bus.New(bus.Config{})
	var chain []event.Metadata
	subscribe(t, b, func(ctx context.Context, e event.Event[Ticked]) error {
		if chain = append(chain, e.Metadata); e.Data.N == 0 {
			return nil
		}
		return bus.Publish(ctx, b, Ticked{N: e.Data.N - 1})
	})
	if err := bus.Publish(t.Context(), b, Ticked{N: 3}); err != nil {
		t.Fatal(err)
	}
	for i, m := range chain {
		if m.CorrelationID != chain[0].ID || i > 0 && m.CausationID != chain[i-1].ID {
			t.Errorf("event %d is correlated to %v and caused by %v; the chain is %+v", i, m.CorrelationID, m.CausationID, chain)
		}
	}
	if len(chain) != 4 {
		t.Errorf("%d events, want 4", len(chain))
	}
}
