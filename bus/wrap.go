package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// With wraps the subscription's handler, inside of what Config.Middleware gives to all of them. The first is the outermost.
//
// A call's Data are what the handler takes: data of another Go type are converted before, and what cannot be converted is the
// subscription's error without a call. Data that a middleware puts in their place go to the handler, if they are of its type. A middleware
// must pass on a context that it made from the one it was given.
func With(fs ...middleware.Func) Option {
	return func(s *settings) { s.middleware = append(s.middleware, fs...) }
}

// target is a user's handler for what comes as any: with middleware around it, or of a type known only at run time.
type target struct {
	goType reflect.Type                                  // of its data; any takes all
	fit    func(parcel) (*event.Event[any], error)       // the event with such data
	call   func(context.Context, event.Event[any]) error // with such data
}

// wrapped is a call within middleware and its context.
type wrapped struct {
	context.Context
	sub   *Subscription
	event *event.Event[any]
	call  middleware.Call
}

// wrappedKey asks a context for the innermost wrapped call of a subscription.
type wrappedKey struct{ of *Subscription }

func (w *wrapped) Value(key any) any {
	if k, ok := key.(wrappedKey); ok && k.of == w.sub {
		return w
	}
	return w.Context.Value(key)
}

// wrap returns the handler of s: t within the middleware fs, composed once and for all.
func (s *Subscription) wrap(t target, fs []middleware.Func) (handler, error) {
	for i, f := range fs {
		if f == nil {
			return nil, event.Invalid(fmt.Sprintf("middleware[%d]", i), "is nil")
		}
	}
	first := middleware.Chain(fs...)(func(ctx context.Context, c *middleware.Call) (any, error) { return nil, s.unwrap(ctx, t, c) })
	if first == nil {
		return nil, event.Invalid("middleware", "made no handler")
	}
	return func(ctx context.Context, p parcel) error {
		e, err := t.fit(p)
		if err != nil {
			return err
		}
		w := &wrapped{Context: ctx, sub: s, event: e, call: middleware.Call{
			Kind: middleware.Event, Name: e.Type, Handler: s.name, Metadata: &e.Metadata, Data: e.Data, Attempt: 1,
		}}
		_, err = first(w, &w.call)
		return err
	}, nil
}

// unwrap calls the handler with what the middleware has passed on.
func (s *Subscription) unwrap(ctx context.Context, t target, c *middleware.Call) error {
	w, ok := ctx.Value(wrappedKey{s}).(*wrapped)
	if !ok {
		return errors.New("a middleware passed on a context that was not made from the one it was given")
	}
	if got := reflect.TypeOf(c.Data); t.goType.Kind() != reflect.Interface && got != t.goType {
		return event.Invalid("data", "is a %v after the middleware, and the handler takes a %v", got, t.goType)
	}
	e := *w.event
	e.Data = c.Data
	return t.call(ctx, e)
}
