package consumer

import (
	"context"
	"reflect"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Handler is what a consumer calls. Make one with On, OnAny, OnRecord or OnBatch, or several with Methods.
type Handler struct {
	goType    reflect.Type // nil: every record
	eventType string
	handle    func(ctx context.Context, reg *event.Registry, r event.Record) error
	batch     func(ctx context.Context, reg *event.Registry, rs []event.Record) error // nil: it takes one record at a time
	around    []middleware.Func
	wrapped   middleware.Handler // handle and batch inside all middleware; nil when there is none
	err       error
}

// With returns the handler inside of middleware, the first outermost. All of it is inside of Config.Middleware, and what an earlier
// With gave is outside of what a later one gives.
func (h Handler) With(fs ...middleware.Func) Handler {
	h.around = slices.Concat(h.around, fs)
	return h
}

// On returns a handler for the event type of T, decoded into T: also for records of other types that are lifted into it.
func On[T any](fn func(context.Context, event.Event[T]) error) Handler {
	t := reflect.TypeFor[T]()
	d, err := event.Describe(t)
	return Handler{
		goType: t, eventType: d.Type, err: err,
		handle: func(ctx context.Context, reg *event.Registry, r event.Record) error {
			e, err := event.DecodeAs[T](reg, r)
			if err != nil {
				return Permanent(err)
			}
			return fn(ctx, e)
		},
	}
}

// OnAny returns a handler for every event: of its registered Go type where there is one, untyped otherwise.
func OnAny(fn func(context.Context, event.Event[any]) error) Handler {
	return Handler{handle: func(ctx context.Context, reg *event.Registry, r event.Record) error {
		e, err := reg.Decode(r)
		if err != nil {
			return Permanent(err)
		}
		return fn(ctx, e)
	}}
}

// OnRecord returns a handler for every record as it is stored, nothing lifted or decoded.
func OnRecord(fn func(context.Context, event.Record) error) Handler {
	return Handler{handle: func(ctx context.Context, _ *event.Registry, r event.Record) error { return fn(ctx, r) }}
}
