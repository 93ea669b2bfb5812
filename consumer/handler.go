package consumer

import (
	"context"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// Handler is what a consumer calls. Make one with On, OnAny or OnRecord, or several with Methods.
type Handler struct {
	goType    reflect.Type // nil: every record
	eventType string
	handle    func(ctx context.Context, reg *event.Registry, r event.Record) error
	around    []middleware.Func
	wrapped   middleware.Handler // handle inside all middleware; nil when there is none
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

// routes finds the handler of a record's type.
type routes struct {
	byType  map[string]Handler
	any     *Handler       // for types that no other handler is for
	filters []store.Filter // what a record must be, as it is stored or as it is read
}

func newRoutes(reg *event.Registry, cfg *Config, handlers []Handler) (routes, error) {
	r := routes{byType: map[string]Handler{}, filters: cfg.Filters}
	if len(handlers) == 0 {
		return r, event.Invalid("handlers", "there are none; pass consumer.On, OnAny or OnRecord")
	}
	for _, h := range handlers {
		if err := r.add(reg, cfg.Middleware, h); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (r *routes) add(reg *event.Registry, around []middleware.Func, h Handler) (err error) {
	switch {
	case h.err != nil:
		return h.err
	case h.handle == nil:
		return event.Invalid("handlers", "one is empty; make it with consumer.On, OnAny or OnRecord")
	case h.goType == nil && r.any != nil:
		return event.Invalid("handlers", "two are for every type; join them")
	}
	if h.wrapped, err = h.wrap(reg, around); err != nil {
		return err
	}
	if h.goType == nil {
		r.any = &h
		return nil
	}
	if _, ok := r.byType[h.eventType]; ok {
		return event.Invalid("handlers", "two are for %s; join them, or use two consumers", h.eventType)
	}
	if err := reg.RegisterType(h.goType); err != nil {
		return err
	}
	r.byType[h.eventType] = h
	return nil
}

// types returns the event types that are handled, nil for all.
func (r *routes) types() []string {
	if r.any != nil {
		return nil
	}
	return slices.Collect(maps.Keys(r.byType))
}

// of returns the handler of an event type; ok is false when none is for it.
func (r *routes) of(eventType string) (h Handler, ok bool) {
	if h, ok = r.byType[eventType]; !ok && r.any != nil {
		return *r.any, true
	}
	return h, ok
}

// call handles one record, which matches the consumer's filters as they are put to the store. A panic becomes a
// *middleware.PanicError.
func (r *routes) call(ctx context.Context, reg *event.Registry, at attempt, rec event.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	read, err := r.readAs(reg, rec)
	if err != nil {
		return Permanent(err)
	}
	h, ok := r.of(read.Type)
	if !ok || !store.MatchAny(r.filters, &rec) && !store.MatchAny(r.filters, &read) {
		return nil // its type was split, and it became one that nobody asked for
	}
	if h.wrapped != nil {
		return at.callWrapped(ctx, h.wrapped, rec)
	}
	return h.handle(ctx, reg, rec)
}

// readAs returns the record as it is read, when its type is one of several to choose from. A record about whose type nobody asks
// is returned as it is, so that what could not be lifted is no failure.
func (r *routes) readAs(reg *event.Registry, rec event.Record) (event.Record, error) {
	if !reg.Moved(rec.Type) {
		return rec, nil
	}
	asked := slices.Collect(maps.Keys(r.byType))
	for _, f := range r.filters {
		asked = append(asked, f.Types...)
	}
	if !slices.Contains(sourcesOf(reg, asked), rec.Type) {
		return rec, nil
	}
	return reg.Lift(rec)
}
