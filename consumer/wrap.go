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

// innermost calls the handler with the record as the middleware hands it on.
func (h *Handler) innermost(reg *event.Registry) middleware.Handler {
	handle := h.handle
	return func(ctx context.Context, c *middleware.Call) (any, error) {
		place, ok := ctx.Value(placeKey{}).(*event.Place)
		if !ok {
			return nil, Permanent(errors.New("a middleware called the next one with a context that is not made of its own; use the one it was given"))
		}
		data, ok := c.Data.([]byte)
		if !ok {
			return nil, Permanent(fmt.Errorf("a middleware put a %T in the place of a record's data, which are []byte", c.Data))
		}
		err := handle(ctx, reg, event.Record{Metadata: *c.Metadata, Place: *place, Data: data})
		if errors.Is(err, store.ErrTombstone) {
			err = verdict.Permanent(err) // also for middleware that retries
		}
		return nil, err
	}
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
