package middleware

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Timeout ends the handler's context after d, of each attempt if Retry is further out. It panics unless d is more than 0.
//
// A handler that heeds its context returns then, and its error comes out as a [*TimeoutError]. One that does not is waited for:
// nothing can stop a function in Go, and to leave it running behind its caller's back would lose its outcome, break the order of
// its key and pile up goroutines. What it returns without an error, however late, has been done and is no error.
func Timeout(d time.Duration) Func {
	if d <= 0 {
		panic(event.Invalid("timeout", "is %v; give the handler some time", d))
	}
	cause := &TimeoutError{After: d}
	return func(next Handler) Handler {
		return func(outer context.Context, c *Call) (any, error) {
			ctx, cancel := context.WithTimeoutCause(outer, d, cause)
			defer cancel()
			result, err := next(ctx, c)
			if err != nil && context.Cause(ctx) == error(cause) && context.Cause(outer) != error(cause) { // not that of a call around this one
				return result, &TimeoutError{After: d, Handler: c.Handler, Err: err}
			}
			return result, err
		}
	}
}

// TimeoutError is the error of a handler whose time was up. It answers to context.DeadlineExceeded.
type TimeoutError struct {
	After   time.Duration // how long it had
	Handler string        // who was too slow; empty in what context.Cause tells the handler
	Err     error         // what the handler returned when its time was up; nil in what context.Cause tells the handler
}

func (e *TimeoutError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("timeout of %v", e.After)
	}
	return fmt.Sprintf("%s: timeout of %v: %v", e.Handler, e.After, e.Err)
}

// Is reports that the error is context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout reports true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns what the handler returned.
func (e *TimeoutError) Unwrap() error { return e.Err }
