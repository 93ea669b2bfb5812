// Package verdict is what an error says about trying again. The retries of middleware, consumers and projections share it.
package verdict

import (
	"errors"
	"time"
)

type permanent struct{ err error }

func (e *permanent) Error() string { return e.err.Error() }
func (e *permanent) Unwrap() error { return e.err }

// Permanent marks an error that no retry can mend. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanent{err}
}

// IsPermanent reports whether err was marked, wherever it is wrapped.
func IsPermanent(err error) bool {
	_, marked := errors.AsType[*permanent](err)
	return marked
}

type after struct {
	err  error
	wait time.Duration
}

func (e *after) Error() string                  { return e.err.Error() }
func (e *after) Unwrap() error                  { return e.err }
func (e *after) RetryIn() (time.Duration, bool) { return e.wait, true }

// After marks an error after which the next attempt waits d, at least 0. It returns nil for nil.
func After(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &after{err, max(d, 0)}
}

// Waiting is an error that may know when another attempt makes sense.
type Waiting interface {
	error
	RetryIn() (d time.Duration, ok bool)
}

// Wait returns how long the next attempt is to wait; ok is false when err does not say.
func Wait(err error) (d time.Duration, ok bool) {
	if waiting, ok := errors.AsType[Waiting](err); ok {
		return waiting.RetryIn()
	}
	return 0, false
}
