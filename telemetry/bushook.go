package telemetry

import (
	"context"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// BusHook observes a bus.
type BusHook struct{ t *Telemetry }

// BusHook returns the hook for the configuration of a bus.
func (t *Telemetry) BusHook() BusHook { return BusHook{t} }

// publishing is what the context of a publish says to the deliveries that come of it.
type publishing struct {
	id    event.ID
	span  trace.SpanContext
	queue *bus.Subscription // in whose handler it was published
	ended atomic.Bool
}

type publishingKey struct{}

// publishingOf returns the publish that ctx comes from, nil when there is none.
func publishingOf(ctx context.Context) *publishing {
	p, _ := ctx.Value(publishingKey{}).(*publishing)
	return p
}

// Publish begins a span of kind producer, and gives it to the event unless that came with a trace of its own. It does nothing for an
// event that is being published in ctx already, so that one span can be put around several steps.
func (h BusHook) Publish(ctx context.Context, m *event.Metadata) (context.Context, func(error)) {
	if h.t == nil || m == nil {
		return ctx, nil
	}
	ctx = orBackground(ctx)
	if outer := publishingOf(ctx); outer != nil && outer.id == m.ID && !outer.ended.Load() {
		return ctx, nil
	}
	return h.t.publish(ctx, m)
}

func (t *Telemetry) publish(ctx context.Context, m *event.Metadata) (context.Context, func(error)) {
	origin, foreign := own(ctx, m)
	o := opening{
		labels:  labels{operation: opPublish, eventType: t.types.bound(m.Type)},
		subject: subject{meta: m},
		kind:    trace.SpanKindProducer,
		attrs:   t.about(opPublish, semconv.MessagingOperationTypeSend, m),
	}
	if foreign {
		o.links = link(origin)
	}
	op := t.begin(ctx, o)
	if !foreign {
		stamp(op.ctx, m)
	}
	p := &publishing{id: m.ID, span: op.span.SpanContext(), queue: bus.QueuedIn(ctx)}
	return context.WithValue(op.ctx, publishingKey{}, p), func(err error) {
		p.ended.Store(true)
		if _, ok := op.end(err); ok && err == nil {
			t.metrics.count(op.ctx, t.metrics.published, 1, op.labels)
		}
	}
}

// has reports whether the event is the one that is being published, with its span.
func (p *publishing) has(m *event.Metadata) bool {
	return p != nil && p.id == m.ID && same(p.span, remote(m.TraceParent, m.TraceState))
}

// stamp gives the span of ctx to the event.
func stamp(ctx context.Context, m *event.Metadata) {
	if parent, state := texts(ctx); parent != "" {
		m.TraceParent, m.TraceState = parent, state
	}
}

// Deliver begins a span of kind consumer: a child of the publish in the publisher's goroutine, a trace of its own with a link to it
// out of a queue.
func (h BusHook) Deliver(ctx context.Context, subscription string, m *event.Metadata) (context.Context, func(error)) {
	if h.t == nil || m == nil {
		return ctx, nil
	}
	ctx = orBackground(ctx)
	return h.t.deliver(ctx, subscription, m)
}

func (t *Telemetry) deliver(ctx context.Context, subscription string, m *event.Metadata) (context.Context, func(error)) {
	from := publishingOf(ctx)
	o := opening{
		labels:  labels{operation: opDeliver, handler: t.handlers.bound(subscription), eventType: t.types.bound(m.Type)},
		subject: subject{meta: m},
		kind:    trace.SpanKindConsumer,
		apart:   from.queued(ctx),
		attrs: append(t.about(opDeliver, semconv.MessagingOperationTypeProcess, m),
			semconv.MessagingDestinationSubscriptionName(clip(subscription))),
	}
	o.links = deliveryLinks(ctx, from, o.apart, m)
	t.lagging(ctx, o)
	op := t.begin(ctx, o)
	ctx = op.ctx
	if from != nil { // what the handler publishes is another matter, also when it is the same event
		ctx = context.WithValue(ctx, publishingKey{}, (*publishing)(nil))
	}
	return causing(ctx), op.endHandling
}

// queued reports whether ctx is no longer that of the publisher's goroutine.
func (p *publishing) queued(ctx context.Context) bool {
	return p != nil && (p.ended.Load() || p.queue != bus.QueuedIn(ctx))
}

// deliveryLinks returns links to the spans that the event comes from, but for one that is the parent.
func deliveryLinks(ctx context.Context, from *publishing, apart bool, m *event.Metadata) []trace.Link {
	if from != nil && !apart {
		return nil // the publish is the parent, and has the links
	}
	origin := remote(m.TraceParent, m.TraceState)
	links := link(origin)
	if !apart && same(origin, trace.SpanContextFromContext(withParent(ctx))) {
		links = nil
	}
	if from != nil && !same(origin, from.span) {
		links = append(links, link(from.span)...)
	}
	return links
}
