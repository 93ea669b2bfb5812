package bus

import "context"

// QueuedIn returns the queued subscription whose handler was given ctx, or a context that ctx was made from; nil when there is none.
// It tells an observer whether a handler runs in its publisher's goroutine: then both contexts have the same answer.
func QueuedIn(ctx context.Context) *Subscription {
	if q := queueOf(ctx); q != nil {
		return q.sub
	}
	return nil
}
