package request

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/topic"
)

// Handle answers requests of type Q with what fn returns, and registers Q. Q is a struct like those of events: its type's name is the
// topic it listens to. fn runs in a goroutine of its own for each request; see [Limit]. Its context ends when the asker
// no longer waits, and what it publishes or asks with it names the request as its cause.
//
// An error that fn returns reaches the asker as an [*Error].
func Handle[Q, R any](c *Carrier, fn func(context.Context, Q) (R, error), opts ...Option) (*Responder, error) {
	if fn == nil {
		return nil, event.Invalid("handler", "is nil")
	}
	return respond[Q](c, functionName(fn), opts, handler{
		read: reader[Q](c),
		answer: func(ctx context.Context, _ *event.Event[any], data any, _ *work) (any, error) {
			q, err := given[Q](data)
			if err != nil {
				return nil, err
			}
			return fn(ctx, q)
		},
	})
}

// given returns what the handler takes, unless middleware has put something else in its place.
func given[Q any](data any) (Q, error) {
	q, ok := data.(Q)
	if !ok {
		return q, event.Invalid("data", "is a %T after the middleware, and the handler takes a %v", data, reflect.TypeFor[Q]())
	}
	return q, nil
}

// HandleStream answers requests of type Q with the values that fn yields. It is Handle in everything else. An error ends the stream.
//
// The iterator is stopped when the asker no longer wants it, and waits whenever it is Config.Window values ahead of the asker. Middleware
// is around the whole stream, and gets no result; one that calls the handler again after it sent a value gets an error.
func HandleStream[Q, R any](c *Carrier, fn func(context.Context, Q) iter.Seq2[R, error], opts ...Option) (*Responder, error) {
	if fn == nil {
		return nil, event.Invalid("handler", "is nil")
	}
	return respond[Q](c, functionName(fn), opts, handler{
		stream: true,
		read:   reader[Q](c),
		answer: func(ctx context.Context, _ *event.Event[any], data any, w *work) (any, error) {
			if w.sent {
				return nil, errAgain
			}
			q, err := given[Q](data)
			if err != nil {
				return nil, err
			}
			return nil, sendAll(ctx, w, fn(ctx, q))
		},
	})
}

var errAgain = errors.New("a stream cannot begin again after it has sent a value; put what retries inside of the iterator")

// sendAll sends the values of a stream until it ends or nobody wants it.
func sendAll[R any](ctx context.Context, w *work, values iter.Seq2[R, error]) error {
	if values == nil {
		return errors.New("the handler returned no iterator")
	}
	for v, err := range values {
		if err != nil {
			return err
		}
		if err := w.send(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// HandleTopic answers every request whose topic matches the pattern: "*" stands for one segment, "**" for any number. The data are what
// was asked, of whatever Go type; from another process they come as JSON makes them: maps, slices, json.Number.
func HandleTopic(c *Carrier, pattern string, fn func(context.Context, event.Event[any]) (any, error), opts ...Option) (*Responder, error) {
	if fn == nil {
		return nil, event.Invalid("handler", "is nil")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	set, err := newSettings(functionName(fn), pattern, opts)
	if err != nil {
		return nil, err
	}
	return c.respond(set, handler{
		read: c.readUntyped,
		answer: func(ctx context.Context, q *event.Event[any], data any, _ *work) (any, error) {
			asked := *q
			asked.Data = data
			return fn(ctx, asked)
		},
	})
}

func (c *Carrier) check() error {
	if c == nil {
		return event.Invalid("carrier", "is nil; make one with request.Over or request.New")
	}
	return nil
}

// respond makes a typed responder.
func respond[Q any](c *Carrier, name string, opts []Option, h handler) (*Responder, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	d, err := describeRequest(reflect.TypeFor[Q]())
	if err != nil {
		return nil, err
	}
	set, err := newSettings(name, "", opts)
	if err != nil {
		return nil, err
	}
	if set.pattern == "" {
		if _, ok := any(new(Q)).(event.Topical); ok {
			return nil, event.Invalid("pattern", "%v chooses its topic itself; say which ones to answer with request.On", reflect.TypeFor[Q]())
		}
		set.pattern = d.Type
	}
	if err := event.Register[Q](c.cfg.Registry); err != nil {
		return nil, err
	}
	return c.respond(set, h)
}

// describeRequest refuses types that requests cannot have.
func describeRequest(t reflect.Type) (event.Descriptor, error) {
	switch t.Kind() {
	case reflect.Interface:
		return event.Descriptor{}, event.Invalid("type", "%v is an interface, and requests are concrete; name the struct, or use HandleTopic", t)
	case reflect.Pointer:
		return event.Descriptor{}, event.Invalid("type", "%v is a pointer; requests are values: name %v", t, t.Elem())
	}
	return event.Describe(t)
}

// respond makes a responder live.
func (c *Carrier) respond(set settings, h handler) (*Responder, error) {
	if _, err := topic.Parse(set.pattern); err != nil {
		return nil, event.Invalid("pattern", "%s", strings.TrimPrefix(err.Error(), "pattern "))
	}
	wrapped, err := c.wrap(h, set.middleware)
	if err != nil {
		return nil, err
	}
	r := &Responder{carrier: c, name: set.name, handler: h, wrapped: wrapped}
	if set.limited {
		r.rooms, r.most = make(chan struct{}, set.limit), set.limit+min(set.waiting, math.MaxInt-set.limit)
	}
	r.paused = true // until stop can be called
	halt, err := c.driver.Respond(context.Background(), Route{Pattern: set.pattern, Name: set.name}, r.take)
	if err != nil {
		return nil, fmt.Errorf("respond to %s: %w", set.pattern, err)
	}
	r.halt = halt
	if err := c.add(r); err != nil {
		halt()
		return nil, fmt.Errorf("respond to %s: %w", set.pattern, err)
	}
	r.Resume()
	return r, nil
}

// wrap returns the handler within its middleware, or nil without any.
func (c *Carrier) wrap(h handler, own []middleware.Func) (middleware.Handler, error) {
	if len(c.cfg.Middleware)+len(own) == 0 {
		return nil, nil
	}
	all := append(c.cfg.Middleware[:len(c.cfg.Middleware):len(c.cfg.Middleware)], own...)
	wrapped := middleware.Chain(all...)(func(ctx context.Context, call *middleware.Call) (any, error) {
		w := workOf(ctx)
		if w == nil {
			return nil, errors.New("a middleware has called the handler with a context that is not made of the one it was given")
		}
		return h.answer(ctx, w.request, call.Data, w)
	})
	if wrapped == nil { // else it would be as if there were none
		return nil, event.Invalid("middleware", "made no handler")
	}
	return wrapped, nil
}

// functionName returns fn's name with its package: shop.(*Prices).Quote.
func functionName(fn any) string {
	name := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	return strings.TrimSuffix(path.Base(name), "-fm") // Go's mark of a method used as a function
}
