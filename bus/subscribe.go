package bus

import (
	"context"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/topic"
)

// Subscribe calls fn with every event of T's event type, and registers T for it. See [event.Typed] for how a type is named.
func Subscribe[T any](b *Bus, fn func(context.Context, event.Event[T]) error, opts ...Option) (*Subscription, error) {
	if fn == nil {
		return nil, event.Invalid("handler", "is nil")
	}
	set, err := functionSettings(fn, opts)
	if err != nil {
		return nil, err
	}
	s, err := b.newTyped(targetOf(b, fn), set)
	if err != nil {
		return nil, err
	}
	if s.handle == nil {
		s.handle = plain(b, fn)
	}
	routeOf[T](b) // for Bus.Publish, which cannot make it
	return b.live(s)
}

// plain returns the handler that is fn, with nothing around it.
func plain[T any](b *Bus, fn func(context.Context, event.Event[T]) error) handler {
	return func(ctx context.Context, p parcel) error {
		if typed, ok := p.(*envelope[T]); ok {
			return fn(ctx, typed.Event)
		}
		boxed := p.untyped()
		if data, ok := boxed.Data.(T); ok {
			return fn(ctx, event.Event[T]{Metadata: boxed.Metadata, Place: boxed.Place, Data: data})
		}
		e, err := unpack[T](b, p)
		if err != nil {
			return err
		}
		return fn(ctx, e)
	}
}

// targetOf returns fn as one that is called with any.
func targetOf[T any](b *Bus, fn func(context.Context, event.Event[T]) error) target {
	return target{
		goType: reflect.TypeFor[T](),
		fit: func(p parcel) (*event.Event[any], error) {
			boxed := p.untyped()
			if _, ok := boxed.Data.(T); ok {
				return boxed, nil
			}
			e, err := unpack[T](b, p)
			if err != nil {
				return nil, err
			}
			return new(e.Untyped()), nil
		},
		call: func(ctx context.Context, e event.Event[any]) error {
			return fn(ctx, event.Event[T]{Metadata: e.Metadata, Place: e.Place, Data: e.Data.(T)})
		},
	}
}

// unpack returns the event with data of T: those it has, or converted by the registry's codec.
func unpack[T any](b *Bus, p parcel) (event.Event[T], error) {
	boxed := p.untyped()
	if e, ok := event.As[T](*boxed); ok {
		return e, nil
	}
	rec, err := b.registry.Encode(*boxed)
	if err != nil {
		return event.Event[T]{}, err
	}
	return event.DecodeAs[T](b.registry, rec)
}

// SubscribeTopic calls fn with every event whose topic matches the pattern: "*" stands for one segment, "**" for any number, so
// that "**" gets everything. The data is what was published, of whatever Go type.
func (b *Bus) SubscribeTopic(pattern string, fn func(context.Context, event.Event[any]) error, opts ...Option) (*Subscription, error) {
	if fn == nil {
		return nil, event.Invalid("handler", "is nil")
	}
	parsed, err := topic.Parse(pattern)
	if err != nil {
		return nil, event.Invalid("pattern", "%s", strings.TrimPrefix(err.Error(), "pattern "))
	}
	set, err := functionSettings(fn, opts)
	if err != nil {
		return nil, err
	}
	s, err := b.newSubscription(untypedTarget(fn), set)
	if err != nil {
		return nil, err
	}
	s.pattern = parsed
	if s.handle == nil {
		s.handle = func(ctx context.Context, p parcel) error { return fn(ctx, *p.untyped()) }
	}
	return b.live(s)
}

func untypedTarget(fn func(context.Context, event.Event[any]) error) target {
	return target{
		goType: reflect.TypeFor[any](),
		fit:    func(p parcel) (*event.Event[any], error) { return p.untyped(), nil },
		call:   fn,
	}
}

// live adds s to the bus.
func (b *Bus) live(s *Subscription) (*Subscription, error) {
	if err := b.add(s); err != nil {
		return nil, err
	}
	return s, nil
}

// newTyped returns a subscription to the event type of t's data that is not live yet.
func (b *Bus) newTyped(t target, set settings) (*Subscription, error) {
	if err := checkType(t.goType); err != nil {
		return nil, err
	}
	d, err := event.Describe(t.goType)
	if err != nil {
		return nil, err
	}
	s, err := b.newSubscription(t, set)
	if err != nil {
		return nil, err
	}
	s.eventType = d.Type
	return s, b.registry.RegisterType(t.goType)
}

func checkType(t reflect.Type) error {
	switch {
	case t == reflect.TypeFor[any]():
		return event.Invalid("type", `any is not an event type; to get events of every type use SubscribeTopic("**", …)`)
	case t.Kind() == reflect.Interface:
		return event.Invalid("type", "%v is an interface, and events are concrete; name the struct, or use SubscribeTopic", t)
	case t.Kind() == reflect.Pointer:
		return event.Invalid("type", "%v is a pointer; events are values: name %v", t, t.Elem())
	}
	return nil
}

func functionSettings(fn any, opts []Option) (settings, error) {
	set, err := newSettings(functionName(fn), opts)
	if err == nil && set.except != nil {
		err = event.Invalid("except", "is for Register, which looks for handlers; this is one handler")
	}
	return set, err
}

// functionName returns fn's name with its package: shop.(*Mailer).OnOrderPlaced.
func functionName(fn any) string {
	name := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	return strings.TrimSuffix(path.Base(name), "-fm") // Go's mark of a method used as a function
}
