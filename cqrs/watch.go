package cqrs

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Changes says how the events of a store change the answer to a query.
type Changes[Q, U any] struct {
	// Events holds a value of each event type that changes the answer, whose data then come in that Go type. Without any, all
	// events are looked at, their data in the types that the store's registry knows.
	Events []any
	// Query narrows them down, by stream or tag, say, and replaces the types of Events. Its limit, bounds and direction do not apply.
	Query func(q Q) store.Query
	// Map returns the update that an event means; ok is false when it means none. Needed.
	Map func(ctx context.Context, q Q, e event.Event[any]) (update U, ok bool, err error)
}

// HandleWatch makes a handler of queries of type Q that can be watched: initial answers, and tells the position of the newest
// event that the answer has in it (0: none); changes says what the events after that position change. [Query] returns the initial
// answer alone.
//
// The position is that of the last record that the answer was made of, or, from a read model, that of its checkpoint. Where the answer and
// the position are read one after the other, an event in between is missed or repeated: then read the position first, and have updates
// say what is now rather than what was added, so that a repeated one does no harm.
func HandleWatch[Q, R, U any](
	b *QueryBus, initial func(context.Context, Q) (R, store.Position, error), changes Changes[Q, U], opts ...Option,
) error {
	if initial == nil {
		return event.Invalid("handler", "is nil")
	}
	name := functionName(initial)
	if b.store == nil {
		return event.Invalid("store", "is missing, and %s is to be watched; give the bus the store that has its events", name)
	}
	w, err := newWatch(b, name, changes)
	if err != nil {
		return err
	}
	call := func(ctx context.Context, data any) (any, error) { return initially(ctx, data.(Q), initial) }
	h, err := b.newFunction(reflect.TypeFor[Q](), reflect.TypeFor[R](), call, name, opts)
	if err != nil {
		return err
	}
	h.watch = w
	return b.add(h)
}

// initially asks for the initial answer, and notes its position, unless the watcher has one.
func initially[Q, R any](ctx context.Context, q Q, initial func(context.Context, Q) (R, store.Position, error)) (answer R, err error) {
	s := sendingOf(ctx)
	if s.resumed {
		return answer, nil
	}
	answer, position, err := initial(ctx, q)
	s.note(func(d *done) { d.asOf = position })
	return answer, err
}

// watch is what is known of a query's changes; apply is a func(context.Context, any, event.Event[any]) (U, bool, error).
type watch struct {
	types  []string
	query  func(q any) store.Query
	update reflect.Type
	apply  any
}

func newWatch[Q, U any](b *QueryBus, name string, changes Changes[Q, U]) (*watch, error) {
	if changes.Map == nil {
		return nil, event.Invalid("map", "is missing in the changes of %s", name)
	}
	types, err := b.watched(changes.Events)
	if err != nil {
		return nil, err
	}
	w := &watch{types: types, update: reflect.TypeFor[U]()}
	w.apply = func(ctx context.Context, q any, e event.Event[any]) (U, bool, error) {
		return changes.Map(ctx, q.(Q), e)
	}
	if changes.Query != nil {
		w.query = func(q any) store.Query { return changes.Query(q.(Q)) }
	}
	return w, nil
}

// watched registers the Go types of events, and returns their names.
func (b *QueryBus) watched(events []any) (types []string, err error) {
	for i, e := range events {
		t := reflect.TypeOf(e)
		if t != nil && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		d, err := event.Describe(t)
		if err == nil {
			err = b.store.Registry().RegisterType(t)
		}
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
		types = append(types, d.Type)
	}
	return types, nil
}

// Watching is a query's answer, and what comes after it.
type Watching[R, U any] struct {
	Initial  R              // zero when it was resumed
	Position store.Position // of the newest event that Initial has in it, or what After said
	Resumed  bool

	bus     *QueryBus
	query   any
	records store.Query
	apply   func(context.Context, any, event.Event[any]) (U, bool, error)
}

// Update is one change of an answer.
type Update[U any] struct {
	Position store.Position // of the event that it follows from; After takes it, to go on from here
	Data     U
}

