package cqrs_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

func TestEventsAreAppendedInOneCommitWithTheCommandAsTheirCause(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{Source: "/shop"})
	handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[string], error) {
		return cqrs.Outcome[string]{Result: "ok", Events: cqrs.Events{
			OrderPlaced(c),
			cqrs.Event(OrderPlaced(c), event.WithStream("copies"), event.WithTags("item:"+c.Item), event.WithSource("/other")),
			event.From("order.noted", map[string]any{"by": "hand"}),
			map[string]any{"type": "order.counted"},
		}}, nil
	})
	correlation := event.NewID()
	cause := event.Cause{ID: event.NewID(), CorrelationID: correlation, UserID: "ann", TraceParent: "00-1-2-01"}
	reply := sendWith(t, event.WithCause(t.Context(), cause), b, PlaceOrder{"7", "tea"}, cqrs.WithKey("k"))

	expectRecords(t, st, "order.placed order-7", "order.placed copies", "order.noted order.noted", "order.counted order.counted")
	for _, r := range records(t, st) {
		if r.CausationID != reply.ID || r.CorrelationID != correlation || r.UserID != "ann" || r.TraceParent != "00-1-2-01" {
			t.Errorf("%s is caused by %v in %v by %q; want the command %v", r.Type, r.CausationID, r.CorrelationID, r.UserID, reply.ID)
		}
		if want := "/shop"; r.Source != want && r.Stream != "copies" {
			t.Errorf("%s comes from %q", r.Type, r.Source)
		}
	}
	if all := records(t, st); !slices.Equal(all[1].Tags, []string{"item:tea"}) || all[1].Source != "/other" {
		t.Errorf("the options made %+v", all[1].Metadata)
	}
	if reply.Receipt.First != 1 || reply.Receipt.Last != 4 || reply.Result != "ok" || reply.Repeated {
		t.Errorf("reply is %+v", reply)
	}
	if item, err := st.Get(t.Context(), cqrs.Bucket, "k"); err != nil || item.Revision != reply.Receipt.ItemRevision {
		t.Errorf("the key has %+v (%v), want it in the events' commit %+v", item, err, reply.Receipt)
	}
}

func sendWith(t *testing.T, ctx context.Context, b *cqrs.CommandBus, command any, opts ...cqrs.SendOption) cqrs.Reply {
	t.Helper()
	reply, err := b.Send(ctx, command, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestACommandThatNothingCausedBeginsACorrelation(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, place(&calls))
	id := event.NewID()
	if reply := send(t, b, PlaceOrder{}, cqrs.WithID(id)); reply.ID != id {
		t.Errorf("the command's id is %v, want the one given, %v", reply.ID, id)
	}
	if r := records(t, st)[0]; r.CausationID != id || r.CorrelationID != id {
		t.Errorf("the event has the cause %v and the correlation %v, want the command %v", r.CausationID, r.CorrelationID, id)
	}
}

func TestACauseWithoutCorrelationBeginsOne(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, place(&calls))
	cause := event.NewID()
	sendWith(t, event.WithCause(t.Context(), event.Cause{ID: cause}), b, PlaceOrder{})
	if r := records(t, st)[0]; r.CorrelationID != cause {
		t.Errorf("the event has the correlation %v, want the cause %v", r.CorrelationID, cause)
	}
}

func TestACommandSentByAHandlerIsCausedByItsCommand(t *testing.T) {
	var inner event.Metadata
	b := newBus(t, newStore(), cqrs.Config{Middleware: []middleware.Func{func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if c.Name == "tick" {
				inner = *c.Metadata
			}
			return next(ctx, c)
		}
	}}})
	handle(t, b, func(context.Context, Tick) (int, error) { return 0, nil })
	handle(t, b, func(ctx context.Context, _ PlaceOrder) (int, error) { return cqrs.Send[int](ctx, b, Tick{}) })
	outer := send(t, b, PlaceOrder{})
	if inner.CausationID != outer.ID || inner.CorrelationID != outer.ID {
		t.Errorf("the inner command has the cause %v and the correlation %v, want %v", inner.CausationID, inner.CorrelationID, outer.ID)
	}
}

