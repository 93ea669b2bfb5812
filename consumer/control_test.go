package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func TestAPausedConsumerTakesNothingUntilItIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		entered := make(chan struct{}, 1)
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			entered <- struct{}{}
			time.Sleep(time.Minute)
			<-entered
			return seen.handle(ctx, r)
		}))
		stop := start(t, c)
		place(t, st, "a", 1, 2)
		synctest.Wait()
		if err := c.Pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := fmt.Sprint(seen.positions()); got != "[1]" {
			t.Errorf("paused while 1 was handled, it handled %s; that one is to finish, and none to begin", got)
		}
		stats, err := c.Stats(t.Context())
		if err != nil || !stats.Paused || stats.Pending != 1 || stats.LagTime < time.Hour {
			t.Errorf("the statistics are %+v, %v", stats, err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		other := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle)) // it is durable
		defer start(t, other)()
		time.Sleep(time.Hour)
		if got := fmt.Sprint(seen.positions()); got != "[1]" {
			t.Errorf("after a restart the paused consumer handled %s", got)
		}
		if err := consumer.Resume(t.Context(), st, "billing"); err != nil { // from elsewhere
			t.Fatal(err)
		}
		waitFor(t, other, 2)
		if got := fmt.Sprint(seen.positions()); got != "[1 2]" {
			t.Errorf("resumed, it handled %s", got)
		}
	})
}

func TestRewindWhileItRunsHandlesAgainFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2, 3, 4))
		if err := c.Rewind(t.Context(), consumer.FromPosition(2)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		waitFor(t, c, 4)
		if got := fmt.Sprint(seen.positions()); got != "[1 2 3 4 3 4]" {
			t.Errorf("handled %s, want [1 2 3 4 3 4]", got)
		}
		if err := consumer.Pause(t.Context(), st, "billing"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		place(t, st, "a", 5)
		if err := errors.Join(c.Rewind(t.Context(), consumer.FromNow), c.Resume(t.Context())); err != nil { // forward
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		waitFor(t, c, place(t, st, "a", 6))
		if got := seen.positions()[6:]; fmt.Sprint(got) != "[6]" {
			t.Errorf("then it handled %v, want [6]", got)
		}
	})
}

func TestWhatIsHandledDuringARewindCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		running := 0
		attempts := 0
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			if running++; running > 1 {
				t.Error("the same key is handled twice at the same time")
			}
			defer func() { running-- }()
			if err := sum(ctx, e); err != nil {
				return err
			}
			if attempts++; attempts == 1 {
				<-ctx.Done()
				time.Sleep(time.Second)
			}
			return nil
		}))
		defer start(t, c)()
		last := place(t, st, "a", 1, 2)
		synctest.Wait()
		if err := c.Rewind(t.Context(), consumer.FromBeginning); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		waitFor(t, c, last)
		if got := number(t, st, "a"); got != 3 || len(paid(t, st)) != 2 || attempts != 3 {
			t.Errorf("after %d attempts the sum is %d and %d are paid, want 3 attempts, 3 and 2", attempts, got, len(paid(t, st)))
		}
	})
}

func TestARewindAppendsNothingASecondTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{}, consumer.On(sum))
		defer start(t, c)()
		var last store.Position
		for n := range 20 {
			last = place(t, st, fmt.Sprint(n), 1)
		}
		waitFor(t, c, last)
		for range 2 {
			if err := c.Rewind(t.Context(), consumer.FromBeginning); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			waitFor(t, c, last)
		}
		if got := len(paid(t, st)); got != 20 {
			t.Errorf("%d are paid, want 20: their ids are known", got)
		}
		if got := number(t, st, "7"); got != 3 {
			t.Errorf("the sum of one is %d, want 3: its item was put each time", got)
		}
	})
}

// One transaction alone is the very commit that the store knows already, and writes nothing of when it comes again.
func TestARewindPutsItemsAgainThoughEventsAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{}, consumer.On(sum))
		defer start(t, c)()
		last := place(t, st, "a", 5)
		waitFor(t, c, last)
		if err := c.Rewind(t.Context(), consumer.FromBeginning); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		waitFor(t, c, last)
		if n, events := number(t, st, "a"), len(paid(t, st)); n != 10 || events != 1 {
			t.Errorf("the sum is %d and %d are paid, want 10 and 1", n, events)
		}
	})
}

