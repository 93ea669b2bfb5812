package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// spy notes what it is told.
type spy struct {
	t     *testing.T
	quiet bool // returns no done

	mu    sync.Mutex
	notes []string
}

type spyKey struct{}

func (s *spy) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *spy) Handle(ctx context.Context, name string, r *event.Record, attempt int) (context.Context, func(error)) {
	s.checkCause(ctx, r)
	s.note("%s handles %d, attempt %d", name, r.Position, attempt)
	if s.quiet {
		return ctx, nil
	}
	return context.WithValue(ctx, spyKey{}, "traced"), func(err error) { s.note("done: %v", err) }
}

func (s *spy) Retry(ctx context.Context, name string, r *event.Record, attempt int, after time.Duration, err error) {
	s.checkCause(ctx, r)
	s.note("%s retries %d, attempt %d, after %v: %v", name, r.Position, attempt, after, err)
}

func (s *spy) DeadLetter(ctx context.Context, name string, r *event.Record, attempts int, err error) {
	s.checkCause(ctx, r)
	s.note("%s gives %d up, attempts %d: %v", name, r.Position, attempts, err)
}

func (s *spy) checkCause(ctx context.Context, r *event.Record) {
	if cause, ok := event.CauseFrom(ctx); !ok || cause != r.Cause() {
		s.t.Errorf("the hook's context carries the cause %+v, want that of record %d", cause, r.Position)
	}
}

func TestHookIsToldOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, s := newStore(t), &spy{t: t}
		var traced []any
		trace := func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				traced = append(traced, ctx.Value(spyKey{}))
				return next(ctx, c)
			}
		}
		cfg := consumer.Config{Hook: s, Retry: consumer.Retry{Attempts: 3}, Spent: consumer.Skip, Middleware: []middleware.Func{trace}}
		attempts := 0
		c := newConsumer(t, st, cfg, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			traced = append(traced, ctx.Value(spyKey{}))
			switch attempts++; {
			case r.Position == 1 && attempts == 1:
				return consumer.RetryAfter(time.Second, errDown)
			case r.Position == 2:
				panic("oops")
			}
			return nil
		}))
		c2 := place(t, st, "a", 1)
		defer start(t, c)()
		waitFor(t, c, c2)
		place(t, st, "a", 2)
		waitFor(t, c, 2)
		synctest.Wait()
		want := []string{
			"billing handles 1, attempt 1", "done: card service is down",
			"billing retries 1, attempt 1, after 1s: card service is down",
			"billing handles 1, attempt 2", "done: <nil>",
			"billing handles 2, attempt 1", "done: panic: oops", "",
			"billing handles 2, attempt 2", "done: panic: oops", "",
			"billing handles 2, attempt 3", "done: panic: oops",
			"billing gives 2 up, attempts 3: panic: oops",
		}
		got := slices.Clone(s.notes)
		for i, line := range want {
			if line == "" && i < len(got) {
				got[i] = "" // the wait is random
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the hook was told\n%q\nwant\n%q", got, want)
		}
		for _, v := range traced {
			if v != "traced" {
				t.Errorf("middleware and handler have %v, want what the hook put into the context", traced)
				break
			}
		}
	})
}

func TestHookIsToldBeforeTheConsumerHalts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, s := newStore(t), &spy{t: t, quiet: true}
		place(t, st, "a", 1)
		c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt, Hook: s}, consumer.OnRecord(func(context.Context, event.Record) error {
			return consumer.Permanent(errDown)
		}))
		if _, halted := errors.AsType[*consumer.HaltError](c.Run(t.Context())); !halted {
			t.Error("it did not halt")
		}
		want := []string{"billing handles 1, attempt 1", "billing gives 1 up, attempts 1: card service is down"}
		if !slices.Equal(s.notes, want) {
			t.Errorf("the hook was told %q, want %q", s.notes, want)
		}
	})
}
