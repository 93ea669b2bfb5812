package middleware

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// ConcurrencyConfig is what happens to calls for which there is no room; the zero ConcurrencyConfig lets them wait.
type ConcurrencyConfig struct {
	NoWait bool // refuse instead of waiting
}

// Concurrency lets n calls through at the same time: others wait, in order, until their context ends. With NoWait they are refused
// at once. The error of both is a [*LimitedError].
//
// All handlers that it wraps share the limit: a handler whose call leads, while it waits, to another call under the same limit may
// wait for itself. Concurrency panics unless n is at least 1.
func Concurrency(n int, cfg ConcurrencyConfig) Func {
	if n < 1 {
		panic(event.Invalid("concurrency", "is %d; let at least 1 call through", n))
	}
	running := make(chan struct{}, n) // its senders are served in order
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (any, error) {
			if cfg.NoWait {
				select {
				case running <- struct{}{}:
				default:
					return nil, &LimitedError{Limit: "concurrency", Handler: c.Handler}
				}
			} else if err := enter(ctx, running); err != nil {
				return nil, &LimitedError{Limit: "concurrency", Handler: c.Handler, Err: err}
			}
			defer func() { <-running }()
			return next(ctx, c)
		}
	}
}

// enter waits for room in a channel that holds those who are in. A context that has ended gets none.
func enter(ctx context.Context, in chan<- struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case in <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
