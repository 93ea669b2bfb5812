package cqrs

import (
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Option says how a handler differs from the default.
type Option func(*settings)

type settings struct {
	name       string
	middleware []middleware.Func
	except     []string // for Register
}

// With puts middleware around one handler, inside of that in the bus's config; the first is the outermost.
func With(fs ...middleware.Func) Option {
	return func(s *settings) { s.middleware = append(s.middleware, fs...) }
}

// Named gives the handler the name that errors, logs and audits call it by, which is otherwise the function's. For those
// that Register finds it replaces the name of the value's type: the method's name follows it.
func Named(name string) Option { return func(s *settings) { s.name = name } }

// Except has Register leave methods alone that are no handlers, though they look like one or almost like one.
func Except(methods ...string) Option {
	return func(s *settings) { s.except = append(s.except, methods...) }
}

func newSettings(name string, opts []Option) (settings, error) {
	set := settings{name: name}
	for _, opt := range opts {
		opt(&set)
	}
	if err := checkMiddleware(set.middleware); err != nil {
		return set, err
	}
	return set, event.CheckName("name", set.name)
}

// SendOption sets one thing of one command.
type SendOption func(*sendOptions)

type sendOptions struct {
	key   string
	keyed bool
	id    event.ID
}

// WithKey gives the command an idempotency key: whoever sends the same command with the same key again gets the first result, and
// nothing happens a second time. It goes before the key that the command brings itself.
func WithKey(key string) SendOption {
	return func(o *sendOptions) { o.key, o.keyed = key, true }
}

// WithID gives the command its id, which its events name as their cause, and which is otherwise a new one. It is for tracing:
// only a key makes a command happen once.
func WithID(id event.ID) SendOption { return func(o *sendOptions) { o.id = id } }
