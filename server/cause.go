package server

import (
	"context"
	"net/http"
	"regexp"

	"github.com/oxbow-events/oxbow/event"
)

// correlationHeader carries the correlation id of what the caller is doing.
const correlationHeader = "X-Correlation-ID"

// traceParent is what W3C Trace Context 1, part 3.2 allows.
var traceParent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$`)

// withCause returns the request's context with the correlation id and trace that its headers name, for events that have none. A
// malformed trace is ignored, as Trace Context wants; a malformed correlation id is refused.
func withCause(r *http.Request) (context.Context, error) {
	var cause event.Cause
	correlation, err := event.ParseID(r.Header.Get(correlationHeader))
	if err != nil {
		return nil, invalidParameter(Fault{Parameter: correlationHeader, Reason: err.(*event.InvalidError).Reason})
	}
	cause.CorrelationID = correlation
	if parent := r.Header.Get("Traceparent"); traceParent.MatchString(parent) {
		cause.TraceParent, cause.TraceState = parent, r.Header.Get("Tracestate")
	}
	return event.WithCause(r.Context(), cause), nil
}
