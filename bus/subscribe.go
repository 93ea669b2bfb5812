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
	handle := func(ctx context.Context, e *event.Event[any]) error {
		return fn(ctx, event.Event[T]{Metadata: e.Metadata, Place: e.Place, Data: e.Data.(T)})
	}
	set, err := functionSettings(fn, opts)
	if err != nil {
		return nil, err
	}
	s, err := b.newTyped(reflect.TypeFor[T](), handle, set)
	if err != nil {
		return nil, err
	}
	return b.live(s)
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
	s, err := b.newSubscription(set)
	if err != nil {
		return nil, err
	}
	s.pattern = parsed
	s.handle = func(ctx context.Context, e *event.Event[any]) error { return fn(ctx, *e) }
	return b.live(s)
}

// live adds s to the bus.
func (b *Bus) live(s *Subscription) (*Subscription, error) {
	if err := b.add(s); err != nil {
		return nil, err
	}
	return s, nil
}

// newTyped returns a subscription to t's event type that is not live yet. handle gets events whose data is a t.
func (b *Bus) newTyped(t reflect.Type, handle handler, set settings) (*Subscription, error) {
	if err := checkType(t); err != nil {
		return nil, err
	}
	d, err := event.Describe(t)
	if err != nil {
		return nil, err
	}
	s, err := b.newSubscription(set)
	if err != nil {
		return nil, err
	}
	s.eventType = d.Type
	s.handle = func(ctx context.Context, e *event.Event[any]) error {
		if reflect.TypeOf(e.Data) == t {
			return handle(ctx, e)
		}
		converted, err := b.convert(e)
		if err != nil {
			return err
		}
		return handle(ctx, &converted)
	}
	return s, b.registry.RegisterType(t)
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

// convert returns e with its data in the Go type that is registered for its event type.
func (b *Bus) convert(e *event.Event[any]) (event.Event[any], error) {
	rec, err := b.registry.Encode(*e)
	if err != nil {
		return event.Event[any]{}, err
	}
	return b.registry.Decode(rec)
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