// WatchOption says how a query is watched.
type WatchOption func(*watchOptions)

type watchOptions struct {
	resumed bool
	after   store.Position
}

// After goes on after the update at that position, without an initial answer: for a watcher that was interrupted.
func After(p store.Position) WatchOption {
	return func(o *watchOptions) { o.resumed, o.after = true, p }
}

// Watch asks a query as Query does, and returns what its changes can be read from. Its handler is one of HandleWatch, and U is its
// update. With [After] the handler is not called, but all that is around it is, Authorize too. Nothing is held meanwhile: changes are
// read from the store when the caller iterates.
func Watch[R, U any](ctx context.Context, b *QueryBus, query any, opts ...WatchOption) (*Watching[R, U], error) {
	h, data, err := b.find(query)
	if err != nil {
		return nil, err
	}
	apply, err := watchOf[U](h)
	if err != nil {
		return nil, err
	}
	if err := h.answers(b.kind, reflect.TypeFor[R]()); err != nil {
		return nil, err
	}
	var o watchOptions
	for _, opt := range opts {
		opt(&o)
	}
	w := &Watching[R, U]{Position: o.after, Resumed: o.resumed, bus: b, query: data, apply: apply}
	s := b.begin(ctx, h, data)
	s.resumed = o.resumed
	s.inherit()
	answer, err := s.run(h)
	if err == nil {
		w.records, err = b.changes(h, data)
	}
	if err != nil {
		return nil, err
	}
	if !o.resumed {
		w.Initial, _ = answer.(R)
		w.Position = s.outcome().asOf
	}
	return w, nil
}

// watchOf returns what makes updates of events, if they are U.
func watchOf[U any](h *handler) (func(context.Context, any, event.Event[any]) (U, bool, error), error) {
	if h.watch == nil {
		return nil, event.Invalid("query", "%s cannot be watched: %s answers it once; register it with HandleWatch", h.typeName, h.name)
	}
	apply, ok := h.watch.apply.(func(context.Context, any, event.Event[any]) (U, bool, error))
	if !ok {
		return nil, event.Invalid("update", "of the query %s is %v, and %v was asked for", h.typeName, h.watch.update, reflect.TypeFor[U]())
	}
	return apply, nil
}

// changes returns which records may change the answer.
func (b *QueryBus) changes(h *handler, data any) (q store.Query, err error) {
	defer catch(&err)
	if h.watch.query != nil {
		q = h.watch.query(data)
		return q, q.Check()
	}
	var types []string
	for _, t := range h.watch.types {
		types = append(types, b.store.Registry().Sources(t)...)
	}
	if types != nil {
		q = store.Where(store.Filter{Types: types})
	}
	return q, nil
}

// Updates yields the changes after Position in their order, those that there are and then those that come, without gap or
// duplicate, until ctx or the caller ends it. It reads as fast as the caller takes them, so nothing is dropped for one who is slow. The
// last pair carries the error: ctx's, the store's, or that of an event which could not be read or mapped; then After with the position of
// the last update goes on from there. Each iteration begins anew.
func (w *Watching[R, U]) Updates(ctx context.Context) iter.Seq2[Update[U], error] {
	return func(yield func(Update[U], error) bool) {
		q := w.records
		q.After = w.Position
		for r, err := range w.bus.store.Follow(ctx, q) {
			if err != nil {
				yield(Update[U]{}, err)
				return
			}
			update, ok, err := w.update(ctx, r)
			if err != nil {
				yield(Update[U]{}, fmt.Errorf("update from the event at position %d: %w", r.Position, err))
				return
			}
			if ok && !yield(Update[U]{Position: r.Position, Data: update}, nil) {
				return
			}
		}
	}
}

func (w *Watching[R, U]) update(ctx context.Context, r event.Record) (update U, ok bool, err error) {
	defer catch(&err)
	e, err := w.bus.store.Decode(r)
	if err != nil {
		return update, false, err
	}
	return w.apply(ctx, w.query, e)
}
