package consumer

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/topic"
)

// routes finds the handler of a record's type.
type routes struct {
	byType  map[string]*Handler
	any     *Handler       // for types that no other handler is for
	batches bool           // some take batches
	filters []store.Filter // what a record must be, as it is stored or as it is read
	topics  []topic.Pattern
}

func newRoutes(reg *event.Registry, cfg *Config, handlers []Handler) (r routes, err error) {
	r = routes{byType: map[string]*Handler{}, filters: cfg.Filters}
	if r.topics, err = parseTopics(cfg.Topics); err != nil {
		return r, err
	}
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
	r.batches = r.batches || h.batch != nil
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
	r.byType[h.eventType] = &h
	return nil
}

// types returns the event types that are handled, nil for all.
func (r *routes) types() []string {
	if r.any != nil {
		return nil
	}
	return slices.Collect(maps.Keys(r.byType))
}

// of returns the handler of a record, which matches the consumer's filters as they are put to the store; nil when none is for it.
func (r *routes) of(reg *event.Registry, rec *event.Record) (*Handler, error) {
	read, err := r.readAs(reg, rec)
	if err != nil {
		return nil, err
	}
	h, ok := r.byType[read.Type]
	if !ok {
		h = r.any
	}
	if h == nil || len(r.filters) > 0 && !store.MatchAny(r.filters, rec) && !store.MatchAny(r.filters, read) {
		return nil, nil // its type was split, and it became one that nobody asked for
	}
	return h, nil
}

// call handles one record. A panic becomes a *middleware.PanicError.
func (r *routes) call(ctx context.Context, reg *event.Registry, at attempt, rec event.Record) (err error) {
	defer recovered(&err)
	h, err := r.of(reg, &rec)
	switch {
	case err != nil:
		return Permanent(err)
	case h == nil:
		return nil
	case h.wrapped != nil:
		return at.callWrapped(ctx, h.wrapped, rec)
	}
	return h.handle(ctx, reg, rec)
}

func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
	}
}

// readAs returns the record as it is read, when its type is one of several to choose from. A record about whose type nobody asks
// is returned as it is, so that what could not be lifted is no failure.
func (r *routes) readAs(reg *event.Registry, rec *event.Record) (*event.Record, error) {
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
	lifted, err := reg.Lift(*rec)
	return &lifted, err
}

// place returns the slot and the key of a record, and whether the consumer is for it as far as its topics and Where say. What panics in a
// function of the user's becomes an error.
func (c *Consumer) place(rec *event.Record, slots int) (slot int, key string, wanted bool, err error) {
	defer recovered(&err)
	if len(c.routes.topics) > 0 && !c.routes.onTopic(rec.RoutingKey()) {
		return 0, "", false, nil
	}
	if c.cfg.Where != nil && !c.cfg.Where(rec) {
		return 0, "", false, nil
	}
	key = c.cfg.Key(rec)
	return slotOf(key, slots), key, true, nil
}

func (r *routes) onTopic(routingKey string) bool {
	return slices.ContainsFunc(r.topics, func(p topic.Pattern) bool { return p.Match(routingKey) })
}
