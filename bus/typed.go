package bus

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
)

// Publish makes an event of data and delivers it, as [Bus.Publish] does, for less: handlers of T get the data without their being
// put into an any, and one publish without options allocates once, whatever the number of sync handlers of T. (The names of streams of
// aggregates are allocated dozens at a time.)
//
// Data that [event.New] makes an event of otherwise than by their type (a pointer, an event, a map, an any) are published as
// Bus.Publish does.
func Publish[T any](ctx context.Context, b *Bus, data T, opts ...event.Option) error {
	r := routeOf[T](b)
	if r.maker == nil {
		return b.Publish(ctx, data, opts...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(opts) > 0 {
		return publishWith(ctx, b, data, opts)
	}
	return r.publish(ctx, b, data)
}

// publishWith publishes data with options, which are for events of any: they may set everything, the data too.
func publishWith[T any](ctx context.Context, b *Bus, data T, opts []event.Option) error {
	made, err := event.New(ctx, data, opts...)
	if err != nil {
		return err
	}
	env := &envelope[T]{}
	typed, ok := event.As[T](made)
	if !ok {
		return b.publish(ctx, &made)
	}
	env.Event = typed
	return b.deliver(ctx, env, &env.scope, b.audience(&env.Metadata, b.subscribersTo(made.Type)))
}

// route is what a bus remembers of a Go type: how its events are made, and who wants them.
type route[T any] struct {
	maker *event.Maker[T] // nil when the type alone does not say how
	to    *subscribers
}

// near is a small cache of routes beside the map of all: a type has one place in it, and keeps the place if it was the first.
type near [32]atomic.Pointer[any]

// publish publishes data without options.
func (r *route[T]) publish(ctx context.Context, b *Bus, data T) error {
	env := &envelope[T]{}
	env.Data = data
	if err := r.maker.Fill(ctx, &env.Event); err != nil {
		return err
	}
	return b.deliver(ctx, env, &env.scope, b.audience(&env.Metadata, r.to))
}

// publishAny is publish for data that are a T, as the caller has looked up.
func (r *route[T]) publishAny(ctx context.Context, b *Bus, data any) error {
	return r.publish(ctx, b, data.(T))
}

// leads reports whether there is a handler that gains from data that are not in an any.
func (r *route[T]) leads() bool { return r.maker != nil && len(*r.to.list.Load()) > 0 }

// anyRoute is the route of a Go type that only the data know.
type anyRoute interface {
	leads() bool
	publishAny(ctx context.Context, b *Bus, data any) error
}

// routeFor returns the route of data's Go type, or nil when they had better stay in their any.
func (b *Bus) routeFor(data any) anyRoute {
	if known, ok := b.routes.Load(reflect.TypeOf(data)); ok {
		if r := known.(anyRoute); r.leads() {
			return r
		}
	}
	return nil
}

func routeOf[T any](b *Bus) *route[T] {
	t := reflect.TypeFor[T]()
	place := &b.near[reflect.ValueOf(t).Pointer()>>6%uintptr(len(b.near))]
	if found := place.Load(); found != nil {
		if r, ok := (*found).(*route[T]); ok {
			return r
		}
	}
	if known, ok := b.routes.Load(t); ok {
		return known.(*route[T])
	}
	r := &route[T]{}
	if maker, err := event.NewMaker[T](); err == nil {
		r.maker, r.to = maker, b.entry(maker.Type)
	}
	known, _ := b.routes.LoadOrStore(t, r)
	place.CompareAndSwap(nil, &known)
	return known.(*route[T])
}
