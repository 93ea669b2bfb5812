package middleware

import (
	"context"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// Kind says what is handled.
type Kind string

// The kinds of calls.
const (
	Event   Kind = "event"   // by a subscription of a bus
	Record  Kind = "record"  // by a consumer
	Command Kind = "command" // by the one handler of a command bus
	Query   Kind = "query"   // by the one handler of a query bus
	Request Kind = "request" // by a responder
)

// Call is one thing to handle. A middleware reads it, and must not keep it after its handler has returned.
type Call struct {
	Kind     Kind
	Name     string          // the type of the event, command, query or request: order.placed
	Handler  string          // who handles it: the name of the subscription, consumer or handler
	Metadata *event.Metadata // its id, time, correlation, user…; never nil
	Data     any             // what the handler is given: typed data where it is known, []byte for a record
	Attempt  int             // 1, 2, 3… as the consumer counts; 1 for all others
}

// Handler handles a call. The result is nil for events and records.
type Handler func(ctx context.Context, c *Call) (result any, err error)

// Func makes a handler that does something around next.
type Func func(next Handler) Handler

// Chain joins several into one. The first is the outermost: it sees a call first and its result last.
func Chain(fs ...Func) Func {
	return func(next Handler) Handler {
		for _, f := range slices.Backward(fs) {
			next = f(next)
		}
		return next
	}
}
