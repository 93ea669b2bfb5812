package httpevent

import (
	"cmp"
	"maps"
	"net/http"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/tracecontext"
)

// Transport returns a RoundTripper that gives each request the correlation id and the trace of the cause in its context, as
// X-Correlation-ID, traceparent and tracestate, and has next send it. A header that the request has already is left alone, and so
// is the caller's request. Servers of strangers should not be asked through it. Default next: http.DefaultTransport.
func Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{next}
}

type transport struct{ next http.RoundTripper }

// RoundTrip sends the request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	cause, ok := event.CauseFrom(r.Context())
	if !ok {
		return t.next.RoundTrip(r)
	}
	span, traced := tracecontext.Parse(cause.TraceParent)
	traced = traced && !has(r.Header, parentHeader)
	correlation := cmp.Or(cause.CorrelationID, cause.ID).String()
	correlated := safe(correlation) && !has(r.Header, correlationHeader)
	if !traced && !correlated {
		return t.next.RoundTrip(r)
	}
	out := r.WithContext(r.Context()) // a copy
	if out.Header = r.Header.Clone(); out.Header == nil {
		out.Header = http.Header{}
	}
	if correlated {
		out.Header.Set(correlationHeader, correlation)
	}
	if traced {
		setTrace(out.Header, span, cause.TraceState)
	}
	return t.next.RoundTrip(out)
}

// has looks for a header however its name is written, since callers may fill the map by hand.
func has(h http.Header, name string) bool {
	for key := range h {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// setTrace sets both headers: a tracestate belongs to its traceparent.
func setTrace(h http.Header, span tracecontext.Parent, state string) {
	h.Set(parentHeader, span.String())
	maps.DeleteFunc(h, func(key string, _ []string) bool { return strings.EqualFold(key, stateHeader) })
	if state = tracecontext.State([]string{state}); state != "" {
		h.Set(stateHeader, state)
	}
}

// CloseIdleConnections does so for next, if that can. http.Client asks for it.
func (t transport) CloseIdleConnections() {
	if closer, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
