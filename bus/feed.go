package bus

import (
	"context"
	"iter"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/topic"
)

// Ring says how much a feed remembers for its readers. The zero Ring is 1,024 places.
type Ring struct {
	Size int // events, exactly; default 1,024
}

// Feed has events for readers to pull: any number of them, each of which gets every event, at its own pace. Publishing never
// waits for them: an event that finds the ring full takes the place of the oldest, and who has not read that is told.
//
// Cancel closes a feed without waiting; Close and Drain wait until the readers that have begun are at the end, so that a reader must not
// call them within its loop. None of the three takes away from readers what is in the ring, nor does closing the bus, which
// does not wait for readers.
//
// There is no handler, and so neither middleware nor causation: a reader that publishes what an event causes says so with
// event.WithCause(ctx, e.Cause()). Readers share the event and must not change its Data (where it refers to memory), Tags or Headers.
type Feed[T any] struct {
	*Subscription
}

// Broadcast returns a feed of every event of T's event type, and registers T for it. Its name is the event type, unless Named says
// otherwise. [Where] limits it; options that are about handlers are refused.
func Broadcast[T any](b *Bus, r Ring, opts ...Option) (*Feed[T], error) {
	t := reflect.TypeFor[T]()
	if err := checkType(t); err != nil {
		return nil, err
	}
	d, err := event.Describe(t)
	if err != nil {
		return nil, err
	}
	s, err := b.newFeed(d.Type, t, r, opts)
	if err != nil {
		return nil, err
	}
	if err := b.registry.RegisterType(t); err != nil {
		return nil, err
	}
	s.eventType = d.Type
	return liveFeed[T](b, s)
}

// BroadcastTopic returns a feed of every event whose topic matches the pattern, as with [Bus.SubscribeTopic]. Its name is the
// pattern, unless Named says otherwise.
func (b *Bus) BroadcastTopic(pattern string, r Ring, opts ...Option) (*Feed[any], error) {
	parsed, err := topic.Parse(pattern)
	if err != nil {
		return nil, event.Invalid("pattern", "%s", strings.TrimPrefix(err.Error(), "pattern "))
	}
	s, err := b.newFeed(pattern, reflect.TypeFor[any](), r, opts)
	if err != nil {
		return nil, err
	}
	s.pattern = parsed
	return liveFeed[any](b, s)
}

func liveFeed[T any](b *Bus, s *Subscription) (*Feed[T], error) {
	if err := b.add(s); err != nil {
		return nil, err
	}
	return &Feed[T]{s}, nil
}

func (b *Bus) newFeed(name string, t reflect.Type, r Ring, opts []Option) (*Subscription, error) {
	set, err := newSettings(name, opts)
	switch {
	case err != nil:
		return nil, err
	case set.queue != nil:
		return nil, event.Invalid("queue", "is not for a feed, which has a ring; leave Queued away, or use Subscribe")
	case set.except != nil:
		return nil, event.Invalid("except", "is for Register, which looks for handlers; this is a feed")
	case set.once:
		return nil, event.Invalid("once", "is for a handler; a reader of a feed leaves after its first event by itself")
	case set.middleware != nil:
		return nil, event.Invalid("middleware", "wraps a handler, which a feed has none of; leave With away, or use Subscribe")
	case r.Size < 0:
		return nil, event.Invalid("ring size", "is %d; leave it 0 for %d", r.Size, defaultSize)
	}
	s := &Subscription{bus: b, name: set.name}
	s.broadcast = newBroadcast(s, r)
	s.where, err = b.predicates(set.where, t)
	return s, err
}

// All yields every event whose publishing begins after All has returned, in the order in which they got into the ring, and goes on as
// new ones come. (One that is being published meanwhile may be among them.) It may be called many times, and each reader reads by itself;
// an iterator that is ranged over again begins where it began the first time, with what is left of that in the ring.
//
// An error comes alone, with an empty event. The reading goes on after a [*MissedError], and after a [*HandlerError] that says
// that an event's data could not be converted to T. Any other is the last: it is ctx's, when that has ended. When the feed or its
// bus is closed, the iteration ends without an error after what is in the ring.
func (f *Feed[T]) All(ctx context.Context) iter.Seq2[event.Event[T], error] {
	from := f.broadcast.position()
	return func(yield func(event.Event[T], error) bool) {
		r := f.broadcast.begin(from)
		defer r.end()
		for {
			p, missed, err := r.next(ctx)
			switch {
			case err != nil:
				yield(event.Event[T]{}, err)
				return
			case missed > 0:
				if !yield(event.Event[T]{}, &MissedError{Count: missed}) {
					return
				}
			case p == nil || !f.hand(p, yield):
				return
			}
		}
	}
}

// hand yields an event. The cases are told apart here, and not by a function that returns an event, because those are large.
func (f *Feed[T]) hand(p parcel, yield func(event.Event[T], error) bool) bool {
	if typed, ok := p.(*envelope[T]); ok {
		return yield(typed.Event, nil)
	}
	e, err := f.unpack(p)
	if err != nil {
		f.broadcast.unfit.Add(1)
		f.failed.Add(1)
		return yield(event.Event[T]{}, f.failure(p, err))
	}
	return yield(e, nil)
}

// unpack returns an event that was published with data of another Go type.
func (f *Feed[T]) unpack(p parcel) (_ event.Event[T], err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return unpack[T](f.bus, p)
}
