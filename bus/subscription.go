package bus

import (
	"context"
	"fmt"
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
	queue     *queue // nil when events are handled in the publisher's goroutine

	number uint64 // grows in order of subscription
	unlist func()

	cancelled         atomic.Bool
	active            activity // handler calls of a sync subscription, workers of a queued one
	delivered, failed atomic.Uint64
}

// handler is a user's handler behind whatever makes the event fit it. It must not keep or change the event.
type handler func(context.Context, *event.Event[any]) error

// Name returns what errors call it: what Named said, or else the handler's name.
func (s *Subscription) Name() string { return s.name }

// Stats are counts since the subscription began, and what is waiting now. Every event that was offered is in one of them, or just
// being handled.
type Stats struct {
	Delivered uint64 // handled without an error
	Failed    uint64 // the handler returned an error or panicked, or the data could not be converted for it
	Dropped   uint64 // lost to a full queue by its policy, or in the queue when that was cancelled
	Refused   uint64 // not put into the queue, and its publisher was told so
	Depth     int    // waiting in the queue
}

// Stats returns the counts.
func (s *Subscription) Stats() Stats {
	stats := Stats{Delivered: s.delivered.Load(), Failed: s.failed.Load()}
	if s.queue != nil {
		s.queue.addTo(&stats)
	}
	return stats
}

// Cancel ends the subscription without waiting: what waits in its queue is dropped, and no further handler call is begun. One
// that runs, goes on. A handler may cancel its own subscription.
func (s *Subscription) Cancel() { s.giveUp() }

// Close ends the subscription: it gets no more events, handles those in its queue, and Close returns when its handler has
// returned for the last time. When ctx ends first, it drops what waits and returns an [*UnfinishedError].
// The subscription's own handler would wait for itself here; it uses Cancel.
func (s *Subscription) Close(ctx context.Context) error {
	if q := queueOf(ctx); q != nil && q == s.queue {
		return fmt.Errorf("close subscription %s: its own handler would wait for itself; use Cancel", s.name)
	}
	s.stop()
	err := s.active.wait(ctx)
	if err == nil {
		return nil
	}
	return &UnfinishedError{Left: []Left{s.giveUp()}, Err: err}
}

// stop lets no more events in.
func (s *Subscription) stop() {
	s.bus.drop(s)
	if s.queue != nil {
		s.queue.stop()
		return
	}
	s.cancelled.Store(true)
}

// giveUp is stop, and drops what waits. It returns what is left undone.
func (s *Subscription) giveUp() Left {
	s.stop()
	left := Left{Subscription: s.name, Running: int(s.active.running.Load())}
	if s.queue != nil {
		left.Dropped = s.queue.discard()
	}
	return left
}

// deliver calls the handler of a sync subscription.
func (s *Subscription) deliver(ctx context.Context, e *event.Event[any]) error {
	s.active.begin()
	defer s.active.end()
	if s.cancelled.Load() {
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
