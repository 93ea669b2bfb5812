package middleware

import (
	"cmp"
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// Correlate makes sure that what a handler publishes with its context names the call as its cause: its id, correlation id, user and
// trace. The rooms of events and records have done so already; commands, queries and requests get it here.
//
// What the call does not say is taken from the cause that the context carries. A call that has no correlation id after that gets its
// own id as one, or a new one when it has none: from here on its metadata, as those further in see them, have one.
func Correlate() Func {
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (any, error) {
			before, _ := event.CauseFrom(ctx)
			if !c.Metadata.CorrelationID.IsZero() && before == c.Metadata.Cause() {
				return next(ctx, c)
			}
			cause := causeOf(c.Metadata, before)
			if c.Metadata.CorrelationID.IsZero() {
				c = withCorrelation(c, cause.CorrelationID)
			}
			return next(event.WithCause(ctx, cause), c)
		}
	}
}

// causeOf returns what a call hands on, where before is the cause of the call itself.
func causeOf(m *event.Metadata, before event.Cause) event.Cause {
	cause := m.Cause()
	if m.CorrelationID.IsZero() {
		cause.CorrelationID = cmp.Or(before.CorrelationID, before.ID, m.ID)
	}
	if cause.CorrelationID.IsZero() {
		cause.CorrelationID = event.NewID()
	}
	cause.UserID = cmp.Or(cause.UserID, before.UserID)
	if cause.TraceParent == "" {
		cause.TraceParent, cause.TraceState = before.TraceParent, before.TraceState
	}
	if cause.ID.IsZero() {
		cause.ID = before.ID
	}
	return cause
}

// withCorrelation returns a copy, since others may be reading the call's metadata.
func withCorrelation(c *Call, id event.ID) *Call {
	call, metadata := *c, *c.Metadata
	metadata.CorrelationID = id
	call.Metadata = &metadata
	return &call
}
