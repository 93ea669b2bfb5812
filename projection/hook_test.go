package projection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/projection"
)

// spy notes what it is told.
type spy struct {
	t     *testing.T
	notes []string
}

type spyKey struct{}

func (s *spy) note(ctx context.Context, r *event.Record, format string, args ...any) {
	if cause, ok := event.CauseFrom(ctx); !ok || cause != r.Cause() {
		s.t.Errorf("the hook's context carries the cause %+v, want that of record %d", cause, r.Position)
	}
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *spy) Handle(ctx context.Context, name string, r *event.Record, attempt int) (context.Context, func(error)) {
	s.note(ctx, r, "%s handles %d, attempt %d", name, r.Position, attempt)
	if r.Position == 1 {
		return ctx, nil
	}
	return context.WithValue(ctx, spyKey{}, "traced"), func(err error) { s.notes = append(s.notes, fmt.Sprintf("done: %v", err)) }
}

func (s *spy) Retry(ctx context.Context, name string, r *event.Record, attempt int, after time.Duration, err error) {
	s.note(ctx, r, "%s retries %d, attempt %d: %v", name, r.Position, attempt, err)
}

func (s *spy) DeadLetter(ctx context.Context, name string, r *event.Record, attempts int, err error) {
	s.note(ctx, r, "%s gives %d up, attempts %d: %v", name, r.Position, attempts, err)
}

func TestHookIsToldOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, s := newStore(t), &spy{t: t}
		p := accounts(t, st, projection.Config{Hook: s, Retry: consumer.Retry{Attempts: 2}})
		projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], r event.Record) error {
			if r.Position != 2 {
				return nil
			}
			if ctx.Value(spyKey{}) != "traced" {
				t.Error("the handler does not get the hook's context")
			}
			panic("oops")
		})
		deposit(t, st, "ann", 1, 2)
		err := p.Run(t.Context())
		if panicked, ok := errors.AsType[*middleware.PanicError](err); !ok || panicked.Value != "oops" || len(panicked.Stack) == 0 {
			t.Errorf("Run returned %v, want the panic", err)
		}
		want := []string{
			"projection accounts handles 1, attempt 1",
			"projection accounts handles 2, attempt 1", "done: panic: oops",
			"projection accounts handles 1, attempt 1", // again, without what the second one may have half changed
			"projection accounts handles 2, attempt 1", "done: panic: oops",
			"projection accounts retries 2, attempt 1: panic: oops",
			"projection accounts handles 2, attempt 2", "done: panic: oops",
			"projection accounts gives 2 up, attempts 2: panic: oops",
		}
		if !slices.Equal(s.notes, want) {
			t.Errorf("the hook was told\n%q\nwant\n%q", s.notes, want)
		}
	})
}

func TestHookCountsTheAttemptsOfEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, s := newStore(t), &spy{t: t}
		p := accounts(t, st, projection.Config{Hook: s})
		fails := true
		projection.OnAny(p, func(context.Context, *projection.Docs[account], event.Record) error {
			if fails {
				fails = false
				return errors.New("once")
			}
			return nil
		})
		deposit(t, st, "ann", 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		if err := p.WaitFor(ctx, 2); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		want := []string{
			"projection accounts handles 1, attempt 1",
			"projection accounts retries 1, attempt 1: once",
			"projection accounts handles 1, attempt 2",
			"projection accounts handles 2, attempt 1", "done: <nil>",
		}
		if !slices.Equal(s.notes, want) {
			t.Errorf("the hook was told\n%q\nwant\n%q", s.notes, want)
		}
	})
}
