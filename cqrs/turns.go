package cqrs

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// turns lets one command at a time through for each idempotency key, so that of two that come together the handler sees one. It is
// there for handlers with effects elsewhere: what is in the store is kept apart by the conditions of the commit.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn is over
}

// take waits for the turn of the key, and returns what ends it. A command sent by the handler of a command that has a turn does
// not wait, so that no circle of them can: it goes without when somebody else has it.
func (t *turns) take(ctx context.Context, s *sending, key string) (leave func(), err error) {
	holds, own := s.held(key)
	if own {
		return nil, event.Invalid("key", "%q is that of the command whose handler sends this one; give each its own", key)
	}
	for {
		over := t.try(key)
		switch {
		case over == nil:
			return func() { t.leave(key) }, nil
		case holds:
			return func() {}, nil
		}
		select {
		case <-over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try takes the turn, or returns what is closed when it is over.
func (t *turns) try(key string) (over <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if over, taken := t.taken[key]; taken {
		return over
	}
	if t.taken == nil {
		t.taken = map[string]chan struct{}{}
	}
	t.taken[key] = make(chan struct{})
	return nil
}

func (t *turns) leave(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.taken[key])
	delete(t.taken, key)
}

// held tells of the commands by whose handlers this one was sent: whether one has a turn of any bus, and whether one has this turn.
func (s *sending) held(key string) (any, own bool) {
	for outer := sendingOf(s.Context); outer != nil; outer = sendingOf(outer.Context) {
		has := outer.outcome().key
		any = any || has != ""
		own = own || outer.desk == s.desk && has == key
	}
	return any, own
}
