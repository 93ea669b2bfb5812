package aggregate

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
)

// Action is a command in the method form: it asks the state for the events that follow, and leaves it as it is.
type Action[T any] func(state *T) ([]any, error)

// Methods returns the decider of an aggregate in the method form: a struct that changes in methods, one for each event type. They are
// the exported methods of *T named On… or Apply… of one of these shapes, where E is an event type:
//
//	func (a *Account) OnOpened(e Opened)
//	func (a *Account) OnDeposited(e event.Event[Deposited])
//
// The second gets the metadata too, and the revision; it has no position, which is not known when an event is decided. A method that is
// named so and has another shape makes [New] fail with an error that says how to mend it.
func Methods[T any]() Decider[*T, Action[T]] {
	d := Decider[*T, Action[T]]{
		Initial: func() *T { return new(T) },
		Decide:  func(state *T, action Action[T]) ([]any, error) { return action(state) },
	}
	methods, err := eventMethods(reflect.TypeFor[*T]())
	if err != nil {
		d.err = err
		return d
	}
	byType := map[reflect.Type]eventMethod{}
	for _, m := range methods {
		byType[m.data] = m
		d.Events = append(d.Events, reflect.Zero(m.data).Interface())
	}
	d.evolve = func(state *T, e event.Event[any]) *T {
		if m, ok := byType[reflect.TypeOf(e.Data)]; ok {
			m.call(reflect.ValueOf(state), e)
		}
		return state
	}
	d.Evolve = func(state *T, data any) *T { return d.evolve(state, event.Event[any]{Data: data}) }
	return d
}

// eventMethod is a method that changes the state for one event type.
type eventMethod struct {
	name  string
	data  reflect.Type
	param reflect.Type // data, or event.Event of it
	fn    reflect.Value
}

func eventMethods(t reflect.Type) (methods []eventMethod, err error) {
	claimed := map[reflect.Type]string{}
	var misfits []string
	for i := range t.NumMethod() {
		method := t.Method(i)
		if !namedForEvents(method.Name) {
			continue
		}
		m, reason := newEventMethod(method)
		if other, ok := claimed[m.data]; reason == "" && ok {
			reason = fmt.Sprintf("is for the same event type as %s; join them", other)
		}
		if reason != "" {
			misfits = append(misfits, "\n\t"+method.Name+": "+reason)
			continue
		}
		claimed[m.data] = m.name
		methods = append(methods, m)
	}
	switch {
	case len(misfits) > 0:
		return nil, event.Invalid("methods", "of %v do not fit:%s", t, strings.Join(misfits, ""))
	case len(methods) == 0:
		return nil, event.Invalid("methods", "%v has none for events, such as OnOpened(e Opened) or ApplyOpened(e Opened)", t)
	}
	return methods, nil
}

// namedForEvents reports whether a method's name is On or Apply, or begins with one of these words: OnOpened, and not Online.
func namedForEvents(name string) bool {
	for _, word := range [...]string{"On", "Apply"} {
		rest, ok := strings.CutPrefix(name, word)
		next, _ := utf8.DecodeRuneInString(rest)
		if ok && !unicode.IsLower(next) {
			return true
		}
	}
	return false
}

func newEventMethod(method reflect.Method) (m eventMethod, reason string) {
	t := method.Type // with the receiver as its first parameter
	switch {
	case t.NumIn() != 2 || t.IsVariadic():
		return m, "takes something else than one event; take one"
	case t.NumOut() > 0:
		return m, "returns something; an event has happened and cannot be refused, so return nothing"
	}
	m = eventMethod{name: method.Name, param: t.In(1), data: t.In(1), fn: method.Func}
	if isEvent(m.param) {
		data, _ := m.param.FieldByName("Data")
		m.data = data.Type
	}
	if _, err := event.Describe(m.data); err != nil {
		return m, fmt.Sprintf("takes what has no event type: %v", err)
	}
	return m, ""
}

var eventPackage = reflect.TypeFor[event.Metadata]().PkgPath()

// isEvent reports whether t is an event.Event[E].
func isEvent(t reflect.Type) bool {
	return t.PkgPath() == eventPackage && strings.HasPrefix(t.Name(), "Event[")
}

func (m eventMethod) call(state reflect.Value, e event.Event[any]) {
	if m.param == m.data {
		m.fn.Call([]reflect.Value{state, reflect.ValueOf(e.Data)})
		return
	}
	whole := reflect.New(m.param).Elem()
	whole.FieldByName("Metadata").Set(reflect.ValueOf(e.Metadata))
	whole.FieldByName("Place").Set(reflect.ValueOf(e.Place))
	whole.FieldByName("Data").Set(reflect.ValueOf(e.Data))
	m.fn.Call([]reflect.Value{state, whole})
}