func TestAConsumerThatNeverRanBeginsWhereItIsRewoundTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1, 2, 3)
		if err := consumer.Rewind(t.Context(), st, "billing", consumer.FromPosition(2)); err != nil {
			t.Fatal(err)
		}
		var seen calls
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
		defer start(t, c)()
		waitFor(t, c, 3)
		if got := fmt.Sprint(seen.positions()); got != "[3]" {
			t.Errorf("handled %s, want [3]", got)
		}
	})
}

func TestFromSaysWhereToBegin(t *testing.T) {
	for name, want := range map[consumer.From]string{
		consumer.FromBeginning:   "[1 2 3 4 5]",
		"beginning":              "[1 2 3 4 5]",
		consumer.FromNow:         "[5]",
		consumer.FromPosition(3): "[4 5]",
		consumer.FromTime(time.Date(2000, 1, 1, 2, 0, 0, 0, time.UTC)): "[3 4 5]",
		consumer.FromTime(time.Date(2000, 1, 1, 3, 0, 0, 0, time.UTC)): "[5]",
	} {
		t.Run(string(name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it begins in the year 2000
				st := newStore(t)
				place(t, st, "a", 1, 2)
				time.Sleep(2 * time.Hour)
				place(t, st, "a", 3, 4)
				var seen calls
				c := newConsumer(t, st, consumer.Config{From: name}, consumer.OnRecord(seen.handle))
				stop := start(t, c)
				synctest.Wait()
				if err := stop(); err != nil { // what is decided stays so
					t.Fatal(err)
				}
				time.Sleep(2 * time.Hour)
				last := place(t, st, "a", 5)
				c = newConsumer(t, st, consumer.Config{From: name}, consumer.OnRecord(seen.handle))
				defer start(t, c)()
				waitFor(t, c, last)
				if got := seen.positions(); fmt.Sprint(slices.Compact(got)) != want {
					t.Errorf("handled %v, want %s", got, want)
				}
			})
		})
	}
	for _, bad := range []consumer.From{"yesterday", "-1", "12 "} {
		if err := bad.Check(); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "From") {
			t.Errorf("From %q is %v", bad, err)
		}
		if err := consumer.Rewind(t.Context(), newStore(t), "billing", bad); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("Rewind to %q returned %v", bad, err)
		}
	}
}

func TestTopicsAndWhereNarrowWhatIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for _, topic := range []string{"eu.order.placed", "us.order.placed", "eu.order.paid", "eu.order.placed"} {
			if _, err := st.Append(t.Context(), withTopic(t, topic)); err != nil {
				t.Fatal(err)
			}
		}
		var seen calls
		cfg := consumer.Config{
			Topics: []string{"eu.**.placed", "us.**"},
			Where:  func(r *event.Record) bool { return r.Position != 4 },
		}
		c := newConsumer(t, st, cfg, consumer.OnRecord(seen.handle))
		defer start(t, c)()
		waitFor(t, c, 4)
		if got := fmt.Sprint(seen.positions()); got != "[1 2]" {
			t.Errorf("handled %s, want [1 2]", got)
		}
	})
}

func withTopic(t *testing.T, topic string) event.Event[any] {
	t.Helper()
	e, err := event.New(t.Context(), orderPlaced{"a", 1}, event.WithTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAFunctionOfConfigThatPanicsHaltsAndNamesTheRecord(t *testing.T) {
	oops := func(*event.Record) bool { panic("oops") }
	for name, cfg := range map[string]consumer.Config{
		"Where": {Where: oops},
		"Key":   {Key: func(r *event.Record) string { oops(r); return "" }},
	} {
		synctest.Test(t, func(t *testing.T) {
			st := newStore(t)
			place(t, st, "a", 1)
			var seen calls
			err := newConsumer(t, st, cfg, consumer.OnRecord(seen.handle)).Run(t.Context())
			if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Record.Position != 1 || !strings.Contains(err.Error(), "oops") {
				t.Errorf("%s: Run returned %v", name, err)
			}
		})
	}
}
