package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/verdict"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// attempt says which call of a handler this is.
type attempt struct {
	consumer string
	number   int // 1, 2, 3…
}

// wrap returns the handler inside of middleware, nil when there is none.
func (h *Handler) wrap(reg *event.Registry, outside []middleware.Func) (wrapped middleware.Handler, err error) {
	if len(outside)+len(h.around) == 0 {
		return nil, nil
	}
	if wrapped, err = wrapIn("With", h.around, h.innermost(reg)); err != nil {
		return nil, err
	}
	return wrapIn("Middleware", outside, wrapped)
}

func wrapIn(field string, fs []middleware.Func, h middleware.Handler) (middleware.Handler, error) {
	for i, f := range slices.Backward(fs) {
		if f == nil {
			return nil, event.Invalid(fmt.Sprintf("%s[%d]", field, i), "is nil")
		}
		if h = f(h); h == nil {
			return nil, event.Invalid(fmt.Sprintf("%s[%d]", field, i), "returns no handler")
		}
	}
	return h, nil
}

// innermost calls the handler with the record, or the records, as the middleware hands them on. What a call that failed has written into
// the transaction is forgotten: the next one may be part of the same attempt.
func (h *Handler) innermost(reg *event.Registry) middleware.Handler {
	return func(ctx context.Context, c *middleware.Call) (_ any, err error) {
		failed := true
		if handling, ok := ctx.Value(handlingKey{}).(*handlingContext); ok {
			forget := handling.mark()
			defer func() {
				if failed {
					forget()
				}
			}()
		}
		err = h.inner(ctx, reg, c)
		failed = err != nil
		if errors.Is(err, store.ErrTombstone) {
			err = verdict.Permanent(err) // also for middleware that retries
		}
		return nil, err
	}
}

func (h *Handler) inner(ctx context.Context, reg *event.Registry, c *middleware.Call) error {
	switch data := c.Data.(type) {
	case []event.Record:
		if h.batch != nil {
			return h.batch(ctx, reg, data)
		}
	case []byte:
		place, ok := ctx.Value(placeKey{}).(*event.Place)
		if !ok {
			return Permanent(errors.New("a middleware called the next one with a context that is not made of its own; use the one it was given"))
		}
		return h.handle(ctx, reg, event.Record{Metadata: *c.Metadata, Place: *place, Data: data})
	}
	return Permanent(fmt.Errorf("a middleware put a %T in the place of a record's data, which are []byte", c.Data))
}

// callWrapped calls a handler inside of its middleware.
func (at attempt) callWrapped(ctx context.Context, wrapped middleware.Handler, rec event.Record) error {
	c := &middleware.Call{
		Kind: middleware.Record, Name: rec.Type, Handler: at.consumer,
		Metadata: &rec.Metadata, Data: rec.Data, Attempt: at.number,
	}
	_, err := wrapped(&placeContext{ctx, &rec.Place}, c)
	return err
}

// placeContext carries where the record stands past middleware, whose calls do not tell.
type placeContext struct {
	context.Context
	place *event.Place
}

type placeKey struct{}

func (c *placeContext) Value(key any) any {
	if key == (placeKey{}) {
		return c.place
	}
	return c.Context.Value(key)
}
