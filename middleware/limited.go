package middleware

import (
	"errors"
	"fmt"
	"time"
)

// ErrLimited is what a call answers to that a rate or concurrency limit did not let through.
var ErrLimited = errors.New("limit reached")

// LimitedError says which limit did not let a call through. It answers to ErrLimited.
type LimitedError struct {
	Limit   string        // "rate" or "concurrency"
	Handler string        // who was not called
	After   time.Duration // when the rate lets the next call through; 0 when that is not known
	Err     error         // the error of the context that ended while the call waited; nil when it did not wait
}

func (e *LimitedError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%s: wait for the %s limit: %v", e.Handler, e.Limit, e.Err)
	case e.After > 0:
		return fmt.Sprintf("%s: %s limit reached; try again in %v", e.Handler, e.Limit, e.After)
	}
	return fmt.Sprintf("%s: %s limit reached", e.Handler, e.Limit)
}

// Is reports that the error is ErrLimited.
func (e *LimitedError) Is(target error) bool { return target == ErrLimited }

// Unwrap returns the error of the context.
func (e *LimitedError) Unwrap() error { return e.Err }

// RetryIn returns how long Retry and consumers wait before the next attempt; ok is false when that is not known.
func (e *LimitedError) RetryIn() (d time.Duration, ok bool) { return e.After, e.After > 0 }
