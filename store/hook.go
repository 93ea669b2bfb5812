package store

import (
	"context"
	"slices"
)

// Hook sees every commit on its way to the driver: to trace it, to measure it, to log it. Its calls may overlap.
type Hook interface {
	// Append is called before a commit goes to the driver, also before the driver has looked at it: it may be refused. It may set
	// TraceParent and TraceState of the commit's events, and nothing else: the events are the store's own copy, but tags, headers,
	// data, conditions and items are the caller's. It returns the context that the driver gets. done, which may be nil, is called
	// with what the driver answered.
	Append(ctx context.Context, c *Commit) (_ context.Context, done func(Receipt, error))
}

// observed is what Commit does when there is a hook. The events are copied so that the caller can send them again as they were.
func (s *Store) observed(ctx context.Context, c Commit) (Receipt, error) {
	c.Events = slices.Clone(c.Events)
	ctx, done := s.hook.Append(ctx, &c)
	receipt, err := s.driver.Append(ctx, c)
	if done != nil {
		done(receipt, err)
	}
	return receipt, err
}
