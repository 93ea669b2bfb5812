package request_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/request"
)

type CountAsked struct{ To int }

// counting returns a handler that counts to where it is asked to, or for ever to -1, and notes how far it got.
func counting(reached *atomic.Int64) func(context.Context, CountAsked) iter.Seq2[int, error] {
	return func(_ context.Context, q CountAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for n := 1; q.To < 0 || n <= q.To; n++ {
				if !yield(n, nil) {
					return
				}
				reached.Store(int64(n))
			}
		}
	}
}

func handleStream[Q, R any](t *testing.T, c *request.Carrier, fn func(context.Context, Q) iter.Seq2[R, error], opts ...request.Option) *request.Responder {
	t.Helper()
	r, err := request.HandleStream(c, fn, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// all returns what a stream yields.
func all[R any](t *testing.T, c *request.Carrier, q any) (values []R, err error) {
	t.Helper()
	for v, err := range request.Stream[R](t.Context(), c, q) {
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

func TestAStreamYieldsEveryValueInOrder(t *testing.T) {
	c, _ := over(t, request.Config{})
	var reached atomic.Int64
	handleStream(t, c, counting(&reached))
	for _, to := range []int{0, 1, 1000} {
		got, err := all[int](t, c, CountAsked{to})
		if err != nil || len(got) != to || !slices.IsSorted(got) {
			t.Errorf("to %d: %d values, %v", to, len(got), err)
		}
	}
}

func TestAStreamOfAPlainResponderIsItsOneAnswer(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, oak)
	if got, err := all[Price](t, c, PriceAsked{"oak"}); len(got) != 1 || err != nil {
		t.Errorf("the stream had %v, %v", got, err)
	}
}

func TestDoOfAStreamIsItsFirstValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var reached atomic.Int64
		r := handleStream(t, c, counting(&reached))
		if got, err := request.Do[int](t.Context(), c, CountAsked{-1}); got != 1 || err != nil {
			t.Errorf("Do returned %v, %v", got, err)
		}
		if synctest.Wait(); r.Stats().Running != 0 {
			t.Error("the stream goes on")
		}
		_, err := request.Do[int](t.Context(), c, CountAsked{0})
		expectError(t, err, request.ErrNoAnswer)
	})
}

func TestAResponderIsNeverMoreThanTheWindowAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{Window: 5})
		var reached atomic.Int64
		handleStream(t, c, counting(&reached))
		taken := int64(0)
		for _, err := range request.Stream[int](t.Context(), c, CountAsked{-1}) {
			if err != nil {
				t.Fatal(err)
			}
			taken++
			if synctest.Wait(); reached.Load() != taken+5 {
				t.Fatalf("with %d values taken it has sent %d, want 5 more", taken, reached.Load())
			}
			if taken == 100 {
				break
			}
		}
	})
}

func TestLeavingTheLoopEndsTheResponder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var reached atomic.Int64
		var ended atomic.Bool
		r := handleStream(t, c, func(ctx context.Context, q CountAsked) iter.Seq2[int, error] {
			context.AfterFunc(ctx, func() { ended.Store(true) })
			return counting(&reached)(ctx, q)
		})
		for range request.Stream[int](t.Context(), c, CountAsked{-1}) {
			break
		}
		if synctest.Wait(); !ended.Load() || r.Stats().Running != 0 {
			t.Errorf("the handler's context ended: %t; it has %+v", ended.Load(), r.Stats())
		}
	})
}

func TestTheEndOfTheContextEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{Timeout: time.Second})
		r := handleStream(t, c, func(ctx context.Context, _ CountAsked) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				yield(1, nil)
				<-ctx.Done()
				yield(2, ctx.Err())
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began, values := time.Now(), 0
		for _, err := range request.Stream[int](ctx, c, CountAsked{}) {
			if err == nil {
				values++
				continue
			}
			expectError(t, err, context.DeadlineExceeded)
		}
		if values != 1 || time.Since(began) != time.Hour {
			t.Errorf("%d values in %v, want one until the context ended", values, time.Since(began))
		}
		if synctest.Wait(); r.Stats().Running != 0 {
			t.Error("the handler goes on")
		}
	})
}

