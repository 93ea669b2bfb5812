package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// ConsumerHook observes consumers.
type ConsumerHook struct{ t *Telemetry }

// ConsumerHook returns the hook for the configuration of consumers.
func (t *Telemetry) ConsumerHook() ConsumerHook { return ConsumerHook{t} }

// Handle begins a span of kind consumer for one attempt: a trace of its own, linked to the span that published the record, however
// long ago that was.
func (h ConsumerHook) Handle(ctx context.Context, consumer string, r *event.Record, attempt int) (context.Context, func(error)) {
	if h.t == nil || r == nil {
		return ctx, nil
	}
	ctx = orBackground(ctx)
	o := h.t.handling(opHandle, consumer, r, attempt)
	o.kind, o.apart = trace.SpanKindConsumer, true
	o.links = link(remote(r.TraceParent, r.TraceState))
	if attempt <= 1 {
		h.t.lagging(ctx, o)
	}
	op := h.t.begin(ctx, o)
	at := tried{consumer, r.ID}
	return context.WithValue(causing(op.ctx), handlingKey{}, op), func(err error) {
		op.endHandling(err)
		h.t.attempts.note(at, op.span.SpanContext(), err)
	}
}

// handlingKey is where the context of an attempt has its operation.
type handlingKey struct{}

// handling is how all that concerns a consumer's record begins.
func (t *Telemetry) handling(operation, consumer string, r *event.Record, attempt int) opening {
	attrs := append(t.about(operation, semconv.MessagingOperationTypeProcess, &r.Metadata),
		semconv.MessagingConsumerGroupName(clip(consumer)),
		positionKey.Int64(int64(r.Position)),
		attemptKey.Int(attempt),
	)
	if t.cfg.Names {
		attrs = append(attrs, streamKey.String(clip(r.Stream)))
	}
	return opening{
		labels:  labels{operation: operation, handler: t.handlers.bound(consumer), eventType: t.types.bound(r.Type)},
		subject: subject{meta: &r.Metadata, place: r.Place, attempt: attempt},
		attrs:   attrs,
	}
}

// What becomes of an attempt that failed.
const (
	opRetry      = "retry"
	opDeadLetter = "dead_letter"
)

// Retry notes that a failed attempt will be repeated.
func (h ConsumerHook) Retry(ctx context.Context, consumer string, r *event.Record, attempt int, after time.Duration, err error) {
	if h.t == nil || r == nil {
		return
	}
	o := h.t.handling(opRetry, consumer, r, attempt)
	h.t.metrics.count(orBackground(ctx), h.t.metrics.retries, 1, h.t.settled(o, err))
	h.t.settle(orBackground(ctx), consumer, o, err, afterKey.Float64(after.Seconds()))
	h.t.log(orBackground(ctx), slog.LevelWarn, opRetry, o.labels, o.subject, err, slog.Duration("after", after))
}

// DeadLetter notes that a record is given up.
func (h ConsumerHook) DeadLetter(ctx context.Context, consumer string, r *event.Record, attempts int, err error) {
	if h.t == nil || r == nil {
		return
	}
	o := h.t.handling(opDeadLetter, consumer, r, attempts)
	h.t.metrics.count(orBackground(ctx), h.t.metrics.deadLetters, 1, h.t.settled(o, err))
	h.t.settle(orBackground(ctx), consumer, o, err)
	h.t.log(orBackground(ctx), slog.LevelError, opDeadLetter, o.labels, o.subject, err)
}

// settled are the labels under which it is counted what became of an attempt.
func (t *Telemetry) settled(o opening, err error) labels {
	return labels{handler: o.labels.handler, eventType: o.labels.eventType, failure: t.failure(err)}
}

// settle records what becomes of an attempt, which is an operation of type settle by the conventions for messaging: as an event of
// the attempt's span, or, when that has ended, as a child of it.
func (t *Telemetry) settle(ctx context.Context, consumer string, o opening, err error, more ...attribute.KeyValue) {
	more = append(more, attemptKey.Int(o.subject.attempt), failureAttr(t.failure(err)))
	op, _ := ctx.Value(handlingKey{}).(*operation)
	if op != nil && !op.ended.Load() {
		op.span.AddEvent(o.labels.operation, trace.WithAttributes(more...))
		return
	}
	of := t.attempts.take(tried{consumer, o.subject.meta.ID})
	ctx = trace.ContextWithSpanContext(ctx, of)
	o.kind, o.apart = trace.SpanKindInternal, !of.IsValid()
	o.links = link(remote(o.subject.meta.TraceParent, o.subject.meta.TraceState))
	o.attrs = append(append(o.attrs, more...), semconv.MessagingOperationTypeSettle)
	_, span := t.start(ctx, o)
	span.End()
}

// lagging measures how long after the event its handling begins.
func (t *Telemetry) lagging(ctx context.Context, o opening) {
	happened := o.subject.meta.Time
	if happened.IsZero() {
		return
	}
	lag := max(0, time.Since(happened))
	t.metrics.time(ctx, t.metrics.lag, lag.Seconds(), o.labels)
}
