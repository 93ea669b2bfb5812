package middleware_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

var errDown = errors.New("card service is down")

func newCall() *middleware.Call {
	id := event.NewID()
	return &middleware.Call{
		Kind: middleware.Command, Name: "order.place", Handler: "shop.place",
		Metadata: &event.Metadata{ID: id, CorrelationID: id, Type: "order.place"}, Attempt: 1,
	}
}

func succeed(context.Context, *middleware.Call) (any, error) { return "done", nil }

func fail(context.Context, *middleware.Call) (any, error) { return nil, errDown }

// mustPanic calls f, which must panic with an error that answers to ErrInvalid and begins with want.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		err, _ := recover().(error)
		if !errors.Is(err, event.ErrInvalid) || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
			t.Errorf("panicked with %v, want %s", err, want)
		}
	}()
	f()
}

func TestMistakesAreNamed(t *testing.T) {
	for want, f := range map[string]func(){
		"timeout: is 0s":               func() { middleware.Timeout(0) },
		"Attempts: is negative":        func() { middleware.Retry(middleware.RetryConfig{Attempts: -1}) },
		"First: is negative":           func() { middleware.Retry(middleware.RetryConfig{First: -1}) },
		"Limit: is negative":           func() { middleware.Retry(middleware.RetryConfig{Limit: -1}) },
		"Size: is negative":            func() { middleware.Deduplicate(middleware.DeduplicateConfig{Size: -1}) },
		"TTL: is negative":             func() { middleware.Deduplicate(middleware.DeduplicateConfig{TTL: -1}) },
		"Burst: is negative":           func() { middleware.RateLimit(1, middleware.RateLimitConfig{Burst: -1}) },
		"Keys: is negative":            func() { middleware.RateLimit(1, middleware.RateLimitConfig{Keys: -1}) },
		"rate: is 0 a second":          func() { middleware.RateLimit(0, middleware.RateLimitConfig{}) },
		"rate: is -1 a second":         func() { middleware.RateLimit(-1, middleware.RateLimitConfig{}) },
		"rate: is 1e-12 a second":      func() { middleware.RateLimit(1e-12, middleware.RateLimitConfig{}) },
		"concurrency: is 0":            func() { middleware.Concurrency(0, middleware.ConcurrencyConfig{}) },
		"Failures: is negative":        func() { newBreaker(middleware.BreakerConfig{Failures: -1}) },
		"Calls: is negative":           func() { newBreaker(middleware.BreakerConfig{Calls: -1}) },
		"Window: is negative":          func() { newBreaker(middleware.BreakerConfig{Window: -1}) },
		"Window: is 9ns; give it":      func() { newBreaker(middleware.BreakerConfig{Window: 9}) },
		"Open: is negative":            func() { newBreaker(middleware.BreakerConfig{Open: -1}) },
		"Probes: is negative":          func() { newBreaker(middleware.BreakerConfig{Probes: -1}) },
		"Rate: is 1.5; it is a share":  func() { newBreaker(middleware.BreakerConfig{Rate: 1.5}) },
		"Rate: is NaN; it is a share":  func() { newBreaker(middleware.BreakerConfig{Rate: nan()}) },
		"rate: is NaN a second":        func() { middleware.RateLimit(nan(), middleware.RateLimitConfig{}) },
		"rate: is +Inf a second; give": func() { middleware.RateLimit(1/zero, middleware.RateLimitConfig{}) },
	} {
		mustPanic(t, want, f)
	}
}

var zero float64

func nan() float64 { return zero / zero }

func newBreaker(cfg middleware.BreakerConfig) *middleware.Breaker {
	b, err := middleware.NewBreaker(cfg)
	if err != nil {
		panic(err)
	}
	return b
}
