package request_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

func TestDoReturnsTheAnswer(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, oak)
	got, err := request.Do[Price](t.Context(), c, PriceAsked{"oak"})
	if want := (Price{"oak", 995}); got != want || err != nil {
		t.Errorf("Do returned %v, %v; want %v", got, err, want)
	}
}

func TestNoResponderIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		began := time.Now()
		_, err := ask(t, c)
		expectError(t, err, request.ErrNoResponder)
		r := handle(t, c, oak)
		r.Pause()
		_, err = ask(t, c)
		expectError(t, err, request.ErrNoResponder)
		r.Resume()
		if _, err := ask(t, c); err != nil {
			t.Errorf("after Resume: %v", err)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err = ask(t, c)
		expectError(t, err, request.ErrNoResponder)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("it took %v", waited)
		}
	})
}

func TestRequestsAreEventsOnTheBus(t *testing.T) {
	c, b := over(t, request.Config{})
	handle(t, c, oak)
	var seen []string
	b.SubscribeTopic("**", func(_ context.Context, e event.Event[any]) error {
		seen = append(seen, fmt.Sprint(e.Type, e.Data, e.UserID))
		return nil
	})
	if _, err := request.Do[Price](t.Context(), c, PriceAsked{"oak"}, event.WithUser("ann")); err != nil {
		t.Fatal(err)
	}
	if want := "price.asked{oak}ann"; len(seen) != 1 || seen[0] != want {
		t.Errorf("the bus saw %q, want %q", seen, want)
	}
}

func TestAPublishedEventIsNoRequest(t *testing.T) {
	c, b := over(t, request.Config{})
	var inner atomic.Int64
	handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
		inner.Add(1)
		return Price{q.SKU, 1}, b.Publish(ctx, PriceAsked{"published within a request"})
	})
	if err := b.Publish(t.Context(), PriceAsked{"published"}); err != nil {
		t.Fatal(err)
	}
	b.SubscribeTopic("price.asked", func(ctx context.Context, e event.Event[any]) error {
		if e.Data == any(PriceAsked{"oak"}) {
			return b.Publish(ctx, PriceAsked{"published while the request is delivered"})
		}
		return nil
	})
	if got, err := ask(t, c); got.SKU != "oak" || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
	if n := inner.Load(); n != 1 {
		t.Errorf("the handler ran %d times, want once", n)
	}
}

func TestWhatAHandlerPublishesIsLinkedToTheRequest(t *testing.T) {
	c, b := over(t, request.Config{})
	handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
		return Price{}, b.Publish(ctx, event.From("price.computed", nil))
	})
	var asked, computed event.Event[any]
	b.SubscribeTopic("price.asked", func(_ context.Context, e event.Event[any]) error { asked = e; return nil })
	b.SubscribeTopic("price.computed", func(_ context.Context, e event.Event[any]) error { computed = e; return nil })
	first := event.NewID()
	ctx := event.WithCause(t.Context(), event.Cause{ID: first, UserID: "ann", TraceParent: "00-trace"})
	if _, err := request.Do[Price](ctx, c, PriceAsked{"oak"}); err != nil {
		t.Fatal(err)
	}
	if asked.CausationID != first || asked.CorrelationID != first || asked.UserID != "ann" || asked.TraceParent != "00-trace" {
		t.Errorf("the request does not name its cause: %+v", asked.Metadata)
	}
	if computed.CausationID != asked.ID || computed.CorrelationID != first || computed.UserID != "ann" || computed.TraceParent != "00-trace" {
		t.Errorf("what the handler published does not name the request: %+v", computed.Metadata)
	}
}

func TestATimeOutThatTheAskerDidNotSetIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{Timeout: time.Minute})
		handle(t, c, patient)
		_, err := request.Do[Price](context.WithoutCancel(t.Context()), c, PriceAsked{"oak"})
		expectError(t, err, context.DeadlineExceeded)
		if want := "request price.asked: no answer within 1m0s, the carrier's Config.Timeout: context deadline exceeded"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
		_, err = request.Do[Price](shortly(t), c, PriceAsked{"oak"})
		if want := "request price.asked: context deadline exceeded"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
	})
}

func TestTimeoutComesThoughTheHandlerIgnoresIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		handle(t, c, deaf(release))
		defer close(release)
		for limit, ctx := range map[time.Duration]func() (context.Context, context.CancelFunc){
			time.Second:      func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Second) },
			30 * time.Second: func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) }, // the default
		} {
			ctx, cancel := ctx()
			began := time.Now()
			_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
			expectError(t, err, context.DeadlineExceeded)
			if took := time.Since(began); took != limit {
				t.Errorf("the time-out came after %v, want %v", took, limit)
			}
			cancel()
		}
	})
}

func TestNoTimeoutWaitsAsLongAsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{NoTimeout: true})
		handle(t, c, func(ctx context.Context, _ PriceAsked) (Price, error) {
			time.Sleep(24 * time.Hour) // of the test's own clock
			return Price{}, ctx.Err()
		})
		if _, err := ask(t, c); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEndedContextAsksNobody(t *testing.T) {
	c, _ := over(t, request.Config{})
	r := handle(t, c, oak)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
	expectError(t, err, context.Canceled)
	if s := r.Stats(); s != (request.Stats{}) {
		t.Errorf("the responder has %+v", s)
	}
}

func TestTheAskersEndEndsTheHandlersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var ended atomic.Bool
		handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
			defer ended.Store(true)
			return patient(ctx, q)
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
		expectError(t, err, context.Canceled)
		if synctest.Wait(); !ended.Load() {
			t.Error("the handler's context did not end")
		}
	})
}

func TestFirstAnswerWinsAndTheOthersAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		slow := handle(t, c, patient, request.Named("slow"))
		handle(t, c, oak)
		handle(t, c, patient, request.Named("slow too"))
		if got, err := ask(t, c); got.Cents != 995 || err != nil {
			t.Errorf("Do returned %v, %v", got, err)
		}
		if synctest.Wait(); slow.Stats().Running != 0 || slow.Stats().Failed != 1 {
			t.Errorf("the slow responder has %+v, want it cancelled", slow.Stats())
		}
	})
}

func TestAnErrorIsAnAnswerLikeAnother(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, patient)
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { return Price{}, errUnknown }, request.Named("pricing"))
	_, err := ask(t, c)
	expectError(t, err, errUnknown)
}

func TestLimitRefusesAtOnceWhatHasNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		r := handle(t, c, deaf(release), request.Limit(2, 1), request.Named("pricing"))
		var answered sync.WaitGroup
		for range 3 {
			answered.Go(func() {
				if _, err := ask(t, c); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		_, err := ask(t, c)
		expectError(t, err, request.ErrBusy)
		var refusal *request.Error
		if !errors.As(err, &refusal) || refusal.Responder != "pricing" || refusal.Code != request.CodeBusy {
			t.Errorf("the refusal does not say who: %v", err)
		}
		if s := r.Stats(); s.Running != 3 || s.Refused != 1 {
			t.Errorf("the responder has %+v", s)
		}
		close(release)
		answered.Wait()
		if _, err := ask(t, c); err != nil {
			t.Errorf("with room again: %v", err)
		}
	})
}

func TestLimitNeverRunsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var now, most atomic.Int64
		handle(t, c, func(context.Context, PriceAsked) (Price, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer now.Add(-1)
			time.Sleep(time.Second)
			return Price{}, nil
		}, request.Limit(3, 100))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := ask(t, c); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 3 {
			t.Errorf("%d handlers ran at once, want 3", most.Load())
		}
	})
}

func TestWhoeverStopsWaitingForRoomIsNotHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		r := handle(t, c, deaf(release), request.Limit(1, 1))
		var first sync.WaitGroup
		first.Go(func() { ask(t, c) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
		expectError(t, err, context.DeadlineExceeded)
		synctest.Wait()
		if s := r.Stats(); s.Running != 1 {
			t.Errorf("the responder has %+v, want the waiting request gone", s)
		}
		close(release)
		first.Wait()
		if synctest.Wait(); r.Stats().Answered != 1 {
			t.Errorf("the responder has %+v, want one answered", r.Stats())
		}
	})
}

func TestBusyDoesNotCountWhileAnotherAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		handle(t, c, deaf(release), request.Limit(1, 0))
		var first sync.WaitGroup
		first.Go(func() { ask(t, c) })
		synctest.Wait()
		handle(t, c, func(context.Context, PriceAsked) (Price, error) {
			time.Sleep(time.Second)
			return Price{Cents: 7}, nil
		})
		if got, err := ask(t, c); got.Cents != 7 || err != nil {
			t.Errorf("Do returned %v, %v; want the answer of the responder that has room", got, err)
		}
		close(release)
		first.Wait()
	})
}

func TestALateAnswerIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told reports
		c, _ := over(t, request.Config{OnError: told.note})
		release := make(chan struct{})
		r := handle(t, c, deaf(release))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
		expectError(t, err, context.DeadlineExceeded)
		close(release)
		if err := r.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if s := r.Stats(); s.Answered != 1 || s.Running != 0 {
			t.Errorf("the responder has %+v", s)
		}
		if err := told.all(); err != nil {
			t.Errorf("a late answer is no error, but OnError was told %v", err)
		}
	})
}

