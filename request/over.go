package request

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// Over returns a carrier over a bus. Each request is an event on the bus, which every subscription to its type or topic sees; those that
// are sync run before the answers are looked at. An event that is published and not asked is no request, and responders do not see it.
//
// Hooks and middleware of the bus see how a request comes to a responder, and not how it is handled: use Config.Middleware and [With] for that.
// What keeps an event from a subscription there, such as Deduplicate with the same request a second time, is as if the responder were
// not there.
//
// Close the carrier before the bus. Once the bus is closed, asking returns an error that answers to bus.ErrClosed and to ErrClosed.
func Over(b *bus.Bus, cfg Config) (*Carrier, error) {
	if b == nil {
		return nil, event.Invalid("bus", "is nil")
	}
	checked, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return New(newInProcess(b, checked.OnError), cfg)
}

// OnBus returns the driver of Over alone.
func OnBus(b *bus.Bus) Driver { return newInProcess(b, logError) }

// inProcess is the driver over a bus. A request is delivered with a context that carries its call; responders are subscriptions that
// join the call they find there.
type inProcess struct {
	bus     *bus.Bus
	onError func(context.Context, event.Event[any], error)
	closed  chan struct{}
	close   func()
}

func newInProcess(b *bus.Bus, onError func(context.Context, event.Event[any], error)) *inProcess {
	d := &inProcess{bus: b, onError: onError, closed: make(chan struct{})}
	d.close = sync.OnceFunc(func() { close(d.closed) })
	return d
}

func (d *inProcess) Close() error {
	d.close()
	return nil
}

func (d *inProcess) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

func (d *inProcess) Respond(_ context.Context, route Route, take Take) (stop func(), err error) {
	if d.isClosed() {
		return nil, ErrClosed
	}
	join := func(ctx context.Context, e event.Event[any]) error {
		if asked, ok := ctx.Value(askingKey{}).(*asking); ok && asked.call.request.ID == e.ID {
			asked.join(&e.Metadata, route.Name, take)
		}
		return nil
	}
	sub, err := d.bus.SubscribeTopic(route.Pattern, join, bus.Named(route.Name))
	if errors.Is(err, bus.ErrClosed) {
		return nil, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	if err != nil {
		return nil, err
	}
	return sub.Cancel, nil
}

func (d *inProcess) Ask(ctx context.Context, q *event.Event[any], window int) (Answers, error) {
	if d.isClosed() {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	call := newCall(ctx, d, q, window)
	err := call.offer()
	n := call.begun()
	if err == nil && n > 0 {
		return call, nil
	}
	if n > 0 {
		d.onError(ctx, *q, err)
		return call, nil
	}
	return nil, d.unanswered(ctx, q, err)
}

// offer has the bus deliver the request. Where that does not return, because a hook panics or an observer ends its goroutine, nobody is
// left to take answers.
func (c *call) offer() error {
	delivered := false
	defer func() {
		if !delivered {
			c.Close()
		}
	}()
	err := c.driver.bus.Deliver(&c.asking, *c.request)
	delivered = true
	return err
}

// unanswered says why nobody took a request.
func (d *inProcess) unanswered(ctx context.Context, q *event.Event[any], err error) error {
	if err == nil {
		return ErrNoResponder
	}
	if _, handled := errors.AsType[*bus.HandlerError](err); handled {
		d.onError(ctx, *q, err)
		return ErrNoResponder
	}
	if errors.Is(err, bus.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}
