package middleware

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// BreakerConfig is when a Breaker opens and closes; the zero BreakerConfig works.
type BreakerConfig struct {
	Name     string               // what its errors call it; default "circuit breaker"
	Failures int                  // failures in a row that open it; default 5
	Rate     float64              // share of failures among the calls of the window that opens it, above 0 and up to 1; default 0.5
	Calls    int                  // calls of the window without which Rate does not count; default 20
	Window   time.Duration        // how far back Rate looks, in steps of a tenth; default 10s
	Open     time.Duration        // how long it refuses all calls; default 30s
	Probes   int                  // calls let through after that, all of which must succeed to close it; default 1
	Counts   func(error) bool     // whether an error is a failure, or as if there had been no call; default CountsAsFailure
	OnChange func(from, to State) // told of each change, in the goroutine of the call that brings it; default nobody
}

// CountsAsFailure reports whether an error speaks against the handler. It does not when the call was at fault (event.ErrInvalid),
// when its caller gave up (context.Canceled; a deadline counts), or when it was not let through (ErrLimited).
func CountsAsFailure(err error) bool {
	return !errors.Is(err, event.ErrInvalid) && !errors.Is(err, context.Canceled) && !errors.Is(err, ErrLimited)
}

func (cfg *BreakerConfig) check() error {
	for _, f := range [...]struct {
		field string
		value int64
	}{
		{"Failures", int64(cfg.Failures)},
		{"Calls", int64(cfg.Calls)},
		{"Window", int64(cfg.Window)},
		{"Open", int64(cfg.Open)},
		{"Probes", int64(cfg.Probes)},
	} {
		if f.value < 0 {
			return event.Invalid(f.field, "is negative")
		}
	}
	if !(cfg.Rate >= 0 && cfg.Rate <= 1) {
		return event.Invalid("Rate", "is %v; it is a share of failures between 0 and 1", cfg.Rate)
	}
	if cfg.Window > 0 && cfg.Window < steps {
		return event.Invalid("Window", "is %v; give it at least %v", cfg.Window, time.Duration(steps))
	}
	return nil
}

func (cfg BreakerConfig) withDefaults() BreakerConfig {
	defaults := BreakerConfig{
		Name: "circuit breaker", Failures: 5, Rate: 0.5, Calls: 20,
		Window: 10 * time.Second, Open: 30 * time.Second, Probes: 1,
	}
	cfg.Name = cmp.Or(cfg.Name, defaults.Name)
	cfg.Failures = cmp.Or(cfg.Failures, defaults.Failures)
	cfg.Rate = cmp.Or(cfg.Rate, defaults.Rate)
	cfg.Calls = cmp.Or(cfg.Calls, defaults.Calls)
	cfg.Window = cmp.Or(cfg.Window, defaults.Window)
	cfg.Open = cmp.Or(cfg.Open, defaults.Open)
	cfg.Probes = cmp.Or(cfg.Probes, defaults.Probes)
	if cfg.Counts == nil {
		cfg.Counts = CountsAsFailure
	}
	return cfg
}
