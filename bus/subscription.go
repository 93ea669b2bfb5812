package bus

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/topic"
)

// Subscription is a live interest in events. It lasts until it or its bus is closed.
type Subscription struct {
	bus       *Bus
	name      string
	eventType string        // what it listens to, or empty:
	pattern   topic.Pattern // the topics it listens to
	handle    handler
	where     []predicate
	once      bool
	queue     *queue     // nil when events are handled in the publisher's goroutine
	broadcast *broadcast // of a feed, which has no handler

	number uint64 // grows in order of subscription
	unlist func()

	cancelled, paused atomic.Bool // paused: of a sync subscription
	taken             atomic.Bool // with once: the event is found
	skipped           atomic.Uint64
	active            activity // handler calls of a sync subscription, workers of a queued one; what ended well was delivered
	failed            atomic.Uint64
}

// handler is a user's handler behind whatever makes the event fit it.
type handler func(context.Context, parcel) error

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
	s.seal()
}

// seal is stop for one that the bus is left to drop.
func (s *Subscription) seal() {
	s.cancelled.Store(true)
	switch {
	case s.queue != nil:
		s.queue.stop()
	case s.broadcast != nil:
		s.broadcast.close()
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

// deliver has a sync subscription handle p, if it wants it.
func (s *Subscription) deliver(ctx *scope, p parcel) error {
	s.active.begin()
	defer s.active.end()
	if s.cancelled.Load() {
		return nil
	}
	if s.paused.Load() {
		s.skipped.Add(1)
		return nil
	}
	if s.where == nil && !s.once {
		return s.call(ctx, p)
	}
	if wanted, err := s.wants(p); !wanted {
		return err
	}
	if s.once {
		s.spend()
	}
	return s.call(ctx, p)
}

// put gives p to the queue or the ring, if the subscription wants it, or says why not.
func (s *Subscription) put(ctx context.Context, p parcel) error {
	if s.where != nil || s.once {
		return s.putWanted(ctx, p)
	}
	return s.keep(ctx, p)
}

func (s *Subscription) keep(ctx context.Context, p parcel) error {
	if s.broadcast != nil {
		s.broadcast.put(p)
		return nil
	}
	if err := s.queue.put(ctx, p); err != nil {
		return s.failure(p, err)
	}
	return nil
}

func (s *Subscription) putWanted(ctx context.Context, p parcel) error {
	s.active.begin()
	defer s.active.end()
	if wanted, err := s.wants(p); !wanted {
		return err
	}
	if err := s.keep(ctx, p); err != nil {
		s.taken.Store(false)
		if s.once && s.cancelled.Load() { // whoever did that may have left it to this publisher
			s.sealUntaken()
		}
		return err
	}
	if s.once {
		s.spend()
	}
	return nil
}

// spend ends a subscription that has got the one event it wanted.
func (s *Subscription) spend() {
	s.seal()
	s.Resume() // closing ends a pause
	s.bus.retire(s)
}

// call calls the handler, counts what became of it and has the hook see it. Publishers and the queue's workers use it.
func (s *Subscription) call(ctx context.Context, p parcel) error {
	if s.bus.hook != nil {
		return s.observe(ctx, p)
	}
	return s.attempt(ctx, p)
}

// attempt calls the handler and counts what became of it.
func (s *Subscription) attempt(ctx context.Context, p parcel) (err error) {
	handled := false
	defer func() {
		if handled {
			s.active.well()
			return
		}
		s.failed.Add(1)
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
		err = s.failure(p, cmp.Or(err, errEnded))
	}()
	err = s.handle(ctx, p)
	handled = err == nil
	return err
}

// errEnded is why a handler did not handle an event if it neither returned nor panicked.
var errEnded = errors.New("the handler ended its goroutine")

func (s *Subscription) failure(p parcel, err error) error {
	m := p.metadata()
	return &HandlerError{Subscription: s.name, EventID: m.ID, EventType: m.Type, Err: err}
}
