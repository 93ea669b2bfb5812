package consumer

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
)

// Methods returns a handler for every exported method of x that has a handler's shape: func(context.Context, T) error or
// func(context.Context, event.Event[T]) error. A method that almost fits makes New fail with an error that says how to mend it.
func Methods(x any) []Handler {
	found, err := discover.Handlers(x, nil)
	if err != nil {
		return []Handler{{err: err}}
	}
	handlers := make([]Handler, len(found.Handlers))
	for i, m := range found.Handlers {
		handlers[i] = method(m)
	}
	return handlers
}

func method(m discover.Handler) Handler {
	d, err := event.Describe(m.Type)
	return Handler{
		goType: m.Type, eventType: d.Type, err: err,
		handle: func(ctx context.Context, reg *event.Registry, r event.Record) error {
			e, err := reg.Decode(r) // into m.Type, which New has registered
			if err != nil {
				return Permanent(err)
			}
			return m.Call(ctx, e)
		},
	}
}
