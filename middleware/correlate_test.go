package middleware_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// correlated returns what a handler behind Correlate finds: the cause in its context, and the correlation id of its call.
func correlated(t *testing.T, ctx context.Context, c *middleware.Call) (event.Cause, event.ID) {
	t.Helper()
	var cause event.Cause
	var correlation event.ID
	handle := middleware.Correlate()(func(ctx context.Context, c *middleware.Call) (any, error) {
		var ok bool
		if cause, ok = event.CauseFrom(ctx); !ok {
			t.Error("the context carries no cause")
		}
		correlation = c.Metadata.CorrelationID
		return nil, nil
	})
	if _, err := handle(ctx, c); err != nil {
		t.Fatal(err)
	}
	return cause, correlation
}

func TestCorrelateNamesTheCallAsTheCause(t *testing.T) {
	c := newCall()
	first := event.NewID()
	c.Metadata.CorrelationID, c.Metadata.UserID, c.Metadata.TraceParent, c.Metadata.TraceState = first, "ann", "tp", "ts"
	before := event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "bob", TraceParent: "x"}
	want := event.Cause{ID: c.Metadata.ID, CorrelationID: first, UserID: "ann", TraceParent: "tp", TraceState: "ts"}
	for _, ctx := range []context.Context{t.Context(), event.WithCause(t.Context(), before)} {
		if cause, correlation := correlated(t, ctx, c); cause != want || correlation != first {
			t.Errorf("the cause is %+v, want %+v", cause, want)
		}
	}
}

func TestCorrelateTakesOverWhatTheCallDoesNotSay(t *testing.T) {
	before := event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "bob", TraceParent: "x", TraceState: "y"}
	ctx := event.WithCause(t.Context(), before)
	c := newCall()
	c.Metadata.CorrelationID = event.ID{}
	want := before
	want.ID = c.Metadata.ID
	if cause, correlation := correlated(t, ctx, c); cause != want || correlation != before.CorrelationID {
		t.Errorf("the cause is %+v and the correlation id %v, want %+v", cause, correlation, want)
	}
	if !c.Metadata.CorrelationID.IsZero() {
		t.Error("metadata that others may be reading were changed")
	}
	c.Metadata.ID = event.ID{}
	if cause, _ := correlated(t, ctx, c); cause != before {
		t.Errorf("the cause of a call without an id is %+v, want %+v", cause, before)
	}
}

func TestCorrelateFillsInACorrelationID(t *testing.T) {
	c := newCall()
	c.Metadata.CorrelationID = event.ID{}
	if cause, correlation := correlated(t, t.Context(), c); cause.CorrelationID != c.Metadata.ID || correlation != c.Metadata.ID {
		t.Errorf("the correlation ids are %v and %v, want the call's own id", cause.CorrelationID, correlation)
	}
	c.Metadata.ID = event.ID{}
	if cause, correlation := correlated(t, t.Context(), c); cause.CorrelationID.IsZero() || cause.CorrelationID != correlation || !cause.ID.IsZero() {
		t.Errorf("of a call without any id the cause is %+v and the correlation id %v", cause, correlation)
	}
}

func TestCorrelateLeavesEventsAsTheRoomsGiveThem(t *testing.T) {
	c := newCall()
	ctx := event.WithCause(t.Context(), c.Metadata.Cause())
	handle := middleware.Correlate()(func(got context.Context, call *middleware.Call) (any, error) {
		if got != ctx || call != c {
			t.Error("the context or the call was made anew")
		}
		return nil, nil
	})
	if n := testing.AllocsPerRun(100, func() { _, _ = handle(ctx, c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
