package projection

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

const (
	saveEvery  = 1000               // positions without an event for this projection that alone are worth a commit
	maxChanged = store.MaxItems / 2 // documents changed in one commit, after which the batch is closed early
)

// Run applies events until ctx ends, and then returns nil; or until something stops it: a *consumer.HaltError,
// consumer.ErrTaken, or the store's error. It may be called again.
func (p *Projection[D]) Run(ctx context.Context) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("projection %s: %w", p.name, err)
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	default:
		return fmt.Errorf("projection %s: is already running", p.name)
	}
	return p.outcome(ctx, p.run(ctx))
}

func (p *Projection[D]) outcome(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	if halt := (*consumer.HaltError)(nil); errors.As(err, &halt) {
		return err
	}
	return fmt.Errorf("projection %s: %w", p.name, err)
}

func (p *Projection[D]) run(ctx context.Context) error {
	s, err := p.loadState(ctx, p.name)
	for err == nil {
		p.reached.set(s.Position)
		var head store.Position
		if head, err = p.store.Wait(ctx, s.Position); err != nil {
			return err
		}
		err = p.advance(ctx, p.name, &s, head, p.reached.set)
		if errors.Is(err, consumer.ErrTaken) {
			s, err = p.adopt(ctx, s, err)
		}
	}
	return err
}

// adopt returns the state that a rebuild put in place of ours. Any other change of it was another run's.
func (p *Projection[D]) adopt(ctx context.Context, ours state, taken error) (state, error) {
	s, err := p.loadState(ctx, p.name)
	if err == nil && s.Generation == ours.Generation {
		return s, taken
	}
	return s, err
}

// advance applies everything up to head, and tells each position it reached.
func (p *Projection[D]) advance(ctx context.Context, name string, s *state, head store.Position, tell func(store.Position)) error {
	attempt := 0
	for s.Position < head {
		records, err := p.batch(ctx, s.Position, head)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			s.Position = head
			if s.Position >= s.saved+saveEvery {
				err = p.save(ctx, name, s, nil)
			}
			tell(s.Position)
			return err
		}
		failure, err := p.step(ctx, name, s, records, attempt+1)
		if err != nil {
			return err
		}
		if failure == nil {
			attempt = 0
			tell(s.Position)
			continue
		}
		attempt++
		if err := p.pause(ctx, records[0], attempt, failure); err != nil {
			return err
		}
	}
	return nil
}

func (p *Projection[D]) batch(ctx context.Context, after, head store.Position) ([]event.Record, error) {
	q := store.Query{Any: p.filters(), After: after, Before: head + 1, Limit: p.cfg.Batch}
	var records []event.Record
	for r, err := range p.store.Read(ctx, q) {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// step applies and commits as many of the records as it can. failure is what the first one's handler returned, when not even that
// one could be applied; err is what ends the run. attempt is the first one's.
func (p *Projection[D]) step(ctx context.Context, name string, s *state, records []event.Record, attempt int) (failure, err error) {
	docs := newDocs[D](p.store, p.bucket(s.Generation))
	n := 0
	for n < len(records) && len(docs.changed) < maxChanged && failure == nil {
		if failure = p.tryApply(ctx, docs, records[n], attempt); failure == nil {
			n++
			attempt = 1
		}
	}
	switch {
	case failure != nil && n == 0:
		return failure, ctx.Err()
	case failure != nil: // it may have left documents half changed: begin again, with those before it
		return p.step(ctx, name, s, records[:n], 1)
	}
	writes, err := docs.writes()
	if err != nil {
		return nil, err
	}
	next := *s
	next.Position = records[n-1].Position
	if err := p.save(ctx, name, &next, writes); err != nil {
		return nil, err
	}
	*s = next
	return nil, nil
}

// apply calls the handlers of one record. A panic becomes a *middleware.PanicError.
func (p *Projection[D]) apply(ctx context.Context, docs *Docs[D], r event.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	eventType, err := p.typeOf(r)
	if err != nil {
		return err
	}
	for _, h := range p.handlers {
		if h.goType != nil && h.eventType != eventType {
			continue
		}
		if err := h.apply(ctx, docs, r); err != nil {
			return err
		}
	}
	return nil
}

// pause waits before the next attempt, or returns the error that halts the projection.
func (p *Projection[D]) pause(ctx context.Context, r event.Record, attempt int, failure error) error {
	wait, again := p.cfg.Retry.Delay(failure, attempt)
	if !again {
		p.tellDeadLetter(ctx, r, attempt, failure)
		return &consumer.HaltError{Consumer: p.label(), Record: r, Attempts: attempt, Err: failure}
	}
	args := []any{
		"projection", p.name, "type", r.Type, "stream", r.Stream, "position", r.Position, "id", r.ID,
		"attempt", attempt, "wait", wait, "error", failure,
	}
	if panicked, ok := errors.AsType[*middleware.PanicError](failure); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	p.cfg.Logger.Warn("projection's handler failed, will try again", args...)
	p.tellRetry(ctx, r, attempt, wait, failure)
	return backoff.Sleep(ctx, wait)
}
