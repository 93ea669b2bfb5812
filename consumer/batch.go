package consumer

import (
	"context"
	"fmt"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// OnBatch returns a handler for the event type of T that gets up to Config.Batch events at once, of one key or of several: those of a key
// are in order. A batch is made of what there is; nobody waits until it is full. When it fails, its records are handled again in calls of
// one event each, so that attempts, retries and dead letters are those of the record that is to blame.
//
// What the handler publishes is linked to the first event of the batch. Middleware sees a batch of several as one call, with the records
// ([]event.Record) as its data and with metadata of its own.
func OnBatch[T any](fn func(context.Context, []event.Event[T]) error) Handler {
	t := reflect.TypeFor[T]()
	d, err := event.Describe(t)
	batch := func(ctx context.Context, reg *event.Registry, rs []event.Record) error {
		events := make([]event.Event[T], len(rs))
		for i, r := range rs {
			e, err := event.DecodeAs[T](reg, r)
			if err != nil {
				return Permanent(err)
			}
			events[i] = e
		}
		return fn(ctx, events)
	}
	return Handler{
		goType: t, eventType: d.Type, err: err, batch: batch,
		handle: func(ctx context.Context, reg *event.Registry, r event.Record) error {
			return batch(ctx, reg, []event.Record{r})
		},
	}
}

// callBatch handles several records with one call. A panic becomes a *middleware.PanicError.
func (h *Handler) callBatch(ctx context.Context, reg *event.Registry, at attempt, id event.ID, rs []event.Record) (err error) {
	defer recovered(&err)
	if h.wrapped == nil {
		return h.batch(ctx, reg, rs)
	}
	first := &rs[0]
	_, err = h.wrapped(ctx, &middleware.Call{
		Kind: middleware.Record, Name: h.eventType, Handler: at.consumer, Data: rs, Attempt: at.number,
		Metadata: &event.Metadata{
			ID: id, Type: h.eventType, Time: first.Time, CorrelationID: first.CorrelationID, CausationID: first.CausationID,
			UserID: first.UserID, TraceParent: first.TraceParent, TraceState: first.TraceState,
		},
	})
	return err
}

// batchID names a batch by what is in it.
func batchID(jobs []*job) event.ID {
	if len(jobs) == 1 {
		return jobs[0].record.ID
	}
	id := jobs[0].record.ID
	for _, j := range jobs[1:] {
		id = id.Derive(j.record.ID.String())
	}
	return id.Derive(fmt.Sprintf("batch of %d", len(jobs)))
}
