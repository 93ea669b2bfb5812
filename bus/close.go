package bus

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// The phases of a bus.
const (
	open     = int32(iota)
	draining // takes only what handlers publish
	closed
)

// enter begins a publish, which the caller ends, or refuses it.
func (b *Bus) enter(ctx context.Context) error {
	b.active.begin() // before looking at the phase: whoever closes sets it and then waits for those that began
	switch b.phase.Load() {
	case open:
		return nil
	case draining:
		if b.handlesIn(ctx) {
			return nil
		}
	}
	b.active.end()
	return ErrClosed
}

// handlesIn reports whether ctx is that of a handler of b.
func (b *Bus) handlesIn(ctx context.Context) bool {
	q := queueOf(ctx)
	return q != nil && q.sub.bus == b || b.scopeOf(ctx) != nil
}

// Idle waits until no publish runs, no event waits in a queue that is not paused, and no handler runs. It does not wait for readers of
// feeds. A handler must not call it: it would wait for itself.
func (b *Bus) Idle(ctx context.Context) error {
	if b.handlesIn(ctx) {
		return errOwnHandler("Idle")
	}
	return b.active.wait(ctx)
}

// Close ends the bus: publishing and subscribing return ErrClosed from now on, but handlers may still publish with their
// contexts. It ends every pause and waits until all that was taken is handled. Readers of feeds end after what is in the ring; it does
// not wait for them.
//
// When ctx ends first, Close ends the contexts of queued handlers, drops what waits and returns an [*UnfinishedError] that tells what
// was left undone. Calling Close again waits for handlers that still run. A handler must not call it: it would wait for itself.
func (b *Bus) Close(ctx context.Context) error {
	if b.handlesIn(ctx) {
		return errOwnHandler("Close")
	}
	b.beginClosing()
	for _, s := range b.all() {
		s.Resume()
	}
	err := b.active.wait(ctx)
	b.phase.Store(closed)
	if err == nil {
		err = b.active.wait(ctx) // for a publish that slipped in from a goroutine that a handler left behind
	}
	b.end(ErrClosed)
	left := b.stopAll()
	if err == nil {
		return nil
	}
	return &UnfinishedError{Left: left, Err: err}
}

func (b *Bus) beginClosing() {
	b.mu.Lock() // so that no subscription is added afterwards
	defer b.unlock()
	b.phase.CompareAndSwap(open, draining)
}

// stopAll cancels the subscriptions and tells what they left undone, in order of subscription.
func (b *Bus) stopAll() (left []Left) {
	for _, s := range b.all() {
		if undone := s.giveUp(); undone != (Left{Subscription: s.name}) {
			left = append(left, undone)
		}
	}
	return left
}

// all returns the subscriptions of the bus, in order of subscription.
func (b *Bus) all() []*Subscription {
	b.mu.Lock()
	subs := slices.Collect(maps.Keys(b.subs))
	b.unlock()
	slices.SortFunc(subs, func(x, y *Subscription) int { return cmp.Compare(x.number, y.number) })
	return subs
}
