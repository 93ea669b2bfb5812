package oxbow

import (
	"context"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// onceHook tells of each publish once: the app's, which stores the event and then hands it to the bus, is one.
type onceHook struct{ bus.Hook }

func once(h bus.Hook) bus.Hook {
	if h == nil {
		return nil
	}
	return onceHook{h}
}

type publishingKey struct{}

func (h onceHook) Publish(ctx context.Context, m *event.Metadata) (context.Context, func(error)) {
	if id, ok := ctx.Value(publishingKey{}).(event.ID); ok && id == m.ID {
		return ctx, nil
	}
	return h.Hook.Publish(ctx, m)
}

// observe tells the hook that a publish begins. It is called only when there is one.
func (a *App) observe(ctx context.Context, m *event.Metadata) (_ context.Context, done func(error)) {
	ctx, done = a.cfg.Hooks.Bus.Publish(ctx, m)
	if done == nil {
		done = func(error) {}
	}
	return context.WithValue(ctx, publishingKey{}, m.ID), done
}
