package discover

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// verdict is what a method is: a handler of data; almost one, for a reason; or, when it is zero, neither.
type verdict struct {
	data   reflect.Type
	reason string
}

func (v verdict) other() bool { return v == verdict{} }

// judge applies the rule in the package comment to the type of a method without its receiver.
func judge(method reflect.Type) verdict {
	s, ok := subjectOf(method)
	if !ok {
		return verdict{}
	}
	problems := slices.Concat(contextProblems(method), s.problems, resultProblems(method))
	switch {
	case len(problems) == 1 || len(problems) > 0 && s.sure:
		return verdict{reason: strings.Join(problems, ", and ")}
	case len(problems) > 0:
		return verdict{}
	}
	if _, err := event.Describe(s.data); err != nil {
		return verdict{reason: fmt.Sprintf("takes what has no event type: %v", err)}
	}
	return verdict{data: s.data}
}

// subject is the parameter that is an event, or may be one.
type subject struct {
	data     reflect.Type
	sure     bool // it says itself that it is an event
	possible bool // it could be one
	problems []string
}

// subjectOf returns the first parameter that surely is an event, or else the only one beside the context if it may be one.
func subjectOf(method reflect.Type) (s subject, ok bool) {
	others := 0
	for i := range method.NumIn() {
		if method.In(i) == contextType {
			continue
		}
		others++
		if !s.sure {
			s = inspect(method.In(i), method.IsVariadic() && i == method.NumIn()-1)
		}
	}
	if s.sure && others > 1 {
		s.problem("takes more than a context and an event; keep the rest in the receiver")
	}
	return s, s.sure || s.possible && others == 1
}

var contextType = reflect.TypeFor[context.Context]()

func inspect(p reflect.Type, variadic bool) (s subject) {
	slice := !variadic && p.Kind() == reflect.Slice && p.Name() == ""
	switch {
	case variadic:
		s.problem("is variadic; take one event")
	case slice:
		s.problem("takes a slice; take one event")
	}
	if variadic || slice {
		p = p.Elem()
	}
	if p.Kind() == reflect.Pointer {
		p = p.Elem()
		s.problem("takes a pointer; events are values, so take %s", name(p))
	}
	s.data = p
	switch {
	case isEvent(p):
		s.sure = true
		s.envelope()
	case p == reflect.TypeFor[event.Record]():
		s.sure = true
		s.problem("takes a record; take event.Event[T]")
	case hasEventMethod(p):
		s.sure = true
		if p.Kind() == reflect.Interface {
			s.problem("takes the interface %s; take the type that has it", name(p))
		}
	default:
		s.possible = !slice && mayBeEvent(p)
	}
	return s
}

func (s *subject) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// envelope goes on to the T of an event.Event[T].
func (s *subject) envelope() {
	data, _ := s.data.FieldByName("Data")
	s.data = data.Type
	switch s.data.Kind() {
	case reflect.Interface:
		s.problem("takes an event of no certain type; name one, as in event.Event[OrderPlaced], "+
			"or subscribe the method by pattern: SubscribeTopic(%q, …)", "**")
	case reflect.Pointer:
		s.problem("takes an event of a pointer; take event.Event[%s]", name(s.data.Elem()))
	}
}

// isEvent reports whether t is an event.Event[T].
func isEvent(t reflect.Type) bool {
	return t.PkgPath() == eventPackage && strings.HasPrefix(t.Name(), "Event[")
}

var eventPackage = reflect.TypeFor[event.Metadata]().PkgPath()

// hasEventMethod reports whether t or *t has a method by which a type says something about the events made of it.
func hasEventMethod(t reflect.Type) bool {
	if t.Kind() != reflect.Interface {
		t = reflect.PointerTo(t)
	}
	return slices.ContainsFunc(eventMethods[:], t.Implements)
}

var eventMethods = [...]reflect.Type{
	reflect.TypeFor[event.Typed](), reflect.TypeFor[event.Versioned](), reflect.TypeFor[event.Aggregate](),
	reflect.TypeFor[event.AggregateTyped](), reflect.TypeFor[event.Topical](), reflect.TypeFor[event.Tagged](),
}

// mayBeEvent reports whether t is a named struct whose contents others can see.
func mayBeEvent(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.Name() == "" || t.PkgPath() == eventPackage {
		return false
	}
	fields := reflect.VisibleFields(t)
	return len(fields) == 0 || slices.ContainsFunc(fields, func(f reflect.StructField) bool { return f.IsExported() })
}

func contextProblems(method reflect.Type) []string {
	contexts, first := 0, 0
	for i := range method.NumIn() {
		if method.In(i) != contextType {
			continue
		}
		if contexts == 0 {
			first = i
		}
		contexts++
	}
	switch {
	case contexts == 0:
		return []string{"has no context; take a context.Context first"}
	case contexts > 1:
		return []string{"takes more than one context; take one"}
	case first > 0:
		return []string{"takes the context last; take it first"}
	}
	return nil
}

func resultProblems(method reflect.Type) []string {
	switch {
	case method.NumOut() == 0:
		return []string{"returns nothing; return an error"}
	case method.NumOut() > 1 || method.Out(0) != reflect.TypeFor[error]():
		return []string{"returns something else; return an error and nothing more"}
	}
	return nil
}
