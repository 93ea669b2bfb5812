package projection

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// WaitFor returns when the documents stand for everything up to the position, so that a reader sees what it wrote: whichever process
// applies the events. Where nobody runs the projection it waits until somebody does. While documents of a new version are built, and no
// code of the old one runs, it waits for the switch. Inline documents never lag.
func (p *Projection[D]) WaitFor(ctx context.Context, position store.Position) error {
	if p.cfg.Inline {
		return ctx.Err()
	}
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		works, reached, moved := p.reached.look()
		if works && reached >= position {
			return nil
		}
		if !works {
			there, err := p.savedUpTo(ctx, position)
			if there || err != nil {
				return err
			}
		}
		timer.Reset(lookEvery)
		select {
		case <-moved:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// savedUpTo reports whether what is saved stands for everything up to the position.
func (p *Projection[D]) savedUpTo(ctx context.Context, position store.Position) (bool, error) {
	if position == 0 {
		return true, nil
	}
	s, err := loadState(ctx, p.store, p.name)
	if s == nil || err != nil {
		return false, err
	}
	if s.Live.Position >= position {
		return true, nil
	}
	head, err := p.store.Head(ctx)
	if err != nil || s.Live.Version != p.cfg.Version || head < position {
		return false, err
	}
	// Positions without an event for this projection are not saved at once.
	q := store.Query{Any: p.handlers.filters(), After: s.Live.Position, Before: position + 1, Limit: 1}
	for _, err := range p.store.Read(ctx, q) {
		return false, err
	}
	return true, nil
}
