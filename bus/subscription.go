package bus

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/topic"
)

// Subscription is a live interest in events. It lasts until it or its bus is closed.
type Subscription struct {
	bus       *Bus
	name      string
	eventType string        // what it listens to, or empty:
	pattern   topic.Pattern // the topics it listens to
	handle    handler
	queue     *queue     // nil when events are handled in the publisher's goroutine
	broadcast *broadcast // of a feed, which has no handler

	number uint64 // grows in order of subscription
	unlist func()

	cancelled, paused atomic.Bool // of a sync subscription
	skipped           atomic.Uint64
	active            activity // handler calls of a sync subscription, workers of a queued one
	delivered, failed atomic.Uint64
}

// handler is a user's handler behind whatever makes the event fit it. It must not keep or change the event.
type handler func(context.Context, *event.Event[any]) error

// Name returns what errors call it: what Named said, or else the handler's name.
func (s *Subscription) Name() string { return s.name }

// Cancel ends the subscription without waiting: what waits in its queue is dropped, and no further handler call is begun. One
// that runs, goes on. A handler may cancel its own subscription.
func (s *Subscription) Cancel() { s.giveUp() }

// Close ends the subscription: it gets no more events, handles those in its queue, and Close returns when its handler has
// returned for the last time. When ctx ends first, it drops what waits and returns an [*UnfinishedError]; see Drain for what does not drop.
// The subscription's own handler would wait for itself here; it uses Cancel.
func (s *Subscription) Close(ctx context.Context) error {
	err := s.drain(ctx, "close")
	if unfinished, ok := errors.AsType[*UnfinishedError](err); ok && s.broadcast == nil {
		unfinished.Left = []Left{s.giveUp()}
	}
	return err
}

// stop lets no more events in.
func (s *Subscription) stop() {
	s.bus.drop(s)
	switch {
	case s.queue != nil:
		s.queue.stop()
	case s.broadcast != nil:
		s.broadcast.close()
	default:
		s.cancelled.Store(true)
	}
}

// giveUp is stop, and drops what waits. It returns what is left undone.
func (s *Subscription) giveUp() Left {
	s.stop()
	if s.broadcast != nil { // readers are not the bus's, and read on by themselves
		return Left{Subscription: s.name}
	}
	left := Left{Subscription: s.name, Running: s.running()}
	if s.queue != nil {
		left.Dropped = s.queue.discard()
	}
	return left
}

// sync reports whether the publisher calls the handler.
func (s *Subscription) sync() bool { return s.queue == nil && s.broadcast == nil }

// put gives the event to whoever keeps it for later.
func (s *Subscription) put(ctx context.Context, e *event.Event[any]) error {
	if s.queue != nil {
		return s.queue.put(ctx, e)
	}
	s.broadcast.put(e)
	return nil
}

// deliver calls the handler of a sync subscription.
func (s *Subscription) deliver(ctx context.Context, e *event.Event[any]) error {
	s.active.begin()
	defer s.active.end()
	if s.cancelled.Load() {
		return nil
	}
	if s.paused.Load() {
		s.skipped.Add(1)
		return nil
	}
	return s.call(ctx, e)
}

// call calls the handler and counts what became of it.
func (s *Subscription) call(ctx context.Context, e *event.Event[any]) (err error) {
	handled := false
	defer func() {
		if handled {
			s.delivered.Add(1)
			return
		}
		s.failed.Add(1) // also when the handler ended its goroutine, as t.FailNow does
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		err = s.failure(e, err)
	}()
	err = s.handle(ctx, e)
	handled = err == nil
	return err
}

func (s *Subscription) failure(e *event.Event[any], err error) error {
	return &HandlerError{Subscription: s.name, EventID: e.ID, EventType: e.Type, Err: err}
}
