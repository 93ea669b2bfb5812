package request_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/request"
)

// unfinished returns what a Close or a Drain left undone.
func unfinished(t *testing.T, err error) *request.UnfinishedError {
	t.Helper()
	var u *request.UnfinishedError
	if !errors.As(err, &u) {
		t.Fatalf("the error is %v, want an UnfinishedError", err)
	}
	return u
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestCloseWaitsForRunningHandlers(t *testing.T) {
	for _, what := range []string{"carrier", "responder", "drain"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := over(t, request.Config{})
				r := handle(t, c, after(time.Minute, 7))
				end := map[string]func(context.Context) error{"carrier": c.Close, "responder": r.Close, "drain": r.Drain}[what]
				var asking sync.WaitGroup
				asking.Go(func() {
					if got, err := request.Do[Price](context.WithoutCancel(t.Context()), c, PriceAsked{"oak"}); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Do returned %v, %v", got, err) // its own default time-out is shorter
					}
				})
				asking.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					defer cancel()
					if got, err := request.Do[Price](ctx, c, PriceAsked{"oak"}); got.Cents != 7 || err != nil {
						t.Errorf("Do returned %v, %v", got, err)
					}
				})
				synctest.Wait()
				began := time.Now()
				if err := end(t.Context()); err != nil || time.Since(began) != time.Minute {
					t.Errorf("it returned %v after %v", err, time.Since(began))
				}
				if _, err := ask(t, c); err == nil {
					t.Error("it takes requests afterwards")
				}
				asking.Wait()
				if err := end(t.Context()); err != nil {
					t.Errorf("again: %v", err)
				}
			})
		})
	}
}

func TestADrainedResponderCanGoOn(t *testing.T) {
	c, _ := over(t, request.Config{})
	r := handle(t, c, oak)
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Resume()
	if _, err := ask(t, c); err != nil {
		t.Error(err)
	}
}

func TestACloseThatGivesUpTellsEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		r := handle(t, c, deaf(release), request.Named("deaf"))
		heeding := handle(t, c, patient)
		heeding.Pause()
		var asking sync.WaitGroup
		for range 3 {
			asking.Go(func() {
				_, err := ask(t, c)
				expectError(t, err, request.ErrGone)
				if errors.Is(err, request.ErrNoResponder) {
					t.Error("that somebody went away is not that nobody was there: it may have begun")
				}
			})
		}
		synctest.Wait()
		u := unfinished(t, r.Close(shortly(t)))
		if len(u.Left) != 1 || u.Left[0] != (request.Left{Responder: "deaf", Running: 3}) {
			t.Errorf("it left %+v", u.Left)
		}
		asking.Wait()
		close(release)
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
	})
}

func TestDrainThatGivesUpLeavesHandlersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		r := handle(t, c, after(10*time.Second, 7))
		var asking sync.WaitGroup
		asking.Go(func() {
			if _, err := ask(t, c); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		unfinished(t, r.Drain(shortly(t)))
		asking.Wait()
	})
}

func TestACarrierThatGivesUpEndsItsHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		handle(t, c, deaf(release), request.Named("b"))
		handle(t, c, patient, request.Named("a"))
		var asking sync.WaitGroup
		asking.Go(func() {
			_, err := ask(t, c)
			if err == nil {
				t.Error("the request was answered")
			}
		})
		synctest.Wait()
		u := unfinished(t, c.Close(shortly(t)))
		if len(u.Left) != 2 || u.Left[0].Responder != "a" || u.Left[1].Responder != "b" {
			t.Errorf("it left %+v", u.Left)
		}
		asking.Wait()
		_, err := ask(t, c)
		expectError(t, err, request.ErrClosed)
		_, err = request.Handle(c, oak)
		expectError(t, err, request.ErrClosed)
		close(release)
		if err := c.Close(t.Context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
	})
}

func TestHandlersMayAskWhileTheCarrierCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		type TotalAsked struct{ SKU string }
		handle(t, c, oak)
		handle(t, c, func(ctx context.Context, q TotalAsked) (int64, error) {
			time.Sleep(time.Second)
			price, err := request.Do[Price](ctx, c, PriceAsked(q))
			return price.Cents, err
		})
		var asking sync.WaitGroup
		asking.Go(func() {
			if got, err := request.Do[int64](t.Context(), c, TotalAsked{"oak"}); got != 995 || err != nil {
				t.Errorf("Do returned %v, %v", got, err)
			}
		})
		synctest.Wait()
		asking.Go(func() {
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		_, err := ask(t, c)
		expectError(t, err, request.ErrClosed)
		asking.Wait()
	})
}

func TestAHandlerThatClosesWhatWaitsForItIsTold(t *testing.T) {
	c, _ := over(t, request.Config{})
	type CloseAsked struct{ What string }
	var r *request.Responder
	r = handle(t, c, func(ctx context.Context, q CloseAsked) (int, error) {
		return 0, map[string]func(context.Context) error{"carrier": c.Close, "responder": r.Close, "drain": r.Drain}[q.What](ctx)
	})
	for _, what := range []string{"carrier", "responder", "drain"} {
		if _, err := request.Do[int](t.Context(), c, CloseAsked{what}); err == nil || !strings.Contains(err.Error(), "would wait for") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAClosedBusIsToldAsSuch(t *testing.T) {
	c, b := over(t, request.Config{})
	handle(t, c, oak)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := ask(t, c)
	expectError(t, err, bus.ErrClosed)
	expectError(t, err, request.ErrClosed)
	_, err = request.Handle(c, oak)
	expectError(t, err, bus.ErrClosed)
	expectError(t, err, request.ErrClosed)
}

func TestAClosedCarrierLeavesTheBusOpen(t *testing.T) {
	c, b := over(t, request.Config{})
	handle(t, c, oak)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := request.Over(b, request.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ask(t, other)
	expectError(t, err, request.ErrNoResponder) // those of the closed carrier are gone
	handle(t, other, oak)
	if _, err := ask(t, other); err != nil {
		t.Error(err)
	}
	if err := other.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCarriersOverOneBusShareResponders(t *testing.T) {
	c, b := over(t, request.Config{})
	other, err := request.Over(b, request.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handle(t, c, oak)
	if _, err := ask(t, other); err != nil {
		t.Error(err)
	}
}