func TestManyRequestsAtOnceGetTheirOwnAnswers(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
		cause, _ := event.CauseFrom(ctx)
		return Price{SKU: q.SKU + " " + cause.CorrelationID.String()}, nil
	})
	var all sync.WaitGroup
	for n := range 2000 {
		all.Go(func() {
			sku, correlation := fmt.Sprint("sku ", n), event.NewID()
			ctx := event.WithCause(t.Context(), event.Cause{ID: correlation})
			got, err := request.Do[Price](ctx, c, PriceAsked{sku})
			if want := sku + " " + correlation.String(); err != nil || got.SKU != want {
				t.Errorf("Do returned %q, %v; want %q", got.SKU, err, want)
			}
		})
	}
	all.Wait()
}

func TestEachRequestHasOneOutcomeWhileRespondersComeAndGo(t *testing.T) {
	c, _ := over(t, request.Config{})
	const askers, requests = 8, 300
	var handled, answered, nobody atomic.Int64
	stop := make(chan struct{})
	var coming, asking sync.WaitGroup
	for range 2 {
		coming.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := handle(t, c, func(_ context.Context, q PriceAsked) (Price, error) {
					handled.Add(1)
					return Price{SKU: q.SKU}, nil
				})
				if err := r.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range askers {
		asking.Go(func() {
			for range requests {
				switch _, err := ask(t, c); {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, request.ErrNoResponder):
					nobody.Add(1)
				default:
					t.Errorf("the outcome is %v", err)
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	coming.Wait()
	if n := answered.Load() + nobody.Load(); n != askers*requests {
		t.Errorf("%d requests had an outcome, want %d", n, askers*requests)
	}
	if handled.Load() < answered.Load() {
		t.Errorf("%d requests were answered and %d handled", answered.Load(), handled.Load())
	}
}

func TestAFailingObserverDoesNotKeepARequestFromItsAnswer(t *testing.T) {
	var told reports
	c, b := over(t, request.Config{OnError: told.note})
	b.SubscribeTopic("**", func(context.Context, event.Event[any]) error { return errUnknown }, bus.Named("observer"))
	_, err := ask(t, c)
	expectError(t, err, request.ErrNoResponder)
	handle(t, c, oak)
	if _, err := ask(t, c); err != nil {
		t.Error(err)
	}
	if joined, ok := told.all().(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 2 {
		t.Errorf("OnError was told %v, want the observer's error twice", told.all())
	}
}

func TestAHandlerMayAskInTurn(t *testing.T) {
	c, _ := over(t, request.Config{})
	type TotalAsked struct{ SKU string }
	handle(t, c, oak)
	handle(t, c, func(ctx context.Context, q TotalAsked) (int64, error) {
		price, err := request.Do[Price](ctx, c, PriceAsked(q))
		return price.Cents * 2, err
	})
	if got, err := request.Do[int64](t.Context(), c, TotalAsked{"oak"}); got != 1990 || err != nil {
		t.Errorf("Do returned %v, %v", got, err)
	}
}

func TestARequestThatAsksItselfMeetsItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		r := handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
			return request.Do[Price](ctx, c, q)
		}, request.Limit(20, 0))
		_, err := ask(t, c)
		expectError(t, err, request.ErrBusy)
		if synctest.Wait(); r.Stats().Running != 0 {
			t.Errorf("the responder has %+v", r.Stats())
		}
	})
}

func TestTheHandlersContextIsAContextLikeAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var left context.Context
		handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
			left = ctx
			if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
				t.Errorf("within the handler: deadline %t, %v", ok, ctx.Err())
			}
			return Price{}, nil
		})
		if _, err := ask(t, c); err != nil {
			t.Fatal(err)
		}
		if synctest.Wait(); left.Err() != context.Canceled {
			t.Errorf("after the answer its error is %v", left.Err())
		}
		<-left.Done()
		child, cancel := context.WithCancel(left)
		defer cancel()
		time.Sleep(time.Hour) // past the deadline
		if child.Err() == nil || left.Err() != context.Canceled {
			t.Errorf("the errors are %v and %v", child.Err(), left.Err())
		}
	})
}

func TestRequestsWithinEachOtherEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		var calls atomic.Int64
		handle(t, c, func(ctx context.Context, q PriceAsked) (Price, error) {
			calls.Add(1)
			return request.Do[Price](ctx, c, q)
		})
		_, err := ask(t, c)
		expectError(t, err, request.ErrDepth)
		if calls.Load() != 100 {
			t.Errorf("the handler was called %d times, want 100", calls.Load())
		}
	})
}
