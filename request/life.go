package request

import (
	"cmp"
	"context"
	"sync"
	"time"
)

// life is a context that ends with the one it is made of, by end, or at its limit. What is seldom asked for, the channel that closes when
// it ends and the timer, is made when somebody does: a request that is answered at once needs neither.
type life struct {
	context.Context
	limit time.Time // zero without a limit of its own

	mu   sync.Mutex
	err  error           // set by end
	real context.Context // nil until somebody waits for the end
	stop context.CancelFunc
}

func (l *life) Deadline() (deadline time.Time, ok bool) {
	if !l.limit.IsZero() {
		return l.limit, true
	}
	return l.Context.Deadline()
}

func (l *life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real == nil {
		l.make()
	}
	return l.real.Done()
}

// make makes the real context. The caller holds l.mu.
func (l *life) make() {
	if l.limit.IsZero() {
		l.real, l.stop = context.WithCancel(l.Context)
	} else {
		l.real, l.stop = context.WithDeadline(l.Context, l.limit)
	}
	if l.err != nil {
		l.stop()
	}
}

// Err does not look at the clock: whoever asked waits, and so has made the timer, by the time that it matters.
func (l *life) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		return l.err
	case l.real != nil:
		return l.real.Err()
	}
	return l.Context.Err()
}

// Value asks the real context, once there is one, so that contexts made of this one know whose end is theirs.
func (l *life) Value(key any) any {
	l.mu.Lock()
	from := l.Context
	if l.real != nil {
		from = l.real
	}
	l.mu.Unlock()
	return from.Value(key)
}

// end ends it. Doing it again does nothing.
func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = l.ending()
	if l.stop != nil {
		l.stop()
	}
}

// ending returns the error that it ends with. The caller holds l.mu.
func (l *life) ending() error {
	if l.real != nil {
		return cmp.Or(l.real.Err(), context.Canceled)
	}
	return cmp.Or(l.Context.Err(), context.Canceled)
}
