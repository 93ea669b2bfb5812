package consumer

import (
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// Retry says how often and how patiently a failed handler is called again. The zero Retry works.
type Retry struct {
	Attempts int           // calls in all, the first included; default 10
	First    time.Duration // wait after the first failure, doubled each time; default 100ms
	Limit    time.Duration // longest wait; default 30s
}

// WithDefaults returns r with every zero field set to its default.
func (r Retry) WithDefaults() Retry {
	if r.Attempts == 0 {
		r.Attempts = 10
	}
	if r.First == 0 {
		r.First = 100 * time.Millisecond
	}
	if r.Limit == 0 {
		r.Limit = 30 * time.Second
	}
	return r
}

// Check refuses negative fields, naming the field.
func (r Retry) Check() error {
	switch {
	case r.Attempts < 0:
		return event.Invalid("Retry.Attempts", "is negative")
	case r.First < 0:
		return event.Invalid("Retry.First", "is negative")
	case r.Limit < 0:
		return event.Invalid("Retry.Limit", "is negative")
	}
	return nil
}

// Delay returns the wait before the next attempt after that many; ok is false when there is to be none: attempts are spent, or err
// is Permanent.
func (r Retry) Delay(err error, attempt int) (d time.Duration, ok bool) {
	if permanent := (*permanentError)(nil); errors.As(err, &permanent) {
		return 0, false
	}
	if attempt >= r.Attempts {
		return 0, false
	}
	if after := (*retryAfterError)(nil); errors.As(err, &after) {
		return after.wait, true
	}
	return backoff.Delay(attempt, r.First, r.Limit), true
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error that no retry can mend. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type retryAfterError struct {
	err  error
	wait time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// RetryAfter marks an error after which the next attempt waits d instead of the usual backoff. It still counts as an attempt, and
// returns nil for nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, max(d, 0)}
}
