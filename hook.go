package oxbow

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
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

var errEnded = errors.New("the publish panicked or ended its goroutine")

// publishObserved is publish under the eyes of the hook, of which there is one.
func (a *App) publishObserved(ctx context.Context, e *event.Event[any]) (receipt store.Receipt, err error) {
	ctx, done := a.cfg.Hooks.Bus.Publish(ctx, &e.Metadata)
	ctx = context.WithValue(ctx, publishingKey{}, e.ID)
	if done != nil {
		err = errEnded // unless it returns
		defer func() { done(err) }()
	}
	receipt, err = a.publish(ctx, e)
	return receipt, err
}
