package bus

import (
	"context"
	"fmt"
)

// Drain ends the subscription gently: it gets no more events, handles those in its queue, and Drain returns when its handler
// has returned for the last time; of a feed, when its readers have read what is in the ring. When ctx ends first, it returns an
// [*UnfinishedError] that tells what is left. That is not dropped, as Close would: it goes on being handled, and Drain may be called
// again. The subscription's own handler would wait for itself: it gets an error at once, and nothing is ended.
func (s *Subscription) Drain(ctx context.Context) error { return s.drain(ctx, "drain") }

func (s *Subscription) drain(ctx context.Context, verb string) error {
	if s.handlesIn(ctx) {
		return fmt.Errorf("%s subscription %s: its own handler would wait for itself; use Cancel", verb, s.name)
	}
	s.leave()
	s.Resume()
	err := s.active.wait(ctx)
	if err == nil {
		return nil
	}
	stats := s.Stats()
	return &UnfinishedError{Left: []Left{{Subscription: s.name, Waiting: stats.Depth, Running: stats.Running}}, Err: err}
}

// handlesIn reports whether ctx is that of a handler of s.
func (s *Subscription) handlesIn(ctx context.Context) bool {
	q := queueOf(ctx)
	return q != nil && q == s.queue || s.sync() && s.calledWithin(ctx)
}
