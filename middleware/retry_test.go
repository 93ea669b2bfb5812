package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

// attempts is a handler that notes when it is called, and returns the errors in turn, the last for ever.
type attempts struct {
	at     []time.Time
	errs   []error
	before func()
}

func (a *attempts) handle(context.Context, *middleware.Call) (any, error) {
	a.at = append(a.at, time.Now())
	if a.before != nil {
		a.before()
	}
	err := a.errs[min(len(a.at), len(a.errs))-1]
	if err != nil {
		return nil, err
	}
	return len(a.at), nil
}

func (a *attempts) wait(n int) time.Duration { return a.at[n].Sub(a.at[n-1]) }

func TestRetryCallsAgainUntilItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{errs: []error{errDown, errDown, errDown, nil}}
		handle := middleware.Retry(middleware.RetryConfig{Attempts: 5, First: time.Second, Limit: 3 * time.Second})(a.handle)
		if result, err := handle(t.Context(), newCall()); result != 4 || err != nil {
			t.Fatalf("returned %v, %v", result, err)
		}
		for n, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 3 * time.Second} {
			if a.wait(n) > most {
				t.Errorf("wait %d is %v, want at most %v", n, a.wait(n), most)
			}
		}
	})
}

func TestRetryGivesUpAndSaysAfterHowMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{errs: []error{errDown}}
		_, err := middleware.Retry(middleware.RetryConfig{})(a.handle)(t.Context(), newCall())
		if len(a.at) != 3 || !errors.Is(err, errDown) || err.Error() != "after 3 attempts: card service is down" {
			t.Errorf("after %d attempts it returned %v", len(a.at), err)
		}
	})
}

func TestRetryLeavesPermanentErrorsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		permanent := fmt.Errorf("pay: %w", middleware.Permanent(errDown))
		a := &attempts{errs: []error{permanent}}
		if _, err := middleware.Retry(middleware.RetryConfig{})(a.handle)(t.Context(), newCall()); err != permanent || len(a.at) != 1 {
			t.Errorf("after %d attempts it returned %v", len(a.at), err)
		}
	})
}

func TestRetryWaitsAsLongAsTheErrorSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &attempts{errs: []error{
			fmt.Errorf("pay: %w", middleware.RetryAfter(time.Hour, errDown)),
			middleware.RetryAfter(-time.Hour, errDown),
			nil,
		}}
		if _, err := middleware.Retry(middleware.RetryConfig{})(a.handle)(t.Context(), newCall()); err != nil {
			t.Fatal(err)
		}
		if a.wait(1) != time.Hour || a.wait(2) != 0 {
			t.Errorf("waited %v and %v, want 1h and nothing", a.wait(1), a.wait(2))
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	retry := middleware.Retry(middleware.RetryConfig{Attempts: 100})
	later := middleware.RetryAfter(time.Hour, errDown)
	t.Run("which ended in the handler", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := &attempts{errs: []error{errDown}, before: cancel}
		if _, err := retry(a.handle)(ctx, newCall()); err != errDown || len(a.at) != 1 {
			t.Errorf("after %d attempts it returned %v", len(a.at), err)
		}
	})
	t.Run("which ends while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			began, a := time.Now(), &attempts{errs: []error{later}}
			_, err := retry(a.handle)(ctx, newCall())
			if !errors.Is(err, errDown) || len(a.at) != 1 || time.Since(began) != time.Second {
				t.Errorf("after %d attempts and %v it returned %v", len(a.at), time.Since(began), err)
			}
		})
	})
	t.Run("whose deadline leaves no time for another attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began, a := time.Now(), &attempts{errs: []error{later}}
			_, err := retry(a.handle)(ctx, newCall())
			if !errors.Is(err, errDown) || len(a.at) != 1 || time.Since(began) != 0 {
				t.Errorf("after %d attempts and %v it returned %v", len(a.at), time.Since(began), err)
			}
		})
	})
}

func TestNoErrorIsMarked(t *testing.T) {
	if middleware.Permanent(nil) != nil || middleware.RetryAfter(time.Second, nil) != nil {
		t.Error("no error became one")
	}
}
