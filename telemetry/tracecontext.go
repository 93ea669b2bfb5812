package telemetry

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// carrier is the two texts of a W3C trace context, as events keep them.
type carrier struct{ parent, state string }

func (c *carrier) Get(key string) string {
	switch key {
	case "traceparent":
		return c.parent
	case "tracestate":
		return c.state
	}
	return ""
}

func (c *carrier) Set(key, value string) {
	switch key {
	case "traceparent":
		c.parent = value
	case "tracestate":
		c.state = value
	}
}

func (c *carrier) Keys() []string { return propagation.TraceContext{}.Fields() }

// remote returns the span that the texts name, which is not valid when they are malformed.
func remote(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), &carrier{parent, state})
	return trace.SpanContextFromContext(ctx)
}

// maxState is the longest trace state that is handed on: W3C Trace Context, part 3.3.1.5, asks for no more, and a caller's
// long one must not make events too large.
const maxState = 512

// texts returns the span of ctx as events keep it, empty when there is none.
func texts(ctx context.Context) (parent, state string) {
	var c carrier
	propagation.TraceContext{}.Inject(ctx, &c)
	if len(c.state) > maxState {
		return c.parent, ""
	}
	return c.parent, c.state
}

// withParent returns ctx with a span to be the parent of: the one that it has, or else the one that its cause names.
func withParent(ctx context.Context) context.Context {
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	cause, ok := event.CauseFrom(ctx)
	if !ok {
		return ctx
	}
	if sc := remote(cause.TraceParent, cause.TraceState); sc.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	return ctx
}

// causing returns ctx with its span as the trace of its cause, so that also what is made without a hook is linked to it.
func causing(ctx context.Context) context.Context {
	parent, state := texts(ctx)
	if parent == "" {
		return ctx
	}
	cause, _ := event.CauseFrom(ctx)
	cause.TraceParent, cause.TraceState = parent, state
	return event.WithCause(ctx, cause)
}

// own reports whether an event came with a trace of its own, other than what it took over from the cause or the span in ctx.
func own(ctx context.Context, m *event.Metadata) (sc trace.SpanContext, ok bool) {
	if m.TraceParent == "" {
		return trace.SpanContext{}, false
	}
	if cause, ok := event.CauseFrom(ctx); ok && cause.TraceParent == m.TraceParent {
		return trace.SpanContext{}, false
	}
	sc = remote(m.TraceParent, m.TraceState)
	return sc, sc.IsValid() && !same(sc, trace.SpanContextFromContext(ctx))
}

// same reports whether both are the same span.
func same(a, b trace.SpanContext) bool {
	return a.TraceID() == b.TraceID() && a.SpanID() == b.SpanID()
}

// orBackground returns ctx, or one to go on with when there is none.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
