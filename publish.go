package oxbow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Publish makes an event of data, as [event.New] does, stores it, and then delivers it to subscriptions.
//
// When sync handlers fail, it returns the receipt and a *DeliveryError: the event is stored all the same, and consumers and
// projections will have it.
func (a *App) Publish(ctx context.Context, data any, opts ...event.Option) (store.Receipt, error) {
	if err := a.check(); err != nil {
		return store.Receipt{}, err
	}
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish: %w", err)
	}
	if e.Source == "" {
		e.Source = a.cfg.Source
	}
	if a.cfg.Hooks.Bus == nil {
		return a.publish(ctx, &e)
	}
	return a.publishObserved(ctx, &e)
}

func (a *App) publish(ctx context.Context, e *event.Event[any]) (store.Receipt, error) {
	r, err := a.cfg.Registry.Encode(*e)
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish: %w", err)
	}
	receipt, err := a.store.Commit(ctx, store.Commit{Events: []event.Record{r}})
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish %s: %w", e.Type, err)
	}
	if receipt.Repeated {
		return receipt, nil
	}
	e.Revision, e.Position = receipt.Revisions[e.Stream], receipt.First
	return receipt, delivered(a.bus.Deliver(ctx, *e))
}

// Commit stores records, conditions and items, all or nothing, and then delivers the records to subscriptions. Its errors are those
// of Publish.
func (a *App) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := a.check(); err != nil {
		return store.Receipt{}, err
	}
	receipt, err := a.store.Commit(ctx, c)
	if err != nil || receipt.Repeated {
		return receipt, err
	}
	place(c.Events, receipt)
	var errs []error
	for _, r := range c.Events {
		errs = append(errs, a.bus.Deliver(ctx, untyped(r)))
	}
	return receipt, delivered(errors.Join(errs...))
}

// place notes in the records where they came to stand.
func place(records []event.Record, receipt store.Receipt) {
	after := map[string]uint64{} // records that follow in the stream
	for i := len(records) - 1; i >= 0; i-- {
		r := &records[i]
		r.Position = receipt.First + store.Position(i)
		r.Revision = receipt.Revisions[r.Stream] - after[r.Stream]
		after[r.Stream]++
	}
}

// untyped leaves decoding to the subscriptions that want the event, if there are any.
func untyped(r event.Record) event.Event[any] {
	e := event.Event[any]{Metadata: r.Metadata, Place: r.Place}
	switch {
	case r.Data == nil:
	case event.IsJSON(r.ContentType):
		e.Data = json.RawMessage(r.Data)
	default:
		e.Data = r.Data
	}
	return e
}

// DeliveryError tells that an event was stored, but that subscriptions failed to handle it. It wraps their joined errors.
type DeliveryError struct{ Err error }

func (e *DeliveryError) Error() string {
	return "the event is stored, but not every subscription handled it: " + e.Err.Error()
}

// Unwrap returns the joined errors of the handlers.
func (e *DeliveryError) Unwrap() error { return e.Err }

func delivered(err error) error {
	if err == nil {
		return nil
	}
	return &DeliveryError{err}
}
