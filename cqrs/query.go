package cqrs

import (
	"context"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// QueryBus takes each query to its one handler. Make one with NewQueryBus. Its methods, and the functions that take it, may be called at
// the same time: a handler gets the queries that are asked after it was registered.
type QueryBus struct {
	desk
	store     *store.Store
	authorize func(context.Context, *middleware.Call) error
}

// NewQueryBus returns a query bus over the store whose events change the answers. The store may be nil: then no query can be watched.
func NewQueryBus(st *store.Store, cfg QueryConfig) (*QueryBus, error) {
	if err := checkMiddleware(cfg.Middleware); err != nil {
		return nil, err
	}
	b := &QueryBus{store: st, authorize: cfg.Authorize}
	b.desk = desk{kind: middleware.Query, around: around(cfg.Logger, cfg.NoLogging, cfg.Middleware)}
	return b, nil
}

// HandleQuery makes fn the handler of queries of type Q, which answers with an R. There is one for each type: a second one is refused,
// naming both.
func HandleQuery[Q, R any](b *QueryBus, fn func(context.Context, Q) (R, error), opts ...Option) error {
	if fn == nil {
		return event.Invalid("handler", "is nil")
	}
	call := func(ctx context.Context, data any) (any, error) { return fn(ctx, data.(Q)) }
	h, err := b.newFunction(reflect.TypeFor[Q](), reflect.TypeFor[R](), call, functionName(fn), opts)
	if err != nil {
		return err
	}
	return b.add(h)
}

func (b *QueryBus) newFunction(data, result reflect.Type, call callFunc, name string, opts []Option) (*handler, error) {
	set, err := newSettings(name, opts)
	if err != nil {
		return nil, err
	}
	if set.except != nil {
		return nil, event.Invalid("except", "is for Register, which looks for handlers; this is one handler")
	}
	return b.newQueryHandler(data, result, call, set)
}

func (b *QueryBus) newQueryHandler(data, result reflect.Type, call callFunc, set settings) (*handler, error) {
	if result.Implements(reflect.TypeFor[lasting]()) {
		return nil, event.Invalid("result", "of %s is %v, and queries change nothing; make it a command", set.name, result)
	}
	h, err := b.newHandler(data, result, call, set.name)
	if err != nil {
		return nil, err
	}
	h.serve, err = b.wrap(b.serve(h), set)
	return h, err
}

// serve is the innermost of what is around a query's handler.
func (b *QueryBus) serve(h *handler) middleware.Handler {
	return func(ctx context.Context, c *middleware.Call) (any, error) {
		if _, err := on(ctx, c); err != nil {
			return nil, err
		}
		if err := h.takes(c.Data); err != nil {
			return nil, err
		}
		if err := h.admit(ctx, c, b.authorize); err != nil {
			return nil, err
		}
		return h.call(ctx, c.Data)
	}
}

// Types returns the Go types of the queries that have a handler, by their names.
func (b *QueryBus) Types() map[string]reflect.Type { return b.types() }

// Decode returns JSON as a query of the type with that name, ready to be asked: for programs that get queries from elsewhere. The
// error of an unknown name is [ErrNoHandler]; what does not fit the type answers to event.ErrInvalid.
func (b *QueryBus) Decode(name string, data []byte) (any, error) { return b.decode(name, data) }

// Query takes a query, or a pointer to one, to its handler, and returns the answer as R, which is the type that the handler answers
// with, an interface that it implements, or any. When R is neither, the handler is not called.
//
// An error of the handler is returned as it is. The other errors answer to [ErrNoHandler], [ErrForbidden] or event.ErrInvalid. A panic
// is a [*middleware.PanicError].
func Query[R any](ctx context.Context, b *QueryBus, query any) (R, error) {
	var none R
	h, data, err := b.find(query)
	if err != nil {
		return none, err
	}
	if err := h.answers(b.kind, reflect.TypeFor[R]()); err != nil {
		return none, err
	}
	s := b.begin(ctx, h, data)
	s.inherit()
	answer, err := s.run(h)
	if err != nil {
		return none, err
	}
	result, _ := answer.(R)
	return result, nil
}
