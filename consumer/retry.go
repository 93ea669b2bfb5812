package consumer

import (
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/verdict"
	"github.com/oxbow-events/oxbow/store"
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
// is Permanent or answers to store.ErrTombstone, since nothing can ever be appended to such a stream.
func (r Retry) Delay(err error, attempt int) (d time.Duration, ok bool) {
	if attempt >= r.Attempts || verdict.IsPermanent(err) || errors.Is(err, store.ErrTombstone) {
		return 0, false
	}
	if d, ok := verdict.Wait(err); ok {
		return d, true
	}
	return backoff.Delay(attempt, r.First, r.Limit), true
}

// Permanent marks an error that no retry can mend. It returns nil for nil. It is [middleware.Permanent].
func Permanent(err error) error { return verdict.Permanent(err) }

// RetryAfter marks an error after which the next attempt waits d instead of the usual backoff. It still counts as an attempt, and
// returns nil for nil. It is [middleware.RetryAfter].
func RetryAfter(d time.Duration, err error) error { return verdict.After(d, err) }
