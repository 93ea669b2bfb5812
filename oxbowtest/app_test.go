package oxbowtest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

func quiet() oxbow.Config {
	return oxbow.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// selling is an app in which an order is paid for by a consumer, and counted by a projection.
func selling(t testing.TB, pay func(context.Context, event.Event[orderPlaced]) error, given ...any) *oxbowtest.App {
	app := oxbowtest.NewApp(t, quiet(), given...)
	app.Consume("billing", consumer.Config{}, consumer.On(pay))
	p, err := totals(app.Store(), func() int { return 0 })
	must(t, err)
	app.Project(p)
	return app
}

func TestAnAppIsSettledWhenEverythingThatFollowsIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var app *oxbowtest.App
		app = selling(t, func(ctx context.Context, e event.Event[orderPlaced]) error {
			time.Sleep(time.Minute)
			_, err := app.Publish(ctx, orderPaid{Order: e.Data.Order})
			return err
		}, orderPlaced{Order: "1"})
		app.Start()
		_, err := app.Publish(t.Context(), orderPlaced{Order: "2"})
		must(t, err)
		must(t, app.Settle(t.Context()))
		app.Recorder.ExpectMatch(t, oxbowtest.Match{AnyOrder: true}, orderPlaced{Order: "2"}, orderPaid{Order: "1"}, orderPaid{Order: "2"})
	})
}

// unsettled returns what Settle says after a minute.
func unsettled(t *testing.T, app *oxbowtest.App) *oxbowtest.UnsettledError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := app.Settle(ctx)
	u, ok := errors.AsType[*oxbowtest.UnsettledError](err)
	if !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("settle: %v, want an *UnsettledError", err)
	}
	return u
}

func TestSettleSaysWhoIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := selling(t, func(_ context.Context, e event.Event[orderPlaced]) error {
			if e.Data.Order == "2" {
				return consumer.RetryAfter(time.Hour, errors.New("the bank is closed"))
			}
			return nil
		}, orderPlaced{Order: "1"}, oxbowtest.Event(orderPlaced{Order: "2"}), orderPlaced{Order: "3"})
		app.Start()
		u := unsettled(t, app)
		if len(u.Behind) != 1 || u.Behind[0].Who != "consumer billing" || u.Behind[0].Position != 1 || u.Behind[0].Next.ID != oxbowtest.ID(2) {
			t.Errorf("behind are %+v", u.Behind)
		}
		compareGolden(t, "settle-retry", u.Error()+"\n")
	})
}

func TestSettleSaysWhichHandlerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		app := selling(t, func(context.Context, event.Event[orderPlaced]) error { <-release; return nil },
			orderPlaced{Order: "1"}, orderPlaced{Order: "2"})
		subscribed := make(chan struct{})
		_, err := bus.Subscribe(app.Bus(), func(context.Context, event.Event[orderPaid]) error { <-subscribed; return nil },
			bus.Queued(bus.Queue{}))
		must(t, err)
		app.Start()
		for range 2 {
			must(t, app.Bus().Publish(t.Context(), orderPaid{Order: "1"}))
		}
		u := unsettled(t, app)
		compareGolden(t, "settle-running", u.Error()+"\n")
		close(release)
		close(subscribed)
		must(t, app.Settle(t.Context()))
	})
}

func TestSettleSaysThatNothingRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := selling(t, func(context.Context, event.Event[orderPlaced]) error { return nil }, orderPlaced{Order: "1"})
		compareGolden(t, "settle-not-run", unsettled(t, app).Error()+"\n")
	})
}

func TestSettleSaysThatItNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := oxbowtest.NewApp(t, quiet())
		app.Consume("echo", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			time.Sleep(time.Second)
			_, err := app.Publish(ctx, orderPlaced{Order: e.Data.Order})
			return err
		}))
		app.Start()
		_, err := app.Publish(t.Context(), orderPlaced{Order: "1"})
		must(t, err)
		u := unsettled(t, app)
		if u.Came < 50 || u.Newest == nil || u.Newest.Type != "order.placed" {
			t.Errorf("%d came, at last %+v", u.Came, u.Newest)
		}
	})
}

func TestSettleReturnsWhatEndedTheApp(t *testing.T) {
	app := oxbow.New(newMemory(t), quiet())
	broken := errors.New("broken")
	app.Consume("billing", consumer.Config{Spent: consumer.Halt}, consumer.On(func(context.Context, event.Event[orderPlaced]) error {
		return consumer.Permanent(broken)
	}))
	err := app.RunWhile(t.Context(), func(ctx context.Context) error {
		if _, err := app.Publish(ctx, orderPlaced{Order: "1"}); err != nil {
			return err
		}
		return oxbowtest.Settle(ctx, app)
	})
	if !errors.Is(err, broken) {
		t.Errorf("settle: %v, want %v", err, broken)
	}
}

func newMemory(t *testing.T) store.Driver {
	t.Helper()
	d := newDriver()
	t.Cleanup(func() { d.Close() })
	return d
}

// A consumer's retry after an hour, tested in no time: within a bubble of testing/synctest the clock moves on when everybody waits.
func TestARetryAfterAnHourTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		open := false
		app := selling(t, func(context.Context, event.Event[orderPlaced]) error {
			if !open {
				open = true
				return consumer.RetryAfter(time.Hour, errors.New("the bank is closed"))
			}
			return nil
		})
		app.Start()
		_, err := app.Publish(t.Context(), orderPlaced{Order: "1"})
		must(t, err)
		must(t, app.Settle(t.Context()))
		if waited := time.Since(begin); waited != time.Hour {
			t.Errorf("settled after %v, want an hour", waited)
		}
	})
}

func TestHooksOfTheUserAreCalledToo(t *testing.T) {
	hook := &countingHook{}
	cfg := quiet()
	cfg.Hooks.Store, cfg.Hooks.Consumer = hook, hook
	app := oxbowtest.NewApp(t, cfg)
	app.Consume("billing", consumer.Config{}, consumer.On(func(context.Context, event.Event[orderPlaced]) error { return nil }))
	app.Start()
	_, err := app.Publish(t.Context(), orderPlaced{Order: "1"})
	must(t, err)
	must(t, app.Settle(t.Context()))
	if hook.handled.Load() != 1 || hook.done.Load() != 1 || hook.appended.Load() == 0 {
		t.Errorf("the hooks were told of %d attempts, %d ends, %d appends", hook.handled.Load(), hook.done.Load(), hook.appended.Load())
	}
	app.Recorder.Expect(t, orderPlaced{Order: "1"})
}

var _ oxbow.Worker = (*projection.Projection[total])(nil)
