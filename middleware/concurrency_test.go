package middleware_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

func TestConcurrencyLetsSoManyThroughAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := middleware.Concurrency(3, middleware.ConcurrencyConfig{})
		running, most := make(chan struct{}, 100), atomic.Int64{}
		counted := func(context.Context, *middleware.Call) (any, error) {
			running <- struct{}{}
			defer func() { <-running }()
			time.Sleep(time.Second) // fake time; all of three are in
			most.Store(max(most.Load(), int64(len(running))))
			return nil, nil
		}
		began := time.Now()
		ended := make(chan error)
		for n := range 10 { // through two handlers, which share the limit
			handle := [...]middleware.Handler{limit(counted), limit(counted)}[n%2]
			go func() { _, err := handle(t.Context(), newCall()); ended <- err }()
		}
		for range 10 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); most.Load() != 3 || took != 4*time.Second {
			t.Errorf("at most %d at once in %v, want 3 in 4s", most.Load(), took)
		}
	})
}

func TestConcurrencyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range map[string]middleware.ConcurrencyConfig{"at once": {NoWait: true}, "when the context ends": {}} {
			release := make(chan struct{})
			calls := 0
			handle := middleware.Concurrency(1, cfg)(func(context.Context, *middleware.Call) (any, error) {
				calls++
				<-release
				panic("the place is free again all the same")
			})
			go func() {
				defer func() { recover() }()
				_, _ = handle(t.Context(), newCall())
			}()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			_, err := handle(ctx, newCall())
			cancel()
			var limited *middleware.LimitedError
			if !errors.Is(err, middleware.ErrLimited) || !errors.As(err, &limited) || limited.Limit != "concurrency" || limited.Handler != "shop.place" {
				t.Fatalf("%s: returned %v", name, err)
			}
			if waited := !cfg.NoWait; errors.Is(err, context.DeadlineExceeded) != waited || time.Since(began) > 0 != waited {
				t.Errorf("%s: after %v it returned %v", name, time.Since(began), err)
			}
			close(release)
			synctest.Wait()
			func() {
				defer func() { recover() }()
				_, _ = handle(t.Context(), newCall())
			}()
			if calls != 2 {
				t.Errorf("%s: %d calls got through, want 2: a panic keeps its place", name, calls)
			}
			if cfg.NoWait {
				continue
			}
			if _, err := handle(ctx, newCall()); !errors.Is(err, middleware.ErrLimited) || calls != 2 {
				t.Errorf("%s: a call whose context has ended got through: %v", name, err)
			}
		}
	})
}
