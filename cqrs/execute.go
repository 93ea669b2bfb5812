package cqrs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

const (
	firstWait   = time.Millisecond
	longestWait = 100 * time.Millisecond
)

// serve is the innermost of what is around a command's handler.
func (b *CommandBus) serve(h *handler) middleware.Handler {
	return func(ctx context.Context, c *middleware.Call) (any, error) {
		s, err := on(ctx, c)
		if err != nil {
			return nil, err
		}
		if err := h.takes(c.Data); err != nil {
			return nil, err
		}
		if err := h.admit(ctx, c, b.cfg.Authorize); err != nil {
			return nil, err
		}
		e := execution{bus: b, handler: h, sending: s, data: c.Data}
		if e.key = e.ask(); e.key == "" {
			return e.run(ctx)
		}
		return e.once(ctx)
	}
}

// takes refuses data of another type than the handler's, which only middleware can have put there.
func (h *handler) takes(data any) error {
	if reflect.TypeOf(data) != h.data {
		return event.Invalid("data", "of %s is %v, and middleware made it %T", h.typeName, h.data, data)
	}
	return nil
}

// execution is a command whose handler is to be called.
type execution struct {
	bus     *CommandBus
	handler *handler
	sending *sending
	data    any
	key     string
	digest  string // of what has the key
	held    uint64 // revision of the item that an expired record left; 0: there is none
}

// ask returns the idempotency key: the sender's, or the command's own.
func (e *execution) ask() string {
	if e.sending.key != "" || !e.handler.methods.keyed {
		return e.sending.key
	}
	return e.handler.methods.asked(e.data).(Keyed).IdempotencyKey()
}

// run calls the handler until what it decided is committed.
func (e *execution) run(ctx context.Context) (any, error) {
	for attempt := 1; ; attempt++ {
		e.sending.note(func(d *done) { d.attempts = attempt })
		result, err := e.attempt(ctx)
		if err == nil {
			return result, nil
		}
		if !mayPass(err) {
			return nil, err
		}
		if first, found, err := e.recall(ctx); found || err != nil {
			return first, err
		}
		if attempt == e.bus.cfg.Attempts {
			return nil, fmt.Errorf("gave up after attempt %d: %w", attempt, err)
		}
		if err := backoff.Sleep(ctx, backoff.Delay(attempt, firstWait, longestWait)); err != nil {
			return nil, err
		}
	}
}

// mayPass reports whether another attempt may mend the error: a conflict, unless ids of events are known already, or a command that
// the handler sent was done.
func mayPass(err error) bool {
	if _, ok := errors.AsType[*DoneError](err); ok {
		return false
	}
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok && conflict.ID != "" {
		return false
	}
	return errors.Is(err, store.ErrConflict)
}

// attempt calls the handler and commits what it decided.
func (e *execution) attempt(ctx context.Context) (any, error) {
	value, err := e.handler.call(ctx, e.data)
	if err != nil {
		return nil, err
	}
	p, err := e.handler.split(value)
	if err != nil {
		return nil, err
	}
	c, err := e.commit(ctx, &p)
	if err != nil {
		return nil, fmt.Errorf("what %s returned: %w", e.handler.name, err)
	}
	return p.result, e.write(ctx, c)
}

// split takes apart what the handler returned.
func (h *handler) split(value any) (parts, error) {
	if h.lasting {
		return value.(lasting).parts(), nil
	}
	if h.result.Kind() == reflect.Interface {
		if _, ok := value.(lasting); ok {
			return parts{}, event.Invalid("result", "of %s is %T behind %v; declare it as what it is", h.name, value, h.result)
		}
	}
	return parts{result: value}, nil
}

// commit returns what a handler's outcome is to be written as.
func (e *execution) commit(ctx context.Context, p *parts) (c store.Commit, err error) {
	if len(p.events)+len(p.items)+len(p.conditions) > 0 {
		c.Conditions, c.Items = p.conditions, p.items
		if c.Events, err = e.bus.records(ctx, p.events); err != nil {
			return c, err
		}
	}
	if e.key == "" {
		return c, nil
	}
	item, condition, err := e.record(p.result, c.Events)
	c.Items = append(c.Items[:len(c.Items):len(c.Items)], item)
	c.Conditions = append(c.Conditions[:len(c.Conditions):len(c.Conditions)], condition)
	return c, err
}

// write commits, and notes the receipt.
func (e *execution) write(ctx context.Context, c store.Commit) error {
	if len(c.Events)+len(c.Items) == 0 {
		if len(c.Conditions) == 0 {
			return nil
		}
		c.Items = []store.ItemWrite{store.Delete(nothingBucket, "none")} // so that the store looks at the conditions
	}
	receipt, err := e.bus.cfg.Committer.Commit(ctx, c)
	if err != nil && receipt.Durability == 0 {
		return err
	}
	if receipt.Repeated && e.key != "" {
		if err := e.recordAlone(ctx, c); err != nil {
			return err
		}
	}
	e.sending.note(func(d *done) {
		if d.after = err; len(c.Events) > 0 {
			d.receipt = receipt
		}
	})
	return nil
}

// recordAlone writes the record of a commit whose events stood there before: then the store wrote no items.
func (e *execution) recordAlone(ctx context.Context, c store.Commit) error {
	_, err := e.bus.store.Commit(ctx, store.Commit{
		Items: c.Items[len(c.Items)-1:], Conditions: c.Conditions[len(c.Conditions)-1:],
	})
	return err
}

const nothingBucket = "oxbow.none" // in which there never is an item
