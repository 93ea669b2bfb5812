package projection

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/lease"
)

// Run applies events until ctx ends, and then returns nil; or until something stops it: a *consumer.HaltError, or the store's error. It
// may be called again.
//
// Of several runs of one name, in one process or in several, one works and the others stand by; code of a lower Config.Version than
// the active one stands aside.
func (p *Projection[D]) Run(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	default:
		return fmt.Errorf("projection %s: is already running", p.name)
	}
	select {
	case p.working <- struct{}{}: // a Rebuild may be at it
		defer func() { <-p.working }()
	case <-ctx.Done():
		return nil
	}
	return outcome(ctx, p.name, p.runUntil(ctx, nil))
}

// outcome names the projection, and turns the end that the caller asked for into nil.
func outcome(ctx context.Context, name string, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	if isHalt(err) {
		return err
	}
	return fmt.Errorf("projection %s: %w", name, err)
}

// runUntil runs until the goal is reached, which may be nil.
func (p *Projection[D]) runUntil(ctx context.Context, goal func(*state) bool) error {
	for {
		if err := p.admit(ctx); err != nil {
			return err
		}
		err := p.join(ctx, goal)
		switch {
		case errors.Is(err, errOutdated):
		case errors.Is(err, errDone):
			return nil
		default:
			return err
		}
	}
}

// admit returns when the code's version is the active one. A higher one makes itself active, unless it was switched back from.
func (p *Projection[D]) admit(ctx context.Context) error {
	told := false
	for {
		s, err := loadState(ctx, p.store, p.name)
		if err != nil {
			return err
		}
		if s == nil || s.Active == p.cfg.Version {
			return nil
		}
		if p.cfg.Version > s.Active && p.cfg.Version > s.Rejected {
			return p.change(ctx, p.makeActive)
		}
		if !told {
			told = true
			p.cfg.Logger.Info("projection stands aside: code of another version is active",
				"projection", p.name, "version", p.cfg.Version, "active", s.Active, "switched back from", s.Rejected)
		}
		if err := backoff.Sleep(ctx, p.poll()); err != nil {
			return err
		}
	}
}

func (p *Projection[D]) makeActive(s *state) error {
	if p.cfg.Version > s.Active && p.cfg.Version > s.Rejected {
		s.Active = p.cfg.Version
	}
	return nil
}

// join takes part in the lease until ctx ends or the work does.
func (p *Projection[D]) join(ctx context.Context, goal func(*state) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, err := lease.New(p.store, lease.Config{
		Bucket: Bucket, Name: p.name, Slots: 1, TTL: p.cfg.Lease, Logger: p.cfg.Logger,
	})
	if err != nil {
		return err
	}
	var ended error // is written before the lease's Run returns
	w := &work[D]{Projection: p, goal: goal, end: func(err error) { ended = err; cancel() }}
	w.engine = engine[*Docs[D]]{
		name: p.name, handlers: &p.handlers, retry: p.cfg.Retry, logger: p.cfg.Logger,
		tell: teller{p.cfg.Hook, p.label()}, failed: w.note,
	}
	p.group.Store(g)
	defer p.group.Store(nil)
	if err := g.Run(ctx, w); err != nil {
		return err
	}
	return ended
}

// poke makes this process's run, if there is one, look at the state at once.
func (p *Projection[D]) poke() {
	if g := p.group.Load(); g != nil {
		g.Poke()
	}
}
