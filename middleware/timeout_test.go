package middleware_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

func TestTimeoutEndsTheHandlersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var told error
		handle := middleware.Timeout(time.Second)(func(ctx context.Context, _ *middleware.Call) (any, error) {
			<-ctx.Done()
			told = context.Cause(ctx)
			return "half", errDown
		})
		result, err := handle(t.Context(), newCall())
		var timeout *middleware.TimeoutError
		if !errors.As(err, &timeout) || timeout.After != time.Second || timeout.Handler != "shop.place" {
			t.Fatalf("returned %v", err)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errDown) || !timeout.Timeout() || result != "half" {
			t.Errorf("%v does not answer to both the deadline and the handler's error", err)
		}
		if want := "shop.place: timeout of 1s: card service is down"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
		if !errors.Is(told, context.DeadlineExceeded) || !strings.Contains(told.Error(), "timeout of 1s") {
			t.Errorf("the handler was told %v", told)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestTimeoutWaitsForAHandlerThatDoesNotHeedItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		handle := middleware.Timeout(time.Second)(func(context.Context, *middleware.Call) (any, error) {
			time.Sleep(time.Minute) // fake time
			return "late", nil
		})
		if result, err := handle(t.Context(), newCall()); result != "late" || err != nil {
			t.Errorf("what was done late became %v, %v", result, err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("returned after %v, while the handler was running", took)
		}
	})
}

func TestTimeoutDoesNotClaimWhatOthersEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		await := middleware.Timeout(time.Minute)(func(ctx context.Context, _ *middleware.Call) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		var timeout *middleware.TimeoutError
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := await(ctx, newCall()); errors.As(err, &timeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's own deadline became %v", err)
		}
		if _, err := middleware.Timeout(time.Minute)(fail)(t.Context(), newCall()); err != errDown {
			t.Errorf("an error in time became %v", err)
		}
		outer := middleware.Timeout(time.Second)(await)
		if _, err := outer(t.Context(), newCall()); !errors.As(err, &timeout) || timeout.After != time.Second {
			t.Errorf("of two timeouts the error is %v, want the one that ended", err)
		}
	})
}

func TestATimeoutAroundAnotherCallIsNotTheInnerOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := middleware.Timeout(time.Second)
		var inner error
		handle := limit(func(ctx context.Context, _ *middleware.Call) (any, error) {
			time.Sleep(900 * time.Millisecond) // fake time
			_, inner = limit(func(ctx context.Context, _ *middleware.Call) (any, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})(ctx, newCall())
			return nil, inner
		})
		_, err := handle(t.Context(), newCall())
		var timeout *middleware.TimeoutError
		if errors.As(inner, &timeout) {
			t.Errorf("the inner call, which had a tenth of its time, returned %v", inner)
		}
		if !errors.As(err, &timeout) || timeout.After != time.Second {
			t.Errorf("the outer call returned %v", err)
		}
	})
}
