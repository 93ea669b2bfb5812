package event_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

type otherKey struct{}

func caused(t *testing.T, ctx context.Context, data any, opts ...event.Option) event.Event[any] {
	t.Helper()
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhatAnEventCausesIsLinkedToIt(t *testing.T) {
	first := newEvent(t, orderPlaced{"42", 100}, event.WithUser("ann"))
	first.TraceParent, first.TraceState = "00-trace", "state"

	second := caused(t, event.WithCause(context.Background(), first.Cause()), plain{1})
	third := caused(t, event.WithCause(context.Background(), second.Cause()), plain{2})

	for i, c := range []struct{ e, cause event.Event[any] }{{second, first}, {third, second}} {
		if c.e.CausationID != c.cause.ID || c.e.CorrelationID != first.ID {
			t.Errorf("event %d: causation %v, correlation %v; want %v and %v", i+2, c.e.CausationID, c.e.CorrelationID, c.cause.ID, first.ID)
		}
		if c.e.UserID != "ann" || c.e.TraceParent != "00-trace" || c.e.TraceState != "state" {
			t.Errorf("event %d: user %q, trace %q %q", i+2, c.e.UserID, c.e.TraceParent, c.e.TraceState)
		}
		if c.e.ID == c.cause.ID {
			t.Errorf("event %d has its cause's id", i+2)
		}
	}
}

func TestWhatAnEventSaysItselfIsKept(t *testing.T) {
	ctx := event.WithCause(context.Background(), event.Cause{
		ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann", TraceParent: "p", TraceState: "s",
	})
	given := event.From("a.type", nil)
	given.CorrelationID, given.CausationID, given.TraceParent = event.NewID(), event.NewID(), "own"
	e := caused(t, ctx, given, event.WithUser("bob"))
	if e.CorrelationID != given.CorrelationID || e.CausationID != given.CausationID || e.UserID != "bob" {
		t.Errorf("got %+v", e)
	}
	if e.TraceParent != "own" || e.TraceState != "" {
		t.Errorf("the trace is %q %q, want its own and no foreign state", e.TraceParent, e.TraceState)
	}
}

func TestCauseAtAnEdgeNeedsNoEvent(t *testing.T) {
	correlation := event.NewID()
	e := caused(t, event.WithCause(context.Background(), event.Cause{CorrelationID: correlation, UserID: "ann"}), plain{})
	if e.CorrelationID != correlation || !e.CausationID.IsZero() || e.UserID != "ann" {
		t.Errorf("got %+v", e)
	}
}

func TestCauseWithoutCorrelationIsTheCorrelation(t *testing.T) {
	id := event.NewID()
	if e := caused(t, event.WithCause(context.Background(), event.Cause{ID: id}), plain{}); e.CorrelationID != id || e.CausationID != id {
		t.Errorf("correlation %v, causation %v; want %v", e.CorrelationID, e.CausationID, id)
	}
	m := event.Metadata{ID: id}
	if c := m.Cause(); c.CorrelationID != id {
		t.Errorf("an event without correlation hands on %+v, want its id", c)
	}
}

func TestContextKeepsItsOtherValues(t *testing.T) {
	outer := context.WithValue(context.Background(), otherKey{}, "kept")
	ctx := event.WithCause(event.WithCause(outer, event.Cause{UserID: "ann"}), event.Cause{UserID: "bob"})
	if ctx.Value(otherKey{}) != "kept" {
		t.Error("a value of the outer context is gone")
	}
	if c, ok := event.CauseFrom(context.WithoutCancel(ctx)); !ok || c.UserID != "bob" {
		t.Errorf("the cause is %+v, %v; want the innermost", c, ok)
	}
	if c, ok := event.CauseFrom(outer); ok || c != (event.Cause{}) {
		t.Errorf("a context without a cause has %+v", c)
	}
}

func TestCauseIsOneAllocation(t *testing.T) {
	c := event.Cause{ID: event.NewID()}
	var ctx context.Context
	if n := testing.AllocsPerRun(100, func() { ctx = event.WithCause(context.Background(), c) }); n > 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	if n := testing.AllocsPerRun(100, func() { event.CauseFrom(ctx) }); n > 0 {
		t.Errorf("reading it takes %v allocations, want none", n)
	}
}

func TestACauseContextThatIsEmbeddedCarriesItsCause(t *testing.T) {
	type outer struct{}
	var request struct {
		event.CauseContext
		n int
	}
	request.Context = context.WithValue(t.Context(), outer{}, 7)
	request.Cause = event.Cause{UserID: "ann"}
	var ctx context.Context = &request
	if c, ok := event.CauseFrom(ctx); !ok || c.UserID != "ann" {
		t.Errorf("the cause is %+v, %t; want that of ann", c, ok)
	}
	if got := ctx.Value(outer{}); got != 7 {
		t.Errorf("a value of the wrapped context is %v, want 7", got)
	}
}
