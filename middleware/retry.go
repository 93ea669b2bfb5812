package middleware

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/verdict"
)

// RetryConfig is how often and how patiently Retry calls again; the zero RetryConfig works.
type RetryConfig struct {
	Attempts int           // calls in all, the first included; default 3
	First    time.Duration // longest wait after the first failure, doubled each time; default 100ms
	Limit    time.Duration // longest wait of all, but for what RetryAfter asks; default 10s
}

// Retry calls a failed handler again while its caller waits, after a random part of a wait that doubles each time ("full jitter").
// It returns the last error, and says after how many attempts if there were several.
//
// It does not call again when the error is [Permanent], when the context has ended or would have by the end of the wait, and
// after a panic. An error of [RetryAfter], and one of RateLimit or of a Breaker that knows when it lets calls through again, says
// how long to wait. Retry panics with what Check returns.
func Retry(cfg RetryConfig) Func {
	must(cfg.Check())
	cfg = cfg.withDefaults()
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (any, error) {
			for attempt := 1; ; attempt++ {
				result, err := next(ctx, c)
				if err == nil {
					return result, nil
				}
				wait, again := cfg.wait(ctx, err, attempt)
				if !again || backoff.Sleep(ctx, wait) != nil {
					return result, afterAttempts(attempt, err)
				}
			}
		}
	}
}

// wait returns how long to wait before the next attempt; ok is false when there is to be none.
func (cfg *RetryConfig) wait(ctx context.Context, err error, attempt int) (d time.Duration, ok bool) {
	if attempt >= cfg.Attempts || ctx.Err() != nil || verdict.IsPermanent(err) {
		return 0, false
	}
	if d, ok = verdict.Wait(err); !ok {
		d = backoff.Full(attempt, cfg.First, cfg.Limit)
	}
	if deadline, has := ctx.Deadline(); has && time.Until(deadline) <= d {
		return 0, false // the caller need not wait for an attempt that cannot begin
	}
	return d, true
}

func afterAttempts(n int, err error) error {
	if n == 1 {
		return err
	}
	return fmt.Errorf("after %d attempts: %w", n, err)
}

// Check refuses negative fields, naming the field.
func (cfg RetryConfig) Check() error {
	switch {
	case cfg.Attempts < 0:
		return event.Invalid("Attempts", "is negative")
	case cfg.First < 0:
		return event.Invalid("First", "is negative")
	case cfg.Limit < 0:
		return event.Invalid("Limit", "is negative")
	}
	return nil
}

func (cfg RetryConfig) withDefaults() RetryConfig {
	if cfg.Attempts == 0 {
		cfg.Attempts = 3
	}
	if cfg.First == 0 {
		cfg.First = 100 * time.Millisecond
	}
	if cfg.Limit == 0 {
		cfg.Limit = 10 * time.Second
	}
	return cfg
}

// Permanent marks an error that no retry can mend: neither Retry nor a consumer calls the handler again. It returns nil for nil.
func Permanent(err error) error { return verdict.Permanent(err) }

// RetryAfter marks an error after which the next attempt, of Retry or of a consumer, waits d instead of the usual backoff. It
// returns nil for nil.
func RetryAfter(d time.Duration, err error) error { return verdict.After(d, err) }

// must panics with a mistake in a configuration, which is one in the program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
