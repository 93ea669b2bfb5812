package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/causation"
)

// scope is the context of the sync handlers of one publish. It carries the cause of what they publish, and tells how they came to be
// called.
type scope struct {
	context.Context // the publisher's
	bus             *Bus
	event           *event.Metadata
	subs            []*Subscription // that this publish concerns
	depth           int             // how many publishes of this bus run within each other in this goroutine, this one included
}

// scopeKey asks a context for the innermost scope of a bus.
type scopeKey struct{ of *Bus }

func (s *scope) Value(key any) any {
	switch k := key.(type) {
	case causation.Key:
		return s.event
	case scopeKey:
		if k.of == s.bus {
			return s
		}
	}
	return s.Context.Value(key)
}

// scopeOf returns the innermost scope of b that ctx was made from, or nil.
func (b *Bus) scopeOf(ctx context.Context) *scope {
	if s, ok := ctx.(*scope); ok && s.bus == b {
		return s
	}
	s, _ := ctx.Value(scopeKey{b}).(*scope)
	return s
}

// begin makes s the scope of a publish with ctx. It refuses one that is too deep within others.
func (s *scope) begin(ctx context.Context, b *Bus, m *event.Metadata) error {
	s.Context, s.bus, s.event, s.depth = ctx, b, m, 1
	outer := b.scopeOf(ctx)
	if outer == nil {
		return nil
	}
	if s.depth += outer.depth; s.depth > b.depth {
		return fmt.Errorf("publish %s: %w: %d of them, the limit is %d; end the recursion, or handle with a queue",
			m.Type, ErrDepth, s.depth, b.depth)
	}
	return nil
}

// calledWithin reports whether ctx is that of a handler which a call of s may be waiting for.
func (s *Subscription) calledWithin(ctx context.Context) bool {
	for at := s.bus.scopeOf(ctx); at != nil; at = s.bus.scopeOf(at.Context) {
		if slices.Contains(at.subs, s) && s.active.count() > 0 {
			return true
		}
	}
	return false
}

// errOwnHandler is what a handler gets that waits for the end of all handlers.
func errOwnHandler(did string) error {
	return errors.New("bus: " + did + " was called by a handler and would wait for it")
}
