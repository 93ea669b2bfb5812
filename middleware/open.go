package middleware

import (
	"errors"
	"fmt"
	"time"
)

// ErrOpen is what a call answers to that a Breaker refused.
var ErrOpen = errors.New("circuit breaker is open")

// OpenError says until when a Breaker refuses calls. It answers to ErrOpen.
type OpenError struct {
	Breaker string    // its name
	State   State     // Open, or HalfOpen when the probes are under way
	Until   time.Time // when it lets calls through again; zero when that depends on probes
}

func (e *OpenError) Error() string {
	if e.State == HalfOpen {
		return fmt.Sprintf("%s is half-open: others are trying whether the handler works again", e.Breaker)
	}
	return fmt.Sprintf("%s is open until %s", e.Breaker, e.Until.Format(time.RFC3339))
}

// Is reports that the error is ErrOpen.
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// RetryIn returns how long Retry and consumers wait before the next attempt; ok is false when that is not known.
func (e *OpenError) RetryIn() (d time.Duration, ok bool) {
	d = time.Until(e.Until)
	return d, d > 0
}
