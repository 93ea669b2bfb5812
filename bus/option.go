package bus

import (
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Option says how a subscription differs from the default: sync, and named after its handler.
type Option func(*settings)

type settings struct {
	name       string
	queue      *Queue
	where      []filter
	once       bool
	middleware []middleware.Func
	except     []string // for Register
}

// Named gives the subscription the name that errors and counts call it by. For those made by Register it replaces the
// name of the value's type: the method's name follows it.
func Named(name string) Option { return func(s *settings) { s.name = name } }

// Queued has events handled by workers of the subscription's own instead of the publisher.
func Queued(q Queue) Option { return func(s *settings) { s.queue = &q } }

// Except has Register leave methods alone that are no handlers, though they look like one or almost like one.
func Except(methods ...string) Option {
	return func(s *settings) { s.except = append(s.except, methods...) }
}

func newSettings(name string, opts []Option) (settings, error) {
	set := settings{name: name}
	for _, opt := range opts {
		opt(&set)
	}
	return set, event.CheckName("name", set.name)
}

// newSubscription returns one that calls t when there is middleware around it; otherwise its handler is still missing.
func (b *Bus) newSubscription(t target, set settings) (s *Subscription, err error) {
	s = &Subscription{bus: b, name: set.name, once: set.once}
	if s.where, err = b.predicates(set.where, t.goType); err != nil {
		return nil, err
	}
	if around := slices.Concat(b.middleware, set.middleware); len(around) > 0 {
		if s.handle, err = s.wrap(t, around); err != nil {
			return nil, err
		}
	}
	if set.queue == nil {
		return s, nil
	}
	s.queue, err = newQueue(s, *set.queue)
	return s, err
}
