package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Operations, as oxbow.operation and messaging.operation.name say. Those of a middleware have the name of its kind.
const (
	opPublish = "publish"
	opDeliver = "deliver"
	opAppend  = "append"
	opHandle  = "handle"
)

// operation is one thing under way: its span, its times and what its line will say.
type operation struct {
	t       *Telemetry
	ctx     context.Context
	span    trace.Span
	began   time.Time
	labels  labels
	subject subject
	ended   atomic.Bool
}

// subject is what an operation is about, as lines tell it.
type subject struct {
	meta    *event.Metadata // nil when that is more than one event, or none
	place   event.Place     // of a record
	attempt int             // 0 when nobody counts
	events  int             // of a commit
}

// opening says how an operation begins.
type opening struct {
	labels  labels
	subject subject
	kind    trace.SpanKind
	apart   bool         // a trace of its own, linked
	silent  bool         // no span
	links   []trace.Link // to what it is not a child of
	attrs   []attribute.KeyValue
}

// begin starts the span and counts the operation.
func (t *Telemetry) begin(ctx context.Context, o opening) *operation {
	op := &operation{t: t, labels: o.labels, subject: o.subject, began: time.Now()}
	op.ctx, op.span = t.start(ctx, o)
	t.metrics.flight(op.ctx, 1, o.labels.operation)
	return op
}

func (t *Telemetry) start(ctx context.Context, o opening) (context.Context, trace.Span) {
	if o.silent || t.silent {
		return ctx, trace.SpanFromContext(context.Background())
	}
	opts := []trace.SpanStartOption{trace.WithSpanKind(o.kind), trace.WithAttributes(o.attrs...), trace.WithLinks(o.links...)}
	if o.apart {
		opts = append(opts, trace.WithNewRoot())
	} else {
		ctx = withParent(ctx)
	}
	return t.tracer.Start(ctx, spanName(o.labels), opts...)
}

// spanName is "{operation} {destination}" by the conventions for messaging, with the event's type as the destination.
func spanName(l labels) string {
	if l.eventType == "" {
		return l.operation
	}
	return l.operation + " " + l.eventType
}

// end ends the operation, once, and notes what is known only now. It returns how long it took; ok is false when it had ended before.
func (op *operation) end(err error, known ...attribute.KeyValue) (took time.Duration, ok bool) {
	if op.ended.Swap(true) {
		return 0, false
	}
	took = time.Since(op.began)
	op.labels.failure = op.t.failure(err)
	if err != nil {
		op.fail(err)
	}
	op.span.SetAttributes(known...)
	op.span.End()
	op.t.metrics.flight(op.ctx, -1, op.labels.operation)
	op.log(took, err)
	return took, true
}

func (op *operation) fail(err error) {
	op.t.metrics.count(op.ctx, op.t.metrics.failed, 1, op.labels)
	if !op.span.IsRecording() {
		return
	}
	text := op.t.text(err)
	op.span.SetAttributes(failureAttr(op.labels.failure))
	op.span.AddEvent(semconv.ExceptionEventName, exception(op.labels.failure, text))
	op.span.SetStatus(codes.Error, text)
}

// endHandling is end for what a handler did.
func (op *operation) endHandling(err error) {
	took, ok := op.end(err)
	if !ok {
		return
	}
	op.t.metrics.time(op.ctx, op.t.metrics.handleTime, took.Seconds(), op.labels)
	if err == nil {
		op.t.metrics.count(op.ctx, op.t.metrics.delivered, 1, op.labels)
	}
}
