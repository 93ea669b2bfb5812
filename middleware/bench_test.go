package middleware_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// BenchmarkMiddleware tells what each adds to a call of an empty handler.
func BenchmarkMiddleware(b *testing.B) {
	quiet := middleware.LoggingConfig{Logger: slog.New(slog.DiscardHandler)}
	breaker := newBreaker(middleware.BreakerConfig{})
	for _, m := range []struct {
		name   string
		around middleware.Func
	}{
		{"none", middleware.Chain()},
		{"correlate", middleware.Correlate()},
		{"logging, level off", middleware.Logging(quiet)},
		{"recover", middleware.Recover()},
		{"validate", middleware.Validate()},
		{"deduplicate", middleware.Deduplicate(middleware.DeduplicateConfig{})},
		{"breaker", breaker.Around},
		{"retry", middleware.Retry(middleware.RetryConfig{})},
		{"rate limit", middleware.RateLimit(1e9, middleware.RateLimitConfig{Burst: 1e9})},
		{"concurrency", middleware.Concurrency(8, middleware.ConcurrencyConfig{})},
		{"timeout", middleware.Timeout(time.Minute)},
		{"all", middleware.Chain(
			middleware.Correlate(), middleware.Logging(quiet), middleware.Recover(), middleware.Validate(),
			middleware.Deduplicate(middleware.DeduplicateConfig{}), breaker.Around, middleware.Retry(middleware.RetryConfig{}),
			middleware.RateLimit(1e9, middleware.RateLimitConfig{Burst: 1e9}),
			middleware.Concurrency(8, middleware.ConcurrencyConfig{}), middleware.Timeout(time.Minute),
		)},
	} {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			handle := m.around(func(context.Context, *middleware.Call) (any, error) { return nil, nil })
			c, ctx := newCall(), event.WithCause(context.Background(), event.Cause{})
			c.Data = placeOrder{1}
			for b.Loop() {
				c.Metadata.ID = event.NewID()
				if _, err := handle(ctx, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