func TestABadEventKeepsTheWholeCommandFromTheStore(t *testing.T) {
	st := newStore()
	for _, bad := range []any{nil, 7, map[string]any{}, cqrs.Event(OrderPlaced{}, event.WithTags("a,b")), event.From("x", make(chan int))} {
		b := newBus(t, st, cqrs.Config{})
		handle(t, b, func(context.Context, Tick) (cqrs.Events, error) { return cqrs.Events{OrderPlaced{}, bad}, nil })
		_, err := b.Send(t.Context(), Tick{}, cqrs.WithKey("k"))
		expectError(t, err, event.ErrInvalid, "events[1]")
	}
	expectRecords(t, st)
	if item, _ := st.Get(t.Context(), cqrs.Bucket, "k"); item.Revision != 0 {
		t.Error("the failed command left its key")
	}
}

func TestItemsAndConditionsAreOfTheSameCommit(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{Attempts: 1})
	handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
		return cqrs.Outcome[int]{
			Events:     cqrs.Events{OrderPlaced(c)},
			Items:      []store.ItemWrite{store.Put("orders", c.OrderID, []byte("open"))},
			Conditions: []store.Condition{store.NoStream("order-" + c.OrderID)},
		}, nil
	})
	send(t, b, PlaceOrder{OrderID: "7"})
	item, err := st.Get(t.Context(), "orders", "7")
	if err != nil || string(item.Value) != "open" {
		t.Errorf("the item is %+v, %v", item, err)
	}
	_, err = b.Send(t.Context(), PlaceOrder{OrderID: "7"})
	expectError(t, err, store.ErrConflict, "gave up after attempt 1", "order-7")
	expectRecords(t, st, "order.placed order-7")
}

func TestConditionsCountWithoutEventsToo(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{Attempts: 1})
	handle(t, b, func(_ context.Context, c CancelOrder) (cqrs.Outcome[int], error) {
		return cqrs.Outcome[int]{Conditions: []store.Condition{store.StreamExists("order-" + c.OrderID)}}, nil
	})
	for _, opts := range [][]cqrs.SendOption{nil, {cqrs.WithKey("k")}} {
		_, err := b.Send(t.Context(), CancelOrder{"7"}, opts...)
		expectError(t, err, store.ErrConflict, "order-7")
	}
	if _, err := st.Append(t.Context(), OrderPlaced{OrderID: "7"}); err != nil {
		t.Fatal(err)
	}
	send(t, b, CancelOrder{"7"})
	send(t, b, CancelOrder{"7"}, cqrs.WithKey("k"))
}

// delivering is a committer as oxbow.App is one: it commits, and then subscriptions may fail.
type delivering struct {
	*store.Store
	err  error
	seen []event.Record
}

func (d *delivering) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	receipt, err := d.Store.Commit(ctx, c)
	if err != nil {
		return receipt, err
	}
	d.seen = append(d.seen, c.Events...)
	return receipt, d.err
}

func TestACommitterWritesAndItsLaterErrorComesBesideTheResult(t *testing.T) {
	st := newStore()
	deliver := &delivering{Store: st, err: errors.Join(errOutOfStock, store.ErrConflict)} // a subscription's conflict is none of the commit
	b := newBus(t, st, cqrs.Config{Committer: deliver})
	var calls counter
	handle(t, b, place(&calls))
	result, err := cqrs.Send[int](t.Context(), b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k"))
	var done *cqrs.DoneError
	if result != 1 || !errors.As(err, &done) || !errors.Is(err, errOutOfStock) || done.ID != deliver.seen[0].CausationID || done.Name != "place.order" {
		t.Errorf("got %v, %v; want the result beside a DoneError", result, err)
	}
	calls.expect(t, "the handler ran", 1)
	expectRecords(t, st, "order.placed order-7")
	if len(deliver.seen) != 1 {
		t.Errorf("delivered %v", deliver.seen)
	}
	if reply := send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); reply.Result != 1 || !reply.Repeated {
		t.Errorf("sent again: %+v", reply)
	}
}
