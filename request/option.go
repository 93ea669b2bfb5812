package request

import (
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Option says how a responder differs from the default: named after its handler, without limit, at the topic that is its request's type.
type Option func(*settings)

type settings struct {
	name       string
	pattern    string
	on         bool // pattern was given by On
	middleware []middleware.Func
	limited    bool
	limit      int
	waiting    int
}

// Named gives the responder the name that errors and askers call it by.
func Named(name string) Option { return func(s *settings) { s.name = name } }

// With has middleware around the handler, inside of the carrier's; the first is the outermost.
func With(fs ...middleware.Func) Option {
	return func(s *settings) { s.middleware = append(s.middleware, fs...) }
}

// On has a typed responder listen to the topics that match a pattern, where requests are sent with event.WithTopic or choose their topic.
func On(pattern string) Option { return func(s *settings) { s.pattern, s.on = pattern, true } }

// Limit lets at most running handlers run at once, and waiting requests more wait for one of them to return. Further requests are
// refused, and their askers told ErrBusy at once; another responder may still answer them.
func Limit(running, waiting int) Option {
	return func(s *settings) { s.limited, s.limit, s.waiting = true, running, waiting }
}

func newSettings(name, pattern string, opts []Option) (settings, error) {
	s := settings{name: name, pattern: pattern}
	for _, opt := range opts {
		opt(&s)
	}
	switch {
	case s.on && s.pattern == "":
		return s, event.Invalid("pattern", "of On is empty; leave On away for the topic that is the request's type")
	case s.limited && s.limit < 1:
		return s, event.Invalid("limit", "of running handlers is %d; it is at least 1", s.limit)
	case s.waiting < 0:
		return s, event.Invalid("limit", "of waiting requests is %d; it is at least 0", s.waiting)
	case slices.ContainsFunc(s.middleware, isNil):
		return s, event.Invalid("middleware", "has a nil in it")
	}
	return s, event.CheckName("name", s.name)
}
