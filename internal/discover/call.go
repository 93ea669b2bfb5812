package discover

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Kind says what the methods that Calls looks for take.
type Kind struct {
	Noun    string         // command
	Mark    reflect.Type   // the interface by which a type says that it is one
	Foreign []reflect.Type // the interfaces by which a type says that it is something else
	Answers bool           // every handler has a result beside its error
}

// CallHandler is a method that handles calls of one type.
type CallHandler struct {
	Method string
	Type   reflect.Type // of the call
	Result reflect.Type // nil when it returns only an error
	Call   func(ctx context.Context, call any) (result any, err error)
}

// Calls looks at all exported methods of x, as Handlers does, for those that handle calls of the kind. It returns them by method
// name, and the signatures of the others.
func Calls(x any, k Kind, except []string) (handlers []CallHandler, others []string, err error) {
	fits, others, err := look(x, except, k.judge)
	if err != nil {
		return nil, nil, err
	}
	if len(fits) == 0 {
		return nil, nil, noHandlers(reflect.TypeOf(x), k.shapes(), others)
	}
	for _, f := range fits {
		h := CallHandler{Method: f.name, Type: f.data, Call: callCaller(f.method)}
		if f.method.Type().NumOut() == 2 {
			h.Result = f.method.Type().Out(0)
		}
		handlers = append(handlers, h)
	}
	return handlers, others, nil
}

func (k Kind) shapes() string {
	if k.Answers {
		return "func(context.Context, Q) (R, error)"
	}
	return "func(context.Context, C) error or func(context.Context, C) (R, error)"
}

func (k Kind) judge(method reflect.Type) verdict {
	s, ok := k.subjectOf(method)
	if !ok {
		return verdict{}
	}
	problems := slices.Concat(contextProblems(method), s.problems, k.resultProblems(method))
	switch {
	case len(problems) == 1 || len(problems) > 0 && s.sure:
		return verdict{reason: strings.Join(problems, ", and ")}
	case len(problems) > 0:
		return verdict{}
	}
	return verdict{data: s.data}
}

// subjectOf returns the first parameter that surely is a call of the kind, or else the only one beside the context if it may be one.
func (k Kind) subjectOf(method reflect.Type) (s subject, ok bool) {
	others := 0
	for i := range method.NumIn() {
		if method.In(i) == contextType {
			continue
		}
		others++
		if !s.sure {
			s = k.inspect(method.In(i), method.IsVariadic() && i == method.NumIn()-1)
		}
	}
	if s.sure && others > 1 {
		s.problem("takes more than a context and a %s; keep the rest in the receiver", k.Noun)
	}
	return s, s.sure || s.possible && others == 1
}

func (k Kind) inspect(p reflect.Type, variadic bool) (s subject) {
	if variadic {
		p = p.Elem()
		s.problem("is variadic; take one %s", k.Noun)
	}
	if p.Kind() == reflect.Pointer {
		p = p.Elem()
		s.problem("takes a pointer; take %s, as a value", name(p))
	}
	s.data = p
	switch {
	case says(p, k.Mark):
		s.sure = true
		if p.Kind() == reflect.Interface {
			s.problem("takes the interface %s; take the type that has it", name(p))
		}
	case slices.ContainsFunc(k.Foreign, func(mark reflect.Type) bool { return says(p, mark) }):
	default:
		s.possible = mayBeEvent(p)
	}
	return s
}

// says reports whether t or *t implements mark.
func says(t, mark reflect.Type) bool {
	if t.Kind() != reflect.Interface {
		t = reflect.PointerTo(t)
	}
	return t.Implements(mark)
}

func (k Kind) resultProblems(method reflect.Type) []string {
	want := "an error, or a result and an error"
	if k.Answers {
		want = "a result and an error"
	}
	n := method.NumOut()
	switch {
	case n == 0:
		return []string{"returns nothing; return " + want}
	case n > 2 || method.Out(n-1) != errorType || n == 2 && method.Out(0) == errorType:
		return []string{"returns something else; return " + want}
	case n == 1 && k.Answers:
		return []string{fmt.Sprintf("returns no result, and a %s has one; return %s", k.Noun, want)}
	}
	return nil
}

var errorType = reflect.TypeFor[error]()

// callCaller returns a function that calls a method which judge found to be a handler.
func callCaller(method reflect.Value) func(context.Context, any) (any, error) {
	return func(ctx context.Context, call any) (result any, err error) {
		results := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(call)})
		err, _ = results[len(results)-1].Interface().(error)
		if len(results) == 2 {
			result = results[0].Interface()
		}
		return result, err
	}
}

// EventMarks are the interfaces by which a type says that it is an event and nothing else.
func EventMarks() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[event.Typed](), reflect.TypeFor[event.Versioned](), reflect.TypeFor[event.Topical]()}
}
