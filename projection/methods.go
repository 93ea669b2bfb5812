package projection

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
)

// Methods adds a handler for every exported method of x that takes a *Docs[D] and has a handler's shape, in order of name:
//
//	func(context.Context, *projection.Docs[D], T) error
//	func(context.Context, *projection.Docs[D], event.Event[T]) error
//	func(context.Context, *projection.Docs[D], event.Record) error // every record, as with OnAny
//
// Methods without a *Docs[D] are left alone. One that has it and another shape is a mistake, which Run returns, as it does when there
// is no handler at all.
func Methods[D any](p *Projection[D], x any) {
	if err := addMethods(&p.handlers, x); err != nil {
		p.handlers.mistake(fmt.Errorf("methods: %w", err))
	}
}

func addMethods[X any](h *handlers[X], x any) error {
	v := reflect.ValueOf(x)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return event.Invalid("value", "is nil; pass the value whose methods are handlers")
	}
	var misfits []discover.Misfit
	found := 0
	for i := range v.NumMethod() {
		m := method{name: v.Type().Method(i).Name, fn: v.Method(i), target: reflect.TypeFor[X]()}
		switch reason := m.judge(); {
		case !m.means():
		case reason != "":
			misfits = append(misfits, discover.Misfit{Method: m.name, Signature: m.signature(), Reason: reason})
		default:
			found++
			addMethod(h, m)
		}
	}
	misfits = append(misfits, behindPointer(v, reflect.TypeFor[X]())...)
	if len(misfits) > 0 {
		return &discover.MisfitError{Of: v.Type(), Misfits: misfits}
	}
	if found == 0 {
		return event.Invalid("value", "%v has no exported method func(context.Context, %v, T) error", v.Type(), reflect.TypeFor[X]())
	}
	return nil
}

// behindPointer returns the handlers that v, not being a pointer, would need to be one for.
func behindPointer(v reflect.Value, target reflect.Type) (misfits []discover.Misfit) {
	if v.Kind() == reflect.Pointer {
		return nil
	}
	pointer := reflect.New(v.Type())
	for i := range pointer.NumMethod() {
		m := method{name: pointer.Type().Method(i).Name, fn: pointer.Method(i), target: target}
		if _, own := v.Type().MethodByName(m.name); !own && m.means() {
			misfits = append(misfits, discover.Misfit{Method: m.name, Signature: m.signature(), Reason: "has a pointer receiver; pass a pointer to the value"})
		}
	}
	return misfits
}

// method is an exported method that may be a handler.
type method struct {
	name   string
	fn     reflect.Value
	target reflect.Type // that handlers take
}

func (m *method) signature() string { return m.name + strings.TrimPrefix(m.fn.Type().String(), "func") }

// means reports whether the method takes what only handlers take.
func (m *method) means() bool {
	t := m.fn.Type()
	for i := range t.NumIn() {
		if in := t.In(i); in == m.target || m.target.Kind() == reflect.Pointer && in == m.target.Elem() {
			return true
		}
	}
	return false
}

// judge returns why the method is no handler, and how to mend it.
func (m *method) judge() string {
	t := m.fn.Type()
	switch {
	case t.IsVariadic():
		return "is variadic; take one event"
	case t.NumIn() != 3 || t.In(0) != reflect.TypeFor[context.Context]() || t.In(1) != m.target:
		return fmt.Sprintf("takes something else; take a context.Context, a %v and an event", m.target)
	case t.NumOut() != 1 || t.Out(0) != reflect.TypeFor[error]():
		return "returns something else; return an error and nothing more"
	case t.In(2) == reflect.TypeFor[event.Record]():
		return ""
	}
	if _, err := event.Describe(m.data()); err != nil {
		return fmt.Sprintf("takes what has no event type: %v", err)
	}
	return ""
}

// data returns the type of the event's data.
func (m *method) data() reflect.Type {
	t := m.fn.Type().In(2)
	if isEvent(t) {
		field, _ := t.FieldByName("Data")
		return field.Type
	}
	return t
}

func isEvent(t reflect.Type) bool {
	return t.PkgPath() == reflect.TypeFor[event.Metadata]().PkgPath() && strings.HasPrefix(t.Name(), "Event[")
}

func addMethod[X any](h *handlers[X], m method) {
	if m.fn.Type().In(2) == reflect.TypeFor[event.Record]() {
		h.addAny(func(ctx context.Context, x X, r event.Record) error { return m.call(ctx, x, reflect.ValueOf(r)) })
		return
	}
	h.add(m.data(), func(int) column[X] { return &reflected[X]{method: m} })
}

func (m *method) call(ctx context.Context, x any, e reflect.Value) error {
	err, _ := m.fn.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(x), e})[0].Interface().(error)
	return err
}

// reflected holds decoded events of a type that is known only at run time.
type reflected[X any] struct {
	method method
	events []reflect.Value
}

func (c *reflected[X]) decode(reg *event.Registry, r event.Record) error {
	e, err := reg.Decode(r) // into the method's type, which is registered
	if err != nil {
		return err
	}
	if t := c.method.fn.Type().In(2); isEvent(t) {
		c.events = append(c.events, asEvent(t, e))
	} else {
		c.events = append(c.events, reflect.ValueOf(e.Data))
	}
	return nil
}

func (c *reflected[X]) apply(ctx context.Context, x X, i int) error {
	return c.method.call(ctx, x, c.events[i])
}

func (c *reflected[X]) empty() { c.events = nil }

// asEvent returns e as the event.Event[T] that t is.
func asEvent(t reflect.Type, e event.Event[any]) reflect.Value {
	v := reflect.New(t).Elem()
	v.FieldByName("Metadata").Set(reflect.ValueOf(e.Metadata))
	v.FieldByName("Place").Set(reflect.ValueOf(e.Place))
	v.FieldByName("Data").Set(reflect.ValueOf(e.Data))
	return v
}
