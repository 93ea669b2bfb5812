package telemetry

import (
	"context"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// StoreHook observes a store.
type StoreHook struct{ t *Telemetry }

var _ store.Hook = StoreHook{}

// StoreHook returns the hook for the configuration of a store. It makes each event up to about 600 bytes longer, which are its trace.
func (t *Telemetry) StoreHook() StoreHook { return StoreHook{t} }

// Append begins a span for the commit and gives it to the events that have no trace of their own: of kind producer if there are such,
// and else internal, because somebody else has published them. A commit without events, such as a checkpoint, has a span only as a
// part of another.
func (h StoreHook) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	if h.t == nil || c == nil {
		return ctx, nil
	}
	ctx = orBackground(ctx)
	return h.t.append(ctx, c)
}

func (t *Telemetry) append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	t.metrics.size(ctx, len(c.Events))
	unpublished, links := t.origins(ctx, c.Events)
	o := opening{
		labels: labels{operation: opAppend, eventType: t.commonType(c.Events)},
		kind:   trace.SpanKindInternal,
		links:  links,
		attrs:  t.aboutCommit(c),
		silent: len(c.Events) == 0 && !trace.SpanContextFromContext(ctx).IsValid(),
	}
	if len(unpublished) > 0 {
		o.kind = trace.SpanKindProducer
	}
	o.subject.events = len(c.Events)
	if len(c.Events) == 1 {
		o.subject.meta, o.subject.place.Stream = &c.Events[0].Metadata, c.Events[0].Stream
	}
	op := t.begin(ctx, o)
	for _, m := range unpublished {
		stamp(op.ctx, m)
	}
	counts := t.countTypes(c.Events)
	return op.ctx, func(r store.Receipt, err error) { t.appended(op, counts, r, err) }
}

func (t *Telemetry) appended(op *operation, counts []typeCount, r store.Receipt, err error) {
	op.subject.place.Position = r.First
	took, ok := op.end(err, positions(r)...)
	if !ok {
		return
	}
	t.metrics.time(op.ctx, t.metrics.appendTime, took.Seconds(), labels{failure: op.labels.failure})
	if err != nil || r.Repeated {
		return
	}
	for _, c := range counts {
		t.metrics.count(op.ctx, t.metrics.published, c.n, labels{operation: opAppend, eventType: c.eventType})
	}
}

// positions returns where the commit came to stand.
func positions(r store.Receipt) []attribute.KeyValue {
	if r.First == 0 {
		return nil
	}
	attrs := []attribute.KeyValue{positionKey.Int64(int64(r.First))}
	if r.Repeated {
		attrs = append(attrs, repeatedKey.Bool(true))
	}
	return attrs
}

// maxLinks bounds the links of one span. The SDK's own limit is 128.
const maxLinks = 100

// origins returns the events that have no trace of their own, and links to the spans of those that have one.
func (t *Telemetry) origins(ctx context.Context, events []event.Record) (unpublished []*event.Metadata, links []trace.Link) {
	from := publishingOf(ctx)
	for i := range events {
		m := &events[i].Metadata
		if from.has(m) {
			continue
		}
		origin, foreign := own(ctx, m)
		if !foreign {
			unpublished = append(unpublished, m)
			continue
		}
		links = addLink(links, origin)
	}
	return unpublished, links
}

// addLink adds a link to a span, once, while there is room.
func addLink(links []trace.Link, sc trace.SpanContext) []trace.Link {
	if len(links) == maxLinks || slices.ContainsFunc(links, func(l trace.Link) bool { return same(l.SpanContext, sc) }) {
		return links
	}
	return append(links, trace.Link{SpanContext: sc})
}

// aboutCommit returns what the span says of a commit.
func (t *Telemetry) aboutCommit(c *store.Commit) []attribute.KeyValue {
	var attrs []attribute.KeyValue
	switch len(c.Events) {
	case 0:
		attrs = []attribute.KeyValue{semconv.MessagingSystemKey.String(system), semconv.MessagingOperationName(opAppend)}
	case 1:
		attrs = t.about(opAppend, semconv.MessagingOperationTypeSend, &c.Events[0].Metadata)
	default:
		attrs = []attribute.KeyValue{
			semconv.MessagingSystemKey.String(system),
			semconv.MessagingOperationName(opAppend),
			semconv.MessagingOperationTypeSend,
			semconv.MessagingBatchMessageCount(len(c.Events)),
		}
	}
	if len(c.Items) > 0 {
		attrs = append(attrs, itemsKey.Int(len(c.Items)))
	}
	if t.cfg.Names && len(c.Events) == 1 {
		attrs = append(attrs, streamKey.String(clip(c.Events[0].Stream)))
	}
	return attrs
}

// commonType returns the type that all events have, "" when there is none.
func (t *Telemetry) commonType(events []event.Record) string {
	for i := range events {
		if events[i].Type != events[0].Type {
			return ""
		}
	}
	if len(events) == 0 {
		return ""
	}
	return t.types.bound(events[0].Type)
}

// typeCount is how many events of a type follow each other.
type typeCount struct {
	eventType string
	n         int64
}

func (t *Telemetry) countTypes(events []event.Record) (counts []typeCount) {
	for i := range events {
		if i > 0 && events[i].Type == events[i-1].Type {
			counts[len(counts)-1].n++
			continue
		}
		counts = append(counts, typeCount{t.types.bound(events[i].Type), 1})
	}
	return counts
}
