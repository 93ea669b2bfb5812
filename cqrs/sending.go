package cqrs

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// sending is one command or query on its way. It is the context of its own way too, so that one allocation serves all.
type sending struct {
	context.Context
	desk *desk
	call middleware.Call
	meta event.Metadata
	key  string // the sender's idempotency key

	resumed bool // a query is watched without its initial answer

	mu   sync.Mutex // middleware may leave a handler behind
	done done
}

// done is what became of it.
type done struct {
	key      string
	receipt  store.Receipt
	repeated bool
	attempts int
	after    error          // what went wrong once it was done
	asOf     store.Position // of a watched query
}

type sendingKey struct{}

func (s *sending) Value(key any) any {
	if key == (sendingKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// sendingOf returns what the context is on the way of.
func sendingOf(ctx context.Context) *sending {
	s, _ := ctx.Value(sendingKey{}).(*sending)
	return s
}

// on returns the command or query that a call is, given the context that middleware passed on.
func on(ctx context.Context, c *middleware.Call) (*sending, error) {
	s := sendingOf(ctx)
	if s == nil || s.call.Metadata != c.Metadata {
		return nil, event.Invalid("context", "of %s is not made of the one that the middleware was given", c.Name)
	}
	return s, nil
}

func (d *desk) begin(ctx context.Context, h *handler, data any) *sending {
	s := &sending{Context: ctx, desk: d}
	s.meta.ID = event.NewID()
	s.meta.Type, s.meta.Version = h.typeName, 1
	s.meta.Time = time.Now().UTC()
	s.call = middleware.Call{Kind: d.kind, Name: h.typeName, Handler: h.name, Metadata: &s.meta, Data: data, Attempt: 1}
	return s
}

// inherit takes over from what caused the command or query.
func (s *sending) inherit() {
	c, _ := event.CauseFrom(s.Context)
	s.meta.CausationID, s.meta.UserID = c.ID, c.UserID
	s.meta.CorrelationID = cmp.Or(c.CorrelationID, c.ID, s.meta.ID)
	s.meta.TraceParent, s.meta.TraceState = c.TraceParent, c.TraceState
}

// run takes it through everything that is around its handler.
func (s *sending) run(h *handler) (result any, err error) {
	defer catch(&err)
	result, err = h.serve(event.WithCause(s, s.meta.Cause()), &s.call)
	if err == nil {
		err = h.check(result)
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

// admit asks whether it may be and makes sense.
func (h *handler) admit(ctx context.Context, c *middleware.Call, authorize func(context.Context, *middleware.Call) error) error {
	if authorize != nil {
		if err := authorize(ctx, c); err != nil {
			return &ForbiddenError{Kind: c.Kind, Name: c.Name, User: c.Metadata.UserID, Err: err}
		}
	}
	if !h.methods.validates {
		return nil
	}
	if err := h.methods.asked(c.Data).(event.Validated).Validate(); err != nil {
		return &ValidationError{Kind: c.Kind, Name: c.Name, Err: err}
	}
	return nil
}

func (s *sending) note(note func(d *done)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note(&s.done)
}

func (s *sending) outcome() done {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}
