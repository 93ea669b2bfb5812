package bus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid.
var (
	ErrClosed = errors.New("bus is closed")
	ErrFull   = errors.New("queue is full")
	ErrDepth  = errors.New("too many publishes within each other")
)

// HandlerError says which subscription did not handle which event, and why.
type HandlerError struct {
	Subscription string // its name
	EventID      event.ID
	EventType    string
	Err          error // the handler's error, a *PanicError, ErrFull, ErrClosed, or the context's error while waiting for room
}

func (e *HandlerError) Error() string {
	return fmt.Sprintf("%s: handle %s %v: %v", e.Subscription, e.EventType, e.EventID, e.Err)
}

// Unwrap returns why.
func (e *HandlerError) Unwrap() error { return e.Err }

// PanicError is what a handler's panic becomes: its value and its stack.
type PanicError = middleware.PanicError

// UnfinishedError says what was left undone when a Close or Drain gave up waiting.
type UnfinishedError struct {
	Left []Left // the subscriptions that were not done
	Err  error  // why waiting ended: the context's error
}

// Left is what one subscription left undone.
type Left struct {
	Subscription string // its name
	Dropped      int    // events that waited in its queue and will not be handled
	Waiting      int    // events that wait and will be handled: after Drain
	Running      int    // handlers that had not returned, or readers of a feed
}

func (e *UnfinishedError) Error() string {
	var b strings.Builder
	b.WriteString("gave up waiting")
	for _, l := range e.Left {
		fmt.Fprintf(&b, "; %s: events dropped %d, handlers still running %d", l.Subscription, l.Dropped, l.Running)
		if l.Waiting > 0 {
			fmt.Fprintf(&b, ", events still waiting %d", l.Waiting)
		}
	}
	return fmt.Sprintf("%s: %v", b.String(), e.Err)
}

// Unwrap returns why waiting ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// MissedError tells a reader of a feed that it was too slow for some events. It goes on with the oldest that there is.
type MissedError struct {
	Count uint64 // how many events, since the one before
}

func (e *MissedError) Error() string {
	return fmt.Sprintf("missed %d events that are no longer in the ring; read faster, or make it larger", e.Count)
}
