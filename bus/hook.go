package bus

import (
	"context"
	"runtime/debug"

	"github.com/oxbow-events/oxbow/event"
)

// Hook observes a bus, for traces and metrics. It is called by whoever publishes and handles, so at any time and several
// times at once, and should not take long. A hook whose Publish panics, panics in the publisher; a panic of Deliver is that
// subscription's error.
type Hook interface {
	// Publish is called before an event is delivered. It may set m.TraceParent and m.TraceState, and nothing else. What it returns is
	// the context that handlers and queues get, made from ctx. done, if it is not nil, is called once with the result when the publish is over.
	Publish(ctx context.Context, m *event.Metadata) (_ context.Context, done func(error))

	// Deliver is called around each call of a subscription's handler, with the context that carries the cause. What it returns is
	// the handler's context, made from ctx. done, if it is not nil, is called once with what became of it: nil, or a *HandlerError.
	Deliver(ctx context.Context, subscription string, m *event.Metadata) (_ context.Context, done func(error))
}

// observePublish is handOut under the eyes of the hook.
func (b *Bus) observePublish(ctx context.Context, p parcel, s *scope, who audience) error {
	ctx, done := b.hook.Publish(ctx, p.metadata())
	if done == nil {
		return b.handOut(ctx, p, s, who)
	}
	err := errEnded // unless it returns
	defer func() { done(err) }()
	err = b.handOut(ctx, p, s, who)
	return err
}

// observe is attempt under the eyes of the hook.
func (s *Subscription) observe(ctx context.Context, p parcel) (err error) {
	begun := false
	defer func() {
		v := recover() // the hook's: attempt leaves none
		if v == nil {
			return
		}
		if !begun {
			s.failed.Add(1)
		}
		err = s.failure(p, &PanicError{Value: v, Stack: debug.Stack()})
	}()
	ctx, done := s.bus.hook.Deliver(ctx, s.name, p.metadata())
	begun = true
	if done == nil {
		return s.attempt(ctx, p)
	}
	result := s.failure(p, errEnded) // unless it returns
	defer func() { done(result) }()
	result = s.attempt(ctx, p)
	return result
}
