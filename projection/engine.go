package projection

import (
	"context"
	"errors"
	"log/slog"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// target is where the changes of handlers go: documents, or a database.
type target[X any] interface {
	// begin returns what handlers change, as it is after everything that was committed. An unfit error is tried again.
	begin(ctx context.Context) (X, error)
	// full reports that no further event may be applied in the same commit.
	full() bool
	// held reports whether this process may still apply events.
	held() bool
	// commit saves what handlers changed and the position, all or nothing. An unfit error says that what they changed is at fault.
	commit(ctx context.Context, upTo store.Position, events int) error
	// drop forgets what handlers changed since begin.
	drop()
}

// unfit is why something that handlers did cannot be committed.
type unfit struct{ err error }

func (u *unfit) Error() string { return u.err.Error() }
func (u *unfit) Unwrap() error { return u.err }

// errNotHeld means that another process may have the projection.
var errNotHeld = errors.New("another process has it")

// engine applies batches to a target, one event after the other.
type engine[X any] struct {
	name     string
	handlers *handlers[X]
	retry    consumer.Retry
	logger   *slog.Logger
	tell     teller
	failed   func(r event.Record, attempt int, err error) // is told of each failure
}

// apply applies a batch and commits it: at once, or in several steps when a handler fails or a commit would be too large.
func (e *engine[X]) apply(ctx context.Context, ctxs *contexts, t target[X], b *batch[X]) error {
	if b.size == 0 {
		return nil
	}
	step := &step[X]{engine: e, target: t, ctxs: ctxs, batch: b}
	attempt := 0
	for at := 0; at < b.size; {
		n, failure, err := step.run(ctx, at, b.size, attempt+1)
		switch {
		case err != nil:
			return err
		case failure == nil:
			at += n
			attempt = 0
			continue
		}
		attempt++
		if err := e.pause(ctx, *b.record(at), attempt, failure); err != nil {
			return err
		}
	}
	return nil
}

// step is the way through one batch.
type step[X any] struct {
	*engine[X]
	target target[X]
	ctxs   *contexts
	batch  *batch[X]
	again  bool // whether handlers were called before, and may have changed what they were given
}

// run applies and commits as many of the records as it can. failure is what came of the first one, when not even that one could be
// applied; err is what ends the run. attempt is the first one's.
func (s *step[X]) run(ctx context.Context, from, to, attempt int) (n int, failure, err error) {
	x, err := s.target.begin(ctx)
	if bad, ok := errors.AsType[*unfit](err); ok {
		return 0, bad.err, ctx.Err()
	}
	if err != nil {
		return 0, nil, err
	}
	at := from
	for ; at < to && failure == nil && !s.target.full(); at++ {
		if !s.target.held() {
			s.target.drop()
			return 0, nil, errNotHeld
		}
		if failure = s.handle(x, at, attempt); failure != nil {
			break
		}
		attempt = 1
	}
	if failure != nil { // it may have left something half changed: begin again, with those before it
		s.target.drop()
		s.again = true
		if at == from || ctx.Err() != nil {
			return 0, failure, ctx.Err()
		}
		return s.run(ctx, from, at, 1)
	}
	return s.commit(ctx, from, at)
}

// commit saves what the records changed, or half of it when that cannot be saved, until it is known whose fault it is.
func (s *step[X]) commit(ctx context.Context, from, to int) (n int, failure, err error) {
	upTo := s.batch.record(to - 1).Position
	if to == s.batch.size {
		upTo = s.batch.upTo
	}
	err = s.target.commit(ctx, upTo, to-from)
	if err == nil {
		return to - from, nil, nil
	}
	s.target.drop()
	s.again = true
	bad, ok := errors.AsType[*unfit](err)
	switch {
	case !ok:
		return 0, nil, err
	case to-from == 1:
		return 0, bad.err, nil
	}
	return s.run(ctx, from, from+(to-from)/2, 1)
}

func (s *step[X]) handle(x X, at, attempt int) error {
	p, i := s.batch.at(at)
	if s.again {
		p, i = s.handlers.single(p.records[i]), 0
	}
	ctx := s.ctxs.of(&p.records[i])
	if s.tell.hook == nil {
		return s.handlers.apply(ctx, x, p, i)
	}
	r := p.records[i]
	return s.tell.handle(ctx, &r, attempt, func(ctx context.Context) error { return s.handlers.apply(ctx, x, p, i) })
}

// pause waits before the next attempt, or returns the error that halts the projection.
func (e *engine[X]) pause(ctx context.Context, r event.Record, attempt int, failure error) error {
	e.failed(r, attempt, failure)
	wait, again := e.retry.Delay(failure, attempt)
	if !again {
		e.tell.deadLetter(ctx, &r, attempt, failure)
		return &consumer.HaltError{Consumer: e.tell.label, Record: r, Attempts: attempt, Err: failure}
	}
	args := []any{
		"projection", e.name, "type", r.Type, "stream", r.Stream, "position", r.Position, "id", r.ID,
		"attempt", attempt, "wait", wait, "error", failure,
	}
	if panicked, ok := errors.AsType[*middleware.PanicError](failure); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	e.logger.Warn("projection's handler failed, will try again", args...)
	e.tell.retry(ctx, &r, attempt, wait, failure)
	return backoff.Sleep(ctx, wait)
}
