package cqrs

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
	"github.com/oxbow-events/oxbow/middleware"
)

// Report tells what Register did with the methods of a value.
type Report struct {
	Handlers []Registered // in order of method names
	Others   []string     // the methods that are no handlers, with their signatures
}

// Registered is a method that now handles commands or queries.
type Registered struct {
	Method string
	Type   string       // of the commands or queries
	Result reflect.Type // what it answers with; None when it has no result
}

func (r Report) String() string {
	lines := make([]string, 0, len(r.Handlers)+len(r.Others))
	for _, h := range r.Handlers {
		lines = append(lines, fmt.Sprintf("%s handles %s", h.Method, h.Type))
	}
	for _, other := range r.Others {
		lines = append(lines, other+" is no handler")
	}
	return strings.Join(lines, "\n")
}

// Register makes a handler of every exported method of x that is
//
//	func(context.Context, C) error
//	func(context.Context, C) (R, error)
//
// where C is a command: a named struct (with an exported field or with none at all), or any type with a method CommandType; and R is
// what HandleCommand says. All get the same options.
//
// A method that almost fits is refused, and then nothing is registered: one that takes a type with CommandType in any other way, and
// one that takes a struct and is wrong in one thing: no context, a pointer, a variadic parameter, or other results. [Except] names
// methods to leave alone all the same. Methods that take events or queries, which have the methods EventType or QueryType, are left
// alone and reported, as are all others.
func (b *CommandBus) Register(x any, opts ...Option) (Report, error) {
	kind := discover.Kind{
		Noun: "command", Mark: reflect.TypeFor[CommandTyped](),
		Foreign: append(discover.EventMarks(), reflect.TypeFor[QueryTyped]()),
	}
	return b.register(x, kind, opts, b.newCommandHandler)
}

// Register makes a handler of every exported method of x that is func(context.Context, Q) (R, error), where Q is a query: a named
// struct or a type with a method QueryType. For the rest it works like [CommandBus.Register].
func (b *QueryBus) Register(x any, opts ...Option) (Report, error) {
	kind := discover.Kind{
		Noun: "query", Mark: reflect.TypeFor[QueryTyped](), Answers: true,
		Foreign: append(discover.EventMarks(), reflect.TypeFor[CommandTyped]()),
	}
	return b.register(x, kind, opts, b.newQueryHandler)
}

type newHandlerFunc func(data, result reflect.Type, call callFunc, set settings) (*handler, error)

func (d *desk) register(x any, kind discover.Kind, opts []Option, newHandler newHandlerFunc) (Report, error) {
	set, err := newSettings(strings.TrimPrefix(fmt.Sprintf("%T", x), "*"), opts)
	if err != nil {
		return Report{}, err
	}
	found, others, err := discover.Calls(x, kind, set.except)
	if err != nil {
		return Report{}, discover.Refused(err, "cqrs.Except")
	}
	report := Report{Others: others}
	added := make([]*handler, 0, len(found))
	for _, f := range found {
		h, err := newMethod(f, set, newHandler)
		if err != nil {
			return Report{}, fmt.Errorf("register %T.%s: %w", x, f.Method, err)
		}
		added = append(added, h)
		report.Handlers = append(report.Handlers, Registered{f.Method, h.typeName, h.result})
	}
	if err := d.add(added...); err != nil {
		return Report{}, fmt.Errorf("register: %w", err)
	}
	return report, nil
}

func newMethod(f discover.CallHandler, set settings, newHandler newHandlerFunc) (*handler, error) {
	set.name += "." + f.Method
	if f.Result != nil {
		return newHandler(f.Type, f.Result, f.Call, set)
	}
	call := func(ctx context.Context, data any) (any, error) {
		_, err := f.Call(ctx, data)
		return None{}, err
	}
	return newHandler(f.Type, reflect.TypeFor[None](), call, set)
}

// wrap puts around a handler what is around all and what is around this one.
func (d *desk) wrap(h middleware.Handler, set settings) (middleware.Handler, error) {
	own := middleware.Chain(set.middleware...)(h)
	if own == nil {
		return nil, event.Invalid("middleware", "of %s made no handler", set.name)
	}
	wrapped := d.around(own)
	if wrapped == nil {
		return nil, event.Invalid("middleware", "of the bus made no handler of %s", set.name)
	}
	return wrapped, nil
}
