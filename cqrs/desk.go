package cqrs

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// desk is what both buses have: the handlers, and what is around all of them.
type desk struct {
	kind   middleware.Kind
	around middleware.Func

	registering sync.Mutex
	handlers    atomic.Pointer[handlers] // never changed, only replaced
}

type handlers struct {
	byType map[reflect.Type]*handler
	byName map[string]*handler
}

// handler is the one that handles a type of command or query.
type handler struct {
	typeName string       // of what it handles
	name     string       // its own
	data     reflect.Type // what it takes
	result   reflect.Type // what it answers with
	lasting  bool         // what it returns is Events or an Outcome
	methods  methods      // of what it takes
	call     callFunc
	serve    middleware.Handler // all that is around call
	watch    *watch             // nil unless it is a query that can be watched
}

// callFunc calls the user's function with what it takes.
type callFunc func(ctx context.Context, data any) (any, error)

// newHandler returns a handler that is not registered yet.
func (d *desk) newHandler(data, result reflect.Type, call callFunc, name string) (*handler, error) {
	typeName, err := typeName(d.kind, data)
	if err != nil {
		return nil, err
	}
	if err := checkResult(result); err != nil {
		return nil, err
	}
	h := &handler{typeName: typeName, name: name, data: data, result: result, methods: methodsOf(data), call: call}
	if l, ok := reflect.Zero(result).Interface().(lasting); ok {
		h.lasting, h.result = true, l.resultType()
	}
	return h, nil
}

// checkResult refuses what looks like events and would be taken for a plain result.
func checkResult(t reflect.Type) error {
	element := t
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t != reflect.TypeFor[Events]() {
		element = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[[]any]():
		return event.Invalid("result", "is []any; return cqrs.Events for what happened, or a named type for what is only answered")
	case element != t && element.Implements(reflect.TypeFor[lasting]()):
		return event.Invalid("result", "is %v; return one %v", t, element)
	case element.Implements(reflect.TypeFor[interface{ Untyped() event.Event[any] }]()):
		return event.Invalid("result", "is %v; return cqrs.Events for what happened", t)
	}
	return nil
}

// add registers handlers, all or none.
func (d *desk) add(added ...*handler) error {
	d.registering.Lock()
	defer d.registering.Unlock()
	now := handlers{byType: map[reflect.Type]*handler{}, byName: map[string]*handler{}}
	if old := d.handlers.Load(); old != nil {
		maps.Copy(now.byType, old.byType)
		maps.Copy(now.byName, old.byName)
	}
	for _, h := range added {
		if other := now.byName[h.typeName]; other != nil {
			return taken(d.kind, other, h)
		}
		now.byType[h.data], now.byName[h.typeName] = h, h
	}
	d.handlers.Store(&now)
	return nil
}

func taken(kind middleware.Kind, first, second *handler) error {
	if first.data != second.data {
		return event.Invalid("type", "%s is the %s type of %v, which %s handles, and of %v, which %s handles; give one of them a method %s",
			first.typeName, kind, first.data, first.name, second.data, second.name, methodNames[kind])
	}
	return event.Invalid("handler", "%s and %s both handle the %s %s; exactly one may", first.name, second.name, kind, first.typeName)
}

// find returns the handler of data, and data as the handler takes it.
func (d *desk) find(data any) (*handler, any, error) {
	known := d.handlers.Load()
	if known == nil {
		known = &handlers{}
	}
	t := reflect.TypeOf(data)
	if h := known.byType[t]; h != nil {
		return h, data, nil
	}
	if t == nil {
		return nil, nil, event.Invalid(string(d.kind), "is nil")
	}
	if t.Kind() != reflect.Pointer {
		return nil, nil, d.unknown(known, t)
	}
	v := reflect.ValueOf(data)
	if v.IsNil() {
		return nil, nil, event.Invalid(string(d.kind), "is a nil %v", t)
	}
	if h := known.byType[t.Elem()]; h != nil {
		return h, v.Elem().Interface(), nil
	}
	return nil, nil, d.unknown(known, t.Elem())
}

func (d *desk) unknown(known *handlers, t reflect.Type) error {
	name, err := typeName(d.kind, t)
	if err != nil {
		return err
	}
	return &NoHandlerError{Kind: d.kind, Name: name, Known: slices.Sorted(maps.Keys(known.byName))}
}

// types returns the Go types that have a handler, by their names.
func (d *desk) types() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	if known := d.handlers.Load(); known != nil {
		for name, h := range known.byName {
			types[name] = h.data
		}
	}
	return types
}

// decode returns the JSON as the Go type of that name.
func (d *desk) decode(name string, data []byte) (any, error) {
	known := d.handlers.Load()
	if known == nil {
		known = &handlers{}
	}
	h := known.byName[name]
	if h == nil {
		return nil, &NoHandlerError{Kind: d.kind, Name: name, Known: slices.Sorted(maps.Keys(known.byName))}
	}
	into := reflect.New(h.data)
	if err := (event.JSON{}).Decode(data, into.Interface()); err != nil {
		return nil, event.Invalid(string(d.kind), "is no %s: %v", name, err)
	}
	return into.Elem().Interface(), nil
}

// answers refuses to ask a handler for what it does not answer with.
func (h *handler) answers(kind middleware.Kind, asked reflect.Type) error {
	if h.result == asked || asked.Kind() == reflect.Interface && h.result.Implements(asked) {
		return nil
	}
	return event.Invalid("result", "of the %s %s is %v, and %v was asked for", kind, h.typeName, h.result, asked)
}

// check refuses a result of another type than the handler's, which only middleware can have put there.
func (h *handler) check(result any) error {
	switch t := reflect.TypeOf(result); {
	case t == h.result:
		return nil
	case h.result.Kind() == reflect.Interface && (t == nil || t.Implements(h.result)):
		return nil
	}
	return event.Invalid("result", "of %s is %v, and middleware made it %T", h.typeName, h.result, result)
}
