package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []string
		b := newBreaker(middleware.BreakerConfig{
			Name: "cards", Failures: 3, Open: time.Minute,
			OnChange: func(from, to middleware.State) { changes = append(changes, fmt.Sprint(from, " ", to)) },
		})
		calls, down := 0, true
		handle := b.Around(func(context.Context, *middleware.Call) (any, error) {
			calls++
			if down {
				return nil, errDown
			}
			return "done", nil
		})
		for range 2 {
			_, _ = handle(t.Context(), newCall())
		}
		down = false
		_, _ = handle(t.Context(), newCall()) // a success begins the count anew
		down = true
		for range 3 {
			if _, err := handle(t.Context(), newCall()); err != errDown {
				t.Fatalf("while it is closed it returned %v", err)
			}
		}
		opened := time.Now()
		_, err := handle(t.Context(), newCall())
		var open *middleware.OpenError
		if !errors.Is(err, middleware.ErrOpen) || !errors.As(err, &open) || calls != 6 {
			t.Fatalf("after three failures in a row, call %d returned %v", calls, err)
		}
		if !open.Until.Equal(opened.Add(time.Minute)) || open.State != middleware.Open || err.Error() != "cards is open until 2000-01-01T00:01:00Z" {
			t.Errorf("the error is %q, until %v", err, open.Until)
		}
		if s := b.Status(); s.State != middleware.Open || !s.Until.Equal(open.Until) {
			t.Errorf("the status is %+v", s)
		}
		time.Sleep(time.Minute) // fake time
		if s := b.Status(); s.State != middleware.HalfOpen || !s.Until.IsZero() {
			t.Errorf("after a minute the status is %+v", s)
		}
		_, _ = handle(t.Context(), newCall()) // the probe fails
		time.Sleep(time.Minute)               // fake time
		down = false
		if result, err := handle(t.Context(), newCall()); result != "done" || err != nil || b.Status() != (middleware.BreakerStatus{}) {
			t.Errorf("a probe that worked returned %v, %v and left %+v", result, err, b.Status())
		}
		if want := "[closed open open half-open half-open open open half-open half-open closed]"; fmt.Sprint(changes) != want {
			t.Errorf("the changes are %v, want %s", changes, want)
		}
	})
}

func TestBreakerOpensWhenAShareOfCallsFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Rate: 0.25, Calls: 8, Window: 10 * time.Second})
		fails := func(n int) bool { return n%4 == 3 }
		n := 0
		handle := b.Around(func(context.Context, *middleware.Call) (any, error) {
			n++
			if fails(n - 1) {
				return nil, errDown
			}
			return nil, nil
		})
		for range 7 {
			_, _ = handle(t.Context(), newCall())
		}
		if s := b.Status(); s.State != middleware.Closed || s.Calls != 7 || s.Failed != 1 {
			t.Errorf("after too few calls the status is %+v", s)
		}
		time.Sleep(10 * time.Second) // fake time: they leave the window
		for range 3 {
			_, _ = handle(t.Context(), newCall())
		}
		if s := b.Status(); s.State != middleware.Closed || s.Calls != 3 || s.Failed != 1 {
			t.Errorf("in a new window the status is %+v", s)
		}
		for range 5 {
			_, _ = handle(t.Context(), newCall())
		}
		if s := b.Status(); s.State != middleware.Closed {
			t.Errorf("after 2 of 8 the last of which worked the status is %+v", s)
		}
		_, _ = handle(t.Context(), newCall())
		if s := b.Status(); s.State != middleware.Open {
			t.Errorf("when a quarter fails the status is %+v", s)
		}
	})
}

func TestProbesMustAllSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 1, Open: time.Second, Probes: 2})
		_, _ = b.Around(fail)(t.Context(), newCall())
		time.Sleep(time.Second) // fake time
		release := make(chan error)
		probe := b.Around(func(context.Context, *middleware.Call) (any, error) { return nil, <-release })
		ended := make(chan error)
		for range 2 {
			go func() { _, err := probe(t.Context(), newCall()); ended <- err }()
		}
		synctest.Wait()
		_, err := probe(t.Context(), newCall())
		var open *middleware.OpenError
		if !errors.As(err, &open) || open.State != middleware.HalfOpen || !open.Until.IsZero() || !strings.Contains(err.Error(), "half-open") {
			t.Fatalf("beside its probes it returned %v", err)
		}
		release <- nil
		<-ended
		if _, err := probe(t.Context(), newCall()); !errors.Is(err, middleware.ErrOpen) || b.Status().State != middleware.HalfOpen {
			t.Errorf("after one of two probes it returned %v", err)
		}
		release <- nil
		<-ended
		if s := b.Status(); s.State != middleware.Closed {
			t.Errorf("after two of two it is %v", s.State)
		}
	})
}

func TestAProbeThatSaysNothingIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 1, Open: time.Second})
		_, _ = b.Around(fail)(t.Context(), newCall())
		time.Sleep(time.Second) // fake time
		canceled := b.Around(func(context.Context, *middleware.Call) (any, error) { return nil, context.Canceled })
		for range 3 {
			if _, err := canceled(t.Context(), newCall()); err != context.Canceled {
				t.Errorf("returned %v", err)
			}
		}
		if _, err := b.Around(succeed)(t.Context(), newCall()); err != nil || b.Status().State != middleware.Closed {
			t.Errorf("returned %v and is %v", err, b.Status().State)
		}
	})
}

func TestWhatBeganBeforeAChangeCountsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 1, Open: time.Second})
		release, ended := make(chan error), make(chan bool)
		slow := b.Around(func(context.Context, *middleware.Call) (any, error) { return nil, <-release })
		for range 3 {
			go func() { _, _ = slow(t.Context(), newCall()); ended <- true }()
		}
		synctest.Wait()
		release <- errDown
		<-ended
		release <- nil // late, while it is open
		<-ended
		if s := b.Status(); s.State != middleware.Open {
			t.Errorf("a late success made it %v", s.State)
		}
		time.Sleep(time.Second) // fake time
		_, _ = b.Around(succeed)(t.Context(), newCall())
		release <- errDown // late, when it is closed again
		<-ended
		if s := b.Status(); s.State != middleware.Closed {
			t.Errorf("a late failure made it %v", s.State)
		}
	})
}

func TestWhatCountsAsAFailure(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle middleware.Handler
		cfg    middleware.BreakerConfig
		counts bool
	}{
		{name: "an error", handle: fail, counts: true},
		{name: "a panic", handle: func(context.Context, *middleware.Call) (any, error) { panic("oops") }, counts: true},
		{name: "a deadline", handle: func(context.Context, *middleware.Call) (any, error) { return nil, context.DeadlineExceeded }, counts: true},
		{name: "a caller who gave up", handle: func(context.Context, *middleware.Call) (any, error) { return nil, context.Canceled }},
		{name: "a bad call", handle: func(context.Context, *middleware.Call) (any, error) {
			return nil, event.Invalid("total", "is negative")
		}},
		{name: "a call that was not let through", handle: func(context.Context, *middleware.Call) (any, error) {
			return nil, &middleware.LimitedError{Limit: "rate", Err: context.DeadlineExceeded}
		}},
		{name: "what the program leaves out", handle: fail, cfg: middleware.BreakerConfig{Counts: func(err error) bool { return err != errDown }}},
	} {
		c.cfg.Failures = 1
		b := newBreaker(c.cfg)
		func() {
			defer func() { recover() }()
			_, _ = b.Around(c.handle)(t.Context(), newCall())
		}()
		if opened := b.Status().State == middleware.Open; opened != c.counts {
			t.Errorf("%s counts: %v, want %v", c.name, opened, c.counts)
		}
	}
}

func TestRetryWaitsUntilABreakerLetsCallsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 1, Open: time.Minute})
		a := &attempts{errs: []error{errDown, nil}}
		handle := middleware.Chain(middleware.Retry(middleware.RetryConfig{First: time.Nanosecond}), b.Around)(a.handle)
		if _, err := handle(t.Context(), newCall()); err != nil || a.wait(1) != time.Minute {
			t.Errorf("returned %v; the second attempt was made after %v, want 1m", err, a.wait(1))
		}
	})
}

func TestAnOnChangeThatPanicsTakesNoProbeWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(middleware.BreakerConfig{Failures: 1, Open: time.Minute, OnChange: func(_, to middleware.State) {
			if to == middleware.HalfOpen {
				panic("nobody to tell")
			}
		}})
		_, _ = b.Around(fail)(t.Context(), newCall())
		handle := middleware.Recover()(b.Around(succeed))
		for range 3 {
			time.Sleep(time.Minute) // fake time
			if _, err := handle(t.Context(), newCall()); err == nil || err.Error() != "panic: nobody to tell" {
				t.Fatalf("a probe whose change could not be told returned %v", err)
			}
		}
	})
}
