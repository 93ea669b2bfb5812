package bus

import (
	"context"
	"sync"
	"sync/atomic"
)

// activity counts what is going on, and lets others wait until nothing is.
type activity struct {
	running atomic.Int64
	waited  atomic.Bool // somebody may be waiting

	mu   sync.Mutex
	idle chan struct{} // closed when nothing is going on; nil while nobody waits
}

func (a *activity) begin() { a.running.Add(1) }

func (a *activity) end() {
	if a.running.Add(-1) == 0 && a.waited.Load() {
		a.wake()
	}
}

// count returns how many things are going on.
func (a *activity) count() int { return int(a.running.Load()) }

// wake looks again under the lock: whoever came to wait after the moment of rest that end saw must have its own.
func (a *activity) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.idle == nil || a.running.Load() != 0 {
		return
	}
	close(a.idle)
	a.idle = nil
	a.waited.Store(false)
}

// wait returns nil at a moment when nothing is going on, or the error of ctx.
func (a *activity) wait(ctx context.Context) error {
	a.mu.Lock()
	if a.idle == nil {
		a.idle = make(chan struct{})
		a.waited.Store(true)
	}
	idle := a.idle
	a.mu.Unlock()
	a.wake()
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
