package request

import (
	"context"
	"sync"
)

// running counts what runs and tells when nothing does. The owner's mutex guards it.
type running struct {
	count int
	idle  chan struct{} // closed when nothing runs; nil while nobody waits
}

// add changes the count. The caller holds the mutex.
func (r *running) add(n int) {
	r.count += n
	if r.count == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// wait returns nil at a moment when nothing runs, or the error of ctx. The caller does not hold mu.
func (r *running) wait(ctx context.Context, mu *sync.Mutex) error {
	mu.Lock()
	if r.count == 0 {
		mu.Unlock()
		return nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-idle: // both were so: rest counts
		return nil
	default:
		return ctx.Err()
	}
}
