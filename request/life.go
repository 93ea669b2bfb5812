package request

import (
	"cmp"
	"context"
	"sync"
)

// life is the context of one responder's work on a request: it ends with the asker's, or by end. What most handlers never ask for, the channel
// that closes when it ends, is made when somebody does.
type life struct {
	context.Context // the asker's

	mu   sync.Mutex
	err  error           // set by end
	real context.Context // nil until somebody waits for the end
	stop context.CancelFunc
}

func (l *life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real == nil {
		l.real, l.stop = context.WithCancel(l.Context)
		if l.err != nil {
			l.stop()
		}
	}
	return l.real.Done()
}

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

func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err = cmp.Or(l.Context.Err(), context.Canceled)
	if l.stop != nil {
		l.stop()
	}
}
