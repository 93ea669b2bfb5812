package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	queue     *queue // nil when events are handled in the publisher's goroutine

	number uint64 // grows in order of subscription
	unlist func()

	cancelled atomic.Bool
	taken     atomic.Bool // with once: the event is found
	active    activity    // handler calls of a sync subscription, workers of a queued one; what ended well was delivered
	failed    atomic.Uint64
}

// handler is a user's handler behind whatever makes the event fit it.
type handler func(context.Context, parcel) error

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
	stats := Stats{Delivered: s.active.endedWell(), Failed: s.failed.Load()}
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
	if q := queueOf(ctx); q != nil && q == s.queue || s.calledWithin(ctx) {
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
	s.seal()
}

// seal is stop for one that the bus is left to drop.
func (s *Subscription) seal() {
	s.cancelled.Store(true)
	if s.queue != nil {
		s.queue.stop()
	}
}

// giveUp is stop, and drops what waits. It returns what is left undone.
func (s *Subscription) giveUp() Left {
	s.stop()
	left := Left{Subscription: s.name, Running: s.active.count()}
	if s.queue != nil {
		left.Dropped = s.queue.discard()
	}
	return left
}

// deliver has a sync subscription handle p, if it wants it.
func (s *Subscription) deliver(ctx *scope, p parcel) error {
	s.active.begin()
	defer s.active.end()
	if s.where == nil && !s.once {
		if s.cancelled.Load() {
			return nil
		}
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

// put gives p to the queue, if the subscription wants it, or says why not.
func (s *Subscription) put(ctx context.Context, p parcel) error {
	if s.where != nil || s.once {
		return s.putWanted(ctx, p)
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
	if err := s.queue.put(ctx, p); err != nil {
		s.taken.Store(false)
		return s.failure(p, err)
	}
	if s.once {
		s.spend()
	}
	return nil
}

// spend ends a subscription that has got the one event it wanted.
func (s *Subscription) spend() {
	s.seal()
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
