package telemetry

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/middleware"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Middleware observes commands, queries and requests: a span of kind server for a request, and internal for the others, with the
// same metrics and lines as for events. Events and records pass untouched: the hooks of bus and consumer observe them.
func (t *Telemetry) Middleware() middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if c == nil || c.Kind == middleware.Event || c.Kind == middleware.Record {
				return next(ctx, c)
			}
			return t.call(orBackground(ctx), c, next)
		}
	}
}

// errPanicked is what is noted of a call that panicked. The panic goes on to whoever catches it.
var errPanicked = errors.New("the handler panicked")

func (t *Telemetry) call(ctx context.Context, c *middleware.Call, next middleware.Handler) (result any, err error) {
	op := t.beginCall(ctx, c)
	finished := false
	defer func() {
		if !finished {
			err = errPanicked
		}
		op.endHandling(err)
	}()
	result, err = next(causing(op.ctx), c)
	finished = true
	return result, err
}

func (t *Telemetry) beginCall(ctx context.Context, c *middleware.Call) *operation {
	o := opening{
		labels: labels{operation: string(c.Kind), handler: t.handlers.bound(c.Handler), eventType: t.types.bound(c.Name)},
		kind:   trace.SpanKindInternal,
		attrs:  aboutCall(c),
	}
	ctx = withParent(ctx)
	if c.Kind == middleware.Request {
		o.kind = trace.SpanKindServer
		ctx = withCaller(ctx, c)
	}
	if c.Metadata != nil {
		o.subject = subject{meta: c.Metadata, attempt: c.Attempt}
	}
	return t.begin(ctx, o)
}

// withCaller returns ctx with the span of whoever sent the request as the parent, when there is no nearer one: it waits for the answer.
func withCaller(ctx context.Context, c *middleware.Call) context.Context {
	if c.Metadata == nil || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	caller := remote(c.Metadata.TraceParent, c.Metadata.TraceState)
	if !caller.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, caller)
}

func aboutCall(c *middleware.Call) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		operationKey.String(string(c.Kind)),
		typeKey.String(clip(c.Name)),
		handlerKey.String(clip(c.Handler)),
	}
	if c.Metadata == nil {
		return attrs
	}
	if !c.Metadata.ID.IsZero() {
		attrs = append(attrs, semconv.MessagingMessageID(c.Metadata.ID.String()))
	}
	if correlation := correlationOf(c.Metadata.Cause()); !correlation.IsZero() {
		attrs = append(attrs, semconv.MessagingMessageConversationID(correlation.String()))
	}
	return attrs
}
