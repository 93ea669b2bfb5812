package projection

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

type replayingKey struct{}

// Replaying reports whether the event that a handler is called for was applied before: in a rebuild, after SwitchBack, or for a view of
// the past. Handlers that do more than change documents (send a mail, say) do that only when it is false. It is false for an
// event that is applied again because a commit failed or a process died: effects outside the store happen at least once.
func Replaying(ctx context.Context) bool {
	replaying, _ := ctx.Value(replayingKey{}).(bool)
	return replaying
}

// contexts are what handlers are called with.
type contexts struct {
	fresh, replaying context.Context
	effects          store.Position       // up to which events are replayed
	slab             []event.CauseContext // room for the next ones: one allocation for many
}

func newContexts(ctx context.Context, effects store.Position) contexts {
	return contexts{fresh: ctx, replaying: context.WithValue(ctx, replayingKey{}, true), effects: effects}
}

func (c *contexts) of(r *event.Record) context.Context {
	if len(c.slab) == 0 {
		c.slab = make([]event.CauseContext, 32)
	}
	next := &c.slab[0]
	c.slab = c.slab[1:]
	next.Context, next.Cause = c.fresh, r.Cause()
	if r.Position <= c.effects {
		next.Context = c.replaying
	}
	return next
}
