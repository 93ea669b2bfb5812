package consumer

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Hook is told what a consumer does with its records, for traces and metrics. Calls may overlap. It must not change a record, and
// not keep it.
type Hook interface {
	// Handle is called before each attempt, with the context that carries the record as its cause. The context that it returns, made
	// of the one it got, is what middleware and the handler get. done, which may be nil, is called with the outcome when they have
	// returned; a panic is a *middleware.PanicError. Of a batch it is called once, with the first record.
	Handle(ctx context.Context, consumer string, r *event.Record, attempt int) (_ context.Context, done func(error))

	// Retry is called after a failed attempt that will be repeated after that long.
	Retry(ctx context.Context, consumer string, r *event.Record, attempt int, after time.Duration, err error)

	// DeadLetter is called when a record is given up after so many attempts, before the consumer parks or skips it, or halts.
	DeadLetter(ctx context.Context, consumer string, r *event.Record, attempts int, err error)
}

func (r *run) callHooked(ctx context.Context, at attempt, rec event.Record) error {
	ctx, done := r.cfg.Hook.Handle(ctx, at.consumer, &rec, at.number)
	err := r.routes.call(ctx, r.store.Registry(), at, rec)
	if done != nil {
		done(err)
	}
	return err
}

func (r *run) callBatchHooked(ctx context.Context, at attempt, h *Handler, id event.ID, records []event.Record) error {
	ctx, done := r.cfg.Hook.Handle(ctx, at.consumer, &records[0], at.number)
	err := h.callBatch(ctx, r.store.Registry(), at, id, records)
	if done != nil {
		done(err)
	}
	return err
}

func (r *run) tellRetry(rec event.Record, number int, after time.Duration, err error) {
	if r.cfg.Hook != nil {
		r.cfg.Hook.Retry(event.WithCause(r.handling, rec.Cause()), r.name, &rec, number, after, err)
	}
}

func (r *run) tellDeadLetter(rec event.Record, attempts int, err error) {
	if r.cfg.Hook != nil {
		r.cfg.Hook.DeadLetter(event.WithCause(r.handling, rec.Cause()), r.name, &rec, attempts, err)
	}
}
