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

// contexts are what handlers are called with, but for the cause.
type contexts struct {
	fresh, replaying context.Context
	effects          store.Position // up to which events are replayed
}

func newContexts(ctx context.Context, effects store.Position) contexts {
	return contexts{ctx, context.WithValue(ctx, replayingKey{}, true), effects}
}

func (c *contexts) of(r *event.Record) context.Context {
	if r.Position > c.effects {
		return event.WithCause(c.fresh, r.Cause())
	}
	return event.WithCause(c.replaying, r.Cause())
}