func TestAnErrorEndsAStreamAfterItsValues(t *testing.T) {
	c, _ := over(t, request.Config{})
	handleStream(t, c, func(_ context.Context, q CountAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			if yield(1, nil) && yield(0, errUnknown) {
				t.Error("the handler was to stop after its error")
			}
		}
	})
	got, err := all[int](t, c, CountAsked{})
	expectError(t, err, errUnknown)
	if len(got) != 1 {
		t.Errorf("before the error came %v", got)
	}
}

func TestAStreamOfSeveralRespondersIsThatOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{Window: 1})
		stream := func(wait time.Duration, first int) func(context.Context, CountAsked) iter.Seq2[int, error] {
			return func(ctx context.Context, _ CountAsked) iter.Seq2[int, error] {
				return func(yield func(int, error) bool) {
					time.Sleep(wait)
					for n := range 10 {
						if !yield(first+n, nil) {
							return
						}
					}
				}
			}
		}
		slow := handleStream(t, c, stream(time.Second, 100))
		handleStream(t, c, stream(0, 0))
		handleStream(t, c, stream(0, 0))
		ended := make(chan struct{})
		handleStream(t, c, func(ctx context.Context, _ CountAsked) iter.Seq2[int, error] {
			return func(func(int, error) bool) { <-ctx.Done(); close(ended) }
		})
		got, err := all[int](t, c, CountAsked{})
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) || err != nil {
			t.Errorf("the stream had %v, %v; want %v", got, err, want)
		}
		<-ended
		time.Sleep(2 * time.Second)
		if s := slow.Stats(); s.Running != 0 {
			t.Errorf("the slow one has %+v", s)
		}
	})
}

func TestEachLoopIsARequestOfItsOwn(t *testing.T) {
	c, _ := over(t, request.Config{})
	var reached atomic.Int64
	r := handleStream(t, c, counting(&reached))
	stream := request.Stream[int](t.Context(), c, CountAsked{3})
	for range 2 {
		sum := 0
		for v, err := range stream {
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
		if sum != 6 {
			t.Errorf("the sum is %d", sum)
		}
	}
	if err := r.Drain(t.Context()); err != nil || r.Stats().Answered != 2 {
		t.Errorf("the responder has %+v, %v", r.Stats(), err)
	}
}

func TestAStreamWithoutAResponderIsAnError(t *testing.T) {
	c, _ := over(t, request.Config{})
	_, err := all[int](t, c, CountAsked{3})
	expectError(t, err, request.ErrNoResponder)
}

func TestBadStreams(t *testing.T) {
	var told reports
	c, _ := over(t, request.Config{OnError: told.note})
	type NoneAsked struct{}
	type StubbornAsked struct{}
	handleStream(t, c, func(context.Context, NoneAsked) iter.Seq2[int, error] { return nil })
	if _, err := all[int](t, c, NoneAsked{}); err == nil {
		t.Error("a handler that returns no iterator is no error")
	}
	handleStream(t, c, func(context.Context, StubbornAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for n := 0; ; n++ {
				yield(n, nil) // never heeds that nobody wants more, until Go stops it
			}
		}
	})
	for range request.Stream[int](t.Context(), c, StubbornAsked{}) {
		break
	}
	var reached atomic.Int64
	handleStream(t, c, counting(&reached))
	for v, err := range request.Stream[[]string](t.Context(), c, CountAsked{-1}) {
		var mismatch *request.MismatchError
		if !errors.As(err, &mismatch) || v != nil {
			t.Errorf("a value of another type: %v, %v", v, err)
		}
	}
}

func TestARetriedStreamDoesNotBeginAgain(t *testing.T) {
	again := func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, call *middleware.Call) (any, error) {
			if _, err := next(ctx, call); err == nil {
				return nil, errors.New("the first attempt was to fail")
			}
			return next(ctx, call)
		}
	}
	c, _ := over(t, request.Config{Middleware: []middleware.Func{again}})
	runs := 0
	handleStream(t, c, func(_ context.Context, q CountAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			if runs++; q.To > 0 && runs == 1 {
				yield(1, nil)
			}
			if runs == 1 {
				yield(0, errUnknown)
			}
		}
	})
	if got, err := all[int](t, c, CountAsked{1}); len(got) != 1 || err == nil {
		t.Errorf("after a value: %v, %v; want an error", got, err)
	}
	runs = 0
	if got, err := all[int](t, c, CountAsked{0}); len(got) != 0 || err != nil {
		t.Errorf("before any value: %v, %v; want the second attempt", got, err)
	}
}
