package bus

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
)

// Report tells what Register did with the methods of a value.
type Report struct {
	Handlers []Registered // in order of method names
	Others   []string     // the methods that are no handlers, with their signatures
}

// Registered is a method that now handles events.
type Registered struct {
	Method       string
	EventType    string
	Subscription *Subscription
}

func (r Report) String() string {
	lines := make([]string, 0, len(r.Handlers)+len(r.Others))
	for _, h := range r.Handlers {
		lines = append(lines, fmt.Sprintf("%s handles %s", h.Method, h.EventType))
	}
	for _, other := range r.Others {
		lines = append(lines, other+" is no handler")
	}
	return strings.Join(lines, "\n")
}

// Register subscribes every handler among the exported methods of x: those that are
//
//	func(context.Context, T) error
//	func(context.Context, event.Event[T]) error
//
// where T is an event: a named struct (with an exported field or with none at all, so time.Time is not meant), or a type with one
// of the methods that package event asks for, such as EventType. Each becomes a subscription of its own, all with the same options.
//
// A method that almost fits is refused, and then nothing is subscribed: one that takes an event.Event or a type with such a method in
// any other way, and one that takes a struct and is wrong in one thing: no context, a pointer, a variadic parameter, or anything but
// one error as its result. [Except] names methods to leave alone all the same. Other methods are left alone and reported.
// Types stay registered for decoding even when Register fails.
func (b *Bus) Register(x any, opts ...Option) (Report, error) {
	set, err := newSettings(strings.TrimPrefix(fmt.Sprintf("%T", x), "*"), opts)
	if err != nil {
		return Report{}, err
	}
	found, err := discover.Handlers(x, set.except)
	if err != nil {
		return Report{}, discover.Refused(err, "bus.Except")
	}
	report := Report{Others: found.Others}
	subs := make([]*Subscription, 0, len(found.Handlers))
	for _, h := range found.Handlers {
		s, err := b.newMethod(h, set)
		if err != nil {
			return Report{}, fmt.Errorf("register %T.%s: %w", x, h.Method, err)
		}
		subs = append(subs, s)
		report.Handlers = append(report.Handlers, Registered{h.Method, s.eventType, s})
	}
	if err := b.add(subs...); err != nil {
		return Report{}, err
	}
	return report, nil
}

func (b *Bus) newMethod(h discover.Handler, set settings) (*Subscription, error) {
	set.name += "." + h.Method
	t := target{goType: h.Type, fit: b.fitting(h.Type), call: h.Call}
	s, err := b.newTyped(t, set)
	if err != nil {
		return nil, err
	}
	if s.handle == nil {
		s.handle = func(ctx context.Context, p parcel) error {
			e, err := t.fit(p)
			if err != nil {
				return err
			}
			return h.Call(ctx, *e)
		}
	}
	return s, nil
}

// fitting returns what makes events have data of a type that is known only at run time, and registered.
func (b *Bus) fitting(t reflect.Type) func(parcel) (*event.Event[any], error) {
	return func(p parcel) (*event.Event[any], error) {
		e := p.untyped()
		if reflect.TypeOf(e.Data) == t {
			return e, nil
		}
		rec, err := b.registry.Encode(*e)
		if err != nil {
			return nil, err
		}
		converted, err := b.registry.Decode(rec)
		return &converted, err
	}
}
