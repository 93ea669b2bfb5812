package discover

import (
	"context"
	"reflect"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// Handler is a method that handles events of one type.
type Handler struct {
	Method string
	Type   reflect.Type                                  // of the data
	Call   func(context.Context, event.Event[any]) error // wants data that is a Type
}

// Found is what the methods of a value are.
type Found struct {
	Handlers []Handler // by method name; at least one
	Others   []string  // the methods that are no handlers, with their signatures
}

// Handlers looks at all exported methods of x. Those named in except count as others. Methods that almost fit are returned in
// a [*MisfitError].
func Handlers(x any, except []string) (Found, error) {
	fits, others, err := look(x, except, judge)
	if err != nil {
		return Found{}, err
	}
	if len(fits) == 0 {
		return Found{}, noHandlers(reflect.TypeOf(x), "func(context.Context, T) error or func(context.Context, event.Event[T]) error", others)
	}
	found := Found{Others: others}
	for _, f := range fits {
		found.Handlers = append(found.Handlers, Handler{Method: f.name, Type: f.data, Call: caller(f.method)})
	}
	return found, nil
}

// fit is a method that is a handler.
type fit struct {
	name   string
	method reflect.Value
	data   reflect.Type
}

// look judges all exported methods of x.
func look(x any, except []string, judge func(method reflect.Type) verdict) (fits []fit, others []string, err error) {
	v := reflect.ValueOf(x)
	if !v.IsValid() {
		return nil, nil, event.Invalid("value", "is nil; pass the value whose methods are handlers")
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, nil, event.Invalid("value", "is a nil %T; pass one that points to a value", x)
	}
	for _, name := range except {
		if !v.MethodByName(name).IsValid() {
			return nil, nil, event.Invalid("except", "%T has no exported method %s", x, name)
		}
	}
	fits, others, misfits := sort(v, except, judge)
	misfits = append(misfits, behindPointer(v, except, judge)...)
	if len(misfits) > 0 {
		return nil, nil, &MisfitError{Of: v.Type(), Misfits: misfits}
	}
	return fits, others, nil
}

func sort(v reflect.Value, except []string, judge func(reflect.Type) verdict) (fits []fit, others []string, misfits []Misfit) {
	for i := range v.NumMethod() {
		name, method := v.Type().Method(i).Name, v.Method(i)
		is := judge(method.Type())
		switch {
		case is.other() || slices.Contains(except, name):
			others = append(others, signature(name, method.Type()))
		case is.reason != "":
			misfits = append(misfits, Misfit{name, signature(name, method.Type()), is.reason})
		default:
			fits = append(fits, fit{name, method, is.data})
		}
	}
	return fits, others, misfits
}

// behindPointer returns the methods that v, not being a pointer, would need to be one for.
func behindPointer(v reflect.Value, except []string, judge func(reflect.Type) verdict) (misfits []Misfit) {
	if v.Kind() == reflect.Pointer {
		return nil
	}
	pointer := reflect.PointerTo(v.Type())
	for i := range pointer.NumMethod() {
		m := pointer.Method(i)
		if _, own := v.Type().MethodByName(m.Name); own || slices.Contains(except, m.Name) {
			continue
		}
		method := reflect.New(v.Type()).Method(i).Type()
		if !judge(method).other() {
			misfits = append(misfits, Misfit{m.Name, signature(m.Name, method), "has a pointer receiver; pass a pointer to the value"})
		}
	}
	return misfits
}

// caller returns a function that calls a method which judge found to be a handler.
func caller(method reflect.Value) func(context.Context, event.Event[any]) error {
	param := method.Type().In(1)
	argument := func(e event.Event[any]) reflect.Value { return reflect.ValueOf(e.Data) }
	if isEvent(param) {
		argument = func(e event.Event[any]) reflect.Value { return typed(param, e) }
	}
	return func(ctx context.Context, e event.Event[any]) error {
		results := method.Call([]reflect.Value{reflect.ValueOf(ctx), argument(e)})
		err, _ := results[0].Interface().(error)
		return err
	}
}

// typed returns e as the event.Event[T] that t is.
func typed(t reflect.Type, e event.Event[any]) reflect.Value {
	v := reflect.New(t).Elem()
	v.FieldByName("Metadata").Set(reflect.ValueOf(e.Metadata))
	v.FieldByName("Place").Set(reflect.ValueOf(e.Place))
	v.FieldByName("Data").Set(reflect.ValueOf(e.Data))
	return v
}
