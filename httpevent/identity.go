package httpevent

import (
	"cmp"
	"context"
	"net/http"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/tracecontext"
)

// The headers' names in the form that http.Header keeps them under.
const (
	correlationHeader = "X-Correlation-Id"
	parentHeader      = "Traceparent"
	stateHeader       = "Tracestate"
)

// identity is what a request is known by, as the cause of what its handler publishes and in headers.
type identity struct {
	cause       event.Cause
	correlation string // cause.CorrelationID as a header's value
}

// identify takes over what the context says, then what the headers say, and makes up the rest.
func (m *middleware) identify(r *http.Request) identity {
	id := identity{cause: event.Cause{ID: event.NewID()}}
	outer, _ := event.CauseFrom(r.Context())
	id.cause.UserID = m.user(r, outer)
	id.cause.CorrelationID = cmp.Or(outer.CorrelationID, outer.ID)
	anyText := !id.cause.CorrelationID.IsZero() // a program may have set it to what is none for a header
	if !anyText && !m.Edge {
		id.correlation, id.cause.CorrelationID = correlationOf(r.Header)
	}
	id.cause.CorrelationID = cmp.Or(id.cause.CorrelationID, id.cause.ID)
	if span, ok := tracecontext.Parse(outer.TraceParent); ok {
		id.cause.TraceParent, id.cause.TraceState = span.String(), tracecontext.State([]string{outer.TraceState})
	}
	m.write(&id, r.Header)
	if anyText && !safe(id.correlation) {
		id.correlation = ""
	}
	return id
}

// write fills in the texts that are missing, in one allocation.
func (m *middleware) write(id *identity, h http.Header) {
	var room [tracecontext.Size + event.MaxName]byte
	text, cut := room[:0], 0
	traced := id.cause.TraceParent != ""
	if !traced {
		var span tracecontext.Parent
		span, id.cause.TraceState = m.span(h)
		text = span.Append(text)
		cut = len(text)
	}
	if id.correlation == "" {
		text, _ = id.cause.CorrelationID.AppendText(text)
	}
	all := string(text)
	if !traced {
		id.cause.TraceParent = all[:cut]
	}
	if id.correlation == "" {
		id.correlation = all[cut:]
	}
}

// span returns the span of this request: in the trace that the headers name, or in a new one.
func (m *middleware) span(h http.Header) (tracecontext.Parent, string) {
	if parents := h[parentHeader]; len(parents) == 1 && !m.Edge {
		if p, ok := tracecontext.Parse(parents[0]); ok {
			return p.Child(), tracecontext.State(h[stateHeader])
		}
	}
	return tracecontext.New(), ""
}

const maxCorrelation = 128

// correlationOf returns the id that the header brings, as text and as an ID. Both are zero when there is none, or one that is not
// safe to repeat in headers, events and logs.
func correlationOf(h http.Header) (string, event.ID) {
	values := h[correlationHeader]
	if len(values) != 1 || !safe(values[0]) {
		return "", event.ID{}
	}
	id, err := event.ParseID(values[0])
	if err != nil {
		return "", event.ID{}
	}
	return values[0], id
}

// safe wants 1 to 128 letters, digits and - _ . : / + = @ ~.
func safe(id string) bool {
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		other := '+' <= c && c <= ':' && c != ',' || c == '=' || c == '@' || c == '_' || c == '~' // + - . / 0 to 9 :
		if !letter && !other {
			return false
		}
	}
	return id != "" && len(id) <= maxCorrelation
}

func (m *middleware) user(r *http.Request, outer event.Cause) string {
	if m.User == nil {
		return outer.UserID
	}
	user := m.User(r)
	if user == "" {
		return outer.UserID
	}
	if err := event.CheckName("user id", user); err != nil {
		m.report(r.Context(), "take the user as unknown", err)
		return outer.UserID
	}
	return user
}

// report hands an error on, whatever becomes of it.
func (m *middleware) report(ctx context.Context, what string, err error) {
	err = &eventError{what, err}
	defer func() {
		if v := recover(); v != nil {
			logError(ctx, err)
		}
	}()
	m.OnError(ctx, err)
}

type eventError struct {
	what string
	err  error
}

func (e *eventError) Error() string { return e.what + ": " + e.err.Error() }

func (e *eventError) Unwrap() error { return e.err }
