package event

import (
	"cmp"
	"context"

	"github.com/oxbow-events/oxbow/internal/causation"
)

// Cause is what an event hands on to those it causes.
type Cause struct {
	ID            ID // the causing event; zero when the cause is not an event
	CorrelationID ID
	UserID        string
	TraceParent   string
	TraceState    string
}

// Cause returns what this event hands on.
func (m *Metadata) Cause() Cause {
	correlation := m.CorrelationID
	if correlation.IsZero() {
		correlation = m.ID
	}
	return Cause{
		ID: m.ID, CorrelationID: correlation, UserID: m.UserID,
		TraceParent: m.TraceParent, TraceState: m.TraceState,
	}
}

// CauseContext is a context that carries a cause. It is one small allocation where context.WithValue over a struct would be two,
// and none to those who embed it in what they allocate anyway, as package httpevent does. All others call WithCause.
type CauseContext struct {
	context.Context
	Cause Cause
}

// Value returns the cause to those who ask for it, and anything else from the context that it wraps.
func (c *CauseContext) Value(key any) any {
	if key == (causation.Key{}) {
		return &c.Cause
	}
	return c.Context.Value(key)
}

// WithCause returns a context in which every new event names c as its cause. Oxbow calls it before it calls a handler;
// programs call it at their edges, where a request brings a correlation id or a user.
func WithCause(ctx context.Context, c Cause) context.Context {
	return &CauseContext{Context: ctx, Cause: c}
}

// CauseFrom returns the cause that ctx carries.
func CauseFrom(ctx context.Context) (c Cause, ok bool) {
	switch found := ctx.Value(causation.Key{}).(type) {
	case *Cause:
		return *found, true
	case *Metadata:
		return found.Cause(), true
	}
	return Cause{}, false
}

// inherit takes over from the cause in ctx what m does not say itself.
func (m *Metadata) inherit(ctx context.Context) {
	switch c := ctx.Value(causation.Key{}).(type) {
	case *Cause:
		m.inheritFrom(c.ID, cmp.Or(c.CorrelationID, c.ID), c.UserID, c.TraceParent, c.TraceState)
	case *Metadata:
		m.inheritFrom(c.ID, cmp.Or(c.CorrelationID, c.ID), c.UserID, c.TraceParent, c.TraceState)
	}
	if m.CorrelationID.IsZero() {
		m.CorrelationID = m.ID
	}
}

func (m *Metadata) inheritFrom(cause, correlation ID, user, traceParent, traceState string) {
	if m.CausationID.IsZero() {
		m.CausationID = cause
	}
	if m.CorrelationID.IsZero() {
		m.CorrelationID = correlation
	}
	if m.UserID == "" {
		m.UserID = user
	}
	if m.TraceParent == "" {
		m.TraceParent, m.TraceState = traceParent, traceState
	}
}
