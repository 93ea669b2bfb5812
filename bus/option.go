package bus

import "github.com/oxbow-events/oxbow/event"

// Option says how a subscription differs from the default: sync, and named after its handler.
type Option func(*settings)

type settings struct {
	name   string
	queue  *Queue
	except []string // for Register
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

func (b *Bus) newSubscription(set settings) (*Subscription, error) {
	s := &Subscription{bus: b, name: set.name}
	if set.queue == nil {
		return s, nil
	}
	q, err := newQueue(s, *set.queue)
	s.queue = q
	return s, err
}
