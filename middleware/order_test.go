package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// recommended is the order of the package comment.
func recommended(log *slog.Logger, b *middleware.Breaker) middleware.Func {
	return middleware.Chain(
		middleware.Correlate(),
		middleware.Logging(middleware.LoggingConfig{Logger: log}),
		middleware.Recover(),
		middleware.Validate(),
		middleware.Deduplicate(middleware.DeduplicateConfig{}),
		b.Around,
		middleware.Retry(middleware.RetryConfig{}),
		middleware.RateLimit(100, middleware.RateLimitConfig{}),
		middleware.Concurrency(1, middleware.ConcurrencyConfig{}),
		middleware.Timeout(time.Second),
	)
}

// inOrder runs fn with the recommended chain around the handler, what it logged, and its breaker.
func inOrder(t *testing.T, handler middleware.Handler, fn func(t *testing.T, handle middleware.Handler, log *strings.Builder, b *middleware.Breaker)) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		b := newBreaker(middleware.BreakerConfig{Failures: 2, Open: time.Minute})
		fn(t, recommended(textLogger(&log, slog.LevelDebug), b)(handler), &log, b)
	})
}

func TestRetryInsideTheBreakerCountsOnce(t *testing.T) {
	calls := 0
	handler := func(context.Context, *middleware.Call) (any, error) { calls++; return nil, errDown }
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, log *strings.Builder, b *middleware.Breaker) {
		_, err := handle(t.Context(), newCall())
		if s := b.Status(); !errors.Is(err, errDown) || calls != 3 || s.Failing != 1 {
			t.Errorf("three attempts (%d) count as %+v", calls, s)
		}
		if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), `error="after 3 attempts: card service is down"`) {
			t.Errorf("one call is logged in %d lines:\n%s", got, log)
		}
		_, _ = handle(t.Context(), newCall())
		began := time.Now()
		if _, err := handle(t.Context(), newCall()); !errors.Is(err, middleware.ErrOpen) || calls != 6 || time.Since(began) != 0 {
			t.Errorf("an open breaker is asked again: %d calls, %v after %v", calls, err, time.Since(began))
		}
		if !strings.Contains(log.String(), "circuit breaker is open until") {
			t.Errorf("what the breaker refuses is not logged:\n%s", log)
		}
	})
}

func TestBreakerInsideRetryCountsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 3})
		_, _ = middleware.Chain(middleware.Retry(middleware.RetryConfig{}), b.Around)(fail)(t.Context(), newCall())
		if s := b.Status(); s.State != middleware.Open {
			t.Errorf("the other way round three attempts count as %+v", s)
		}
	})
}

func TestARepetitionIsAnsweredWhileTheBreakerIsOpen(t *testing.T) {
	down := false
	handler := func(context.Context, *middleware.Call) (any, error) {
		if down {
			return nil, middleware.Permanent(errDown)
		}
		return "done", nil
	}
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, _ *strings.Builder, b *middleware.Breaker) {
		c := newCall()
		_, _ = handle(t.Context(), c)
		down = true
		for range 2 {
			_, _ = handle(t.Context(), newCall())
		}
		if result, err := handle(t.Context(), c); b.Status().State != middleware.Open || result != "done" || err != nil {
			t.Errorf("behind a breaker that is %v, a repetition got %v, %v", b.Status().State, result, err)
		}
	})
}

func TestABadCallIsNotHeldAgainstTheHandler(t *testing.T) {
	calls := 0
	handler := func(context.Context, *middleware.Call) (any, error) { calls++; return "done", nil }
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, log *strings.Builder, b *middleware.Breaker) {
		c := newCall()
		c.Data = placeOrder{-1}
		for range 5 {
			if _, err := handle(t.Context(), c); !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errNegative) {
				t.Errorf("a bad call returned %v", err)
			}
		}
		c.Data = placeOrder{1}
		if result, err := handle(t.Context(), c); result != "done" || err != nil || calls != 1 || b.Status().Calls != 1 {
			t.Errorf("mended, the same call returned %v, %v; the breaker counts %d", result, err, b.Status().Calls)
		}
		if !strings.Contains(log.String(), "the total is negative") {
			t.Errorf("the refusal is not logged:\n%s", log)
		}
	})
}

func TestAPanicIsLoggedCountedAndNotRepeated(t *testing.T) {
	calls := 0
	handler := func(context.Context, *middleware.Call) (any, error) { calls++; panic("nil map") }
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, log *strings.Builder, b *middleware.Breaker) {
		c := newCall()
		var panicked *middleware.PanicError
		for range 2 { // the second time it has a place and is not taken for a repetition
			if _, err := handle(t.Context(), c); !errors.As(err, &panicked) || panicked.Value != "nil map" {
				t.Errorf("a panic became %v", err)
			}
		}
		if calls != 2 || b.Status().State != middleware.Open {
			t.Errorf("after %d calls the breaker is %v", calls, b.Status().State)
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "order_test.go") {
			t.Errorf("the panic is logged without its place:\n%s", log)
		}
	})
}

func TestEachAttemptHasATimeoutAndAPlaceOfItsOwn(t *testing.T) {
	slow := true
	var deadlines []time.Duration
	handler := func(ctx context.Context, c *middleware.Call) (any, error) {
		if c.Name == "other" {
			return nil, nil
		}
		deadline, _ := ctx.Deadline()
		deadlines = append(deadlines, time.Until(deadline))
		if slow {
			slow = false
			<-ctx.Done()
			return nil, middleware.RetryAfter(time.Hour, ctx.Err())
		}
		return "done", nil
	}
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, log *strings.Builder, _ *middleware.Breaker) {
		time.AfterFunc(time.Minute, func() { // while the first waits for its next attempt
			began := time.Now()
			if _, err := handle(t.Context(), namedCall("other")); err != nil || time.Since(began) != 0 {
				t.Errorf("a call that waits for its next attempt keeps others out: %v after %v", err, time.Since(began))
			}
		})
		result, err := handle(t.Context(), newCall())
		if result != "done" || err != nil || len(deadlines) != 2 || deadlines[0] != time.Second || deadlines[1] != time.Second {
			t.Errorf("returned %v, %v; its attempts had %v", result, err, deadlines)
		}
		if !strings.Contains(log.String(), "took=1h0m1s") {
			t.Errorf("the log does not tell how long the caller waited:\n%s", log)
		}
	})
}

func TestWhatAHandlerPublishesAndTheLogShareTheCorrelation(t *testing.T) {
	handler := func(ctx context.Context, _ *middleware.Call) (any, error) {
		return event.New(ctx, event.From("order.placed", nil))
	}
	inOrder(t, handler, func(t *testing.T, handle middleware.Handler, log *strings.Builder, _ *middleware.Breaker) {
		c := newCall()
		c.Metadata.CorrelationID = event.ID{}
		ctx := event.WithCause(t.Context(), event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann"})
		before, _ := event.CauseFrom(ctx)
		result, err := handle(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		e := result.(event.Event[any])
		if e.CausationID != c.Metadata.ID || e.CorrelationID != before.CorrelationID || e.UserID != "ann" {
			t.Errorf("the event is %+v", e.Metadata)
		}
		if !strings.Contains(log.String(), "correlation="+before.CorrelationID.String()) {
			t.Errorf("the log has another correlation id:\n%s", log)
		}
	})
}
