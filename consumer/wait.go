package consumer

import (
	"context"
	"math"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// lookEvery is how often WaitFor looks at what other processes have saved.
const lookEvery = 50 * time.Millisecond

// WaitFor returns when everything up to the position was handled, parked or skipped, be it here or by other processes that share the
// consumer. Of transactions it says that they are committed; of other handlers, that they have returned. When the consumer does not run,
// and has not saved that it came so far, it waits for Run. Dead letters that are to be redriven are waited for, too: here, those whose
// redrive somebody asked for before Run, and later ones from when it has begun.
func (c *Consumer) WaitFor(ctx context.Context, position store.Position) error {
	for {
		r, changed := c.current()
		reached, err := false, error(nil)
		if r != nil {
			reached, err = r.waitFor(ctx, position, changed)
		} else {
			reached, err = c.savedUpTo(ctx, position)
		}
		if err != nil || reached {
			return err
		}
		if r != nil {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// savedUpTo reports whether the saved checkpoints have reached the position.
func (c *Consumer) savedUpTo(ctx context.Context, position store.Position) (bool, error) {
	all, err := loadSaved(ctx, c.store, c.name)
	if err != nil || len(all) == 0 {
		return false, err
	}
	if asked, err := parked.Asked(ctx, c.store, c.name); asked || err != nil {
		return false, err
	}
	return c.reachedBy(ctx, all, func(int) bool { return false }, position)
}

// wait is somebody who waits until all slots here have reached a position, or until there are other slots.
type wait struct {
	position store.Position
	over     chan struct{}
}

// waitFor returns true when the position is reached, false when the run has ended.
func (r *run) waitFor(ctx context.Context, position store.Position, ended <-chan struct{}) (bool, error) {
	for {
		reached, err := r.waitOnce(ctx, position, ended)
		if reached || err != nil {
			return reached, err
		}
		select {
		case <-ended:
			return false, nil
		default:
		}
	}
}

// waitOnce returns when there is news.
func (r *run) waitOnce(ctx context.Context, position store.Position, ended <-chan struct{}) (reached bool, err error) {
	w, here, held := r.board.waitFor(position)
	defer r.board.forget(w)
	var tick <-chan time.Time
	if here {
		if reached, err := r.elsewhere(ctx, held, position); reached || err != nil {
			return reached, err
		}
		timer := time.NewTimer(lookEvery)
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-w.over:
	case <-tick:
	case <-ended:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

// elsewhere reports whether the slots that are not held here have reached the position.
func (r *run) elsewhere(ctx context.Context, held []bool, position store.Position) (bool, error) {
	if len(held) == 0 {
		return false, nil
	}
	all := true
	for _, here := range held {
		all = all && here
	}
	if all {
		return true, nil
	}
	if !r.shares(held) {
		return false, nil // it is about to get more
	}
	saved, err := loadSaved(ctx, r.store, r.name)
	if err != nil || len(saved) != len(held) {
		return false, err
	}
	return r.reachedBy(ctx, saved, func(slot int) bool { return held[slot] }, position)
}

// shares reports whether the slots that are not held here are other runs'.
func (r *run) shares(held []bool) bool {
	leases := r.lease()
	if leases == nil {
		return false
	}
	view, self := leases.View(), r.member()
	for _, s := range view.Slots {
		if !held[s.Number] && (s.Owner == "" || s.Owner == self) {
			return false
		}
	}
	return len(view.Slots) == len(held)
}

// reachedBy reports whether saved checkpoints have reached the position, but for some slots.
func (c *Consumer) reachedBy(ctx context.Context, saved []checkpoint, except func(slot int) bool, position store.Position) (bool, error) {
	open, err := c.firstOpen(ctx, saved, except, position)
	return err == nil && open > position, err
}

// firstOpen returns the position of the first record up to a position that is not done as far as is saved, but for some slots; when there
// is none, one behind. It reads the records behind the lowest checkpoint, since a slot without records need not have been saved.
func (c *Consumer) firstOpen(
	ctx context.Context, saved []checkpoint, except func(slot int) bool, position store.Position,
) (open store.Position, err error) {
	lowest := position
	for i := range saved {
		if !except(i) {
			lowest = min(lowest, saved[i].Position)
		}
	}
	if lowest >= position {
		return position + 1, nil
	}
	filters, err := c.routes.storeFilters(c.store.Registry())
	if err != nil {
		return 0, err
	}
	for rec, err := range c.store.Read(ctx, store.Query{Any: filters, After: lowest, Before: position + 1}) {
		if err != nil {
			return 0, err
		}
		slot, _, wanted, err := c.place(&rec, len(saved))
		if err != nil {
			return 0, err
		}
		if wanted && !except(slot) && !saved[slot].has(rec.Position) {
			return rec.Position, nil
		}
	}
	return position + 1, nil
}

// waitFor returns whether all slots here have reached the position, which slots those are, and what is told of changes.
func (b *board) waitFor(position store.Position) (w *wait, here bool, held []bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w = &wait{position: position, over: make(chan struct{})}
	for _, s := range b.slots {
		held = append(held, s != nil)
	}
	if here = b.reached() >= position; here {
		w.position = math.MaxUint64 // for changes of slots only
	}
	b.waits = append(b.waits, w)
	return w, here, held
}

func (b *board) forget(w *wait) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.waits {
		if b.waits[i] == w {
			b.waits = append(b.waits[:i], b.waits[i+1:]...)
			return
		}
	}
}

// reached returns up to where all slots that are held are done.
func (b *board) reached() store.Position {
	lowest := store.Position(math.MaxUint64)
	for _, s := range b.slots {
		switch {
		case s == nil:
		case s.stale:
			return 0 // it may have been put back
		case s.redriving():
			return 0
		default:
			lowest = min(lowest, s.reached(b.at))
		}
	}
	return lowest
}

// moved tells those who waited for a slot to get further than it was.
func (b *board) moved(s *slot, was store.Position) {
	if len(b.waits) == 0 {
		return
	}
	now := s.reached(b.at)
	for _, w := range b.waits {
		if was < w.position && w.position <= now {
			b.checkWaits()
			return
		}
	}
}

// checkWaits tells those whose position is reached.
func (b *board) checkWaits() {
	if len(b.waits) == 0 {
		return
	}
	reached := b.reached()
	b.tell(func(w *wait) bool { return w.position <= reached })
}

// wake tells all: there are other slots.
func (b *board) wake() { b.tell(func(*wait) bool { return true }) }

func (b *board) tell(whom func(*wait) bool) {
	left := b.waits[:0]
	for _, w := range b.waits {
		if whom(w) {
			close(w.over)
		} else {
			left = append(left, w)
		}
	}
	clear(b.waits[len(left):])
	b.waits = left
}
