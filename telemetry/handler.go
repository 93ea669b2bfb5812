package telemetry

import (
	"context"
	"log/slog"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/trace"
)

// What Handler adds to a line from its context.
const (
	traceIDKey       = "trace_id"
	spanIDKey        = "span_id"
	correlationIDKey = "correlation_id"
)

// Handler returns a handler that adds to each line the service, under the names that its resource has, and from the line's context
// trace_id, span_id and correlation_id where there are any: outside of all groups, and not to a line that has them.
func Handler(next slog.Handler, s Service) slog.Handler {
	return &handler{base: next.WithAttrs(s.attrs())}
}

// handler keeps what was added with a group open apart, because what is added to base then would stand in the group.
type handler struct {
	base    slog.Handler
	grouped []func(slog.Handler) slog.Handler // from the first group on
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.base.Enabled(ctx, level)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	if len(h.grouped) == 0 {
		return &handler{base: h.base.WithAttrs(attrs)}
	}
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h *handler) with(step func(slog.Handler) slog.Handler) *handler {
	return &handler{base: h.base, grouped: append(slices.Clip(h.grouped), step)}
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	ids := idsOf(ctx)
	if len(h.grouped) == 0 {
		r = r.Clone()
		r.AddAttrs(missing(r, ids)...)
		return h.base.Handle(ctx, r)
	}
	to := h.base
	if len(ids) > 0 {
		to = to.WithAttrs(ids)
	}
	for _, step := range h.grouped {
		to = step(to)
	}
	return to.Handle(ctx, r)
}

func idsOf(ctx context.Context) (ids []slog.Attr) {
	if ctx == nil {
		return nil
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		ids = append(ids, slog.String(traceIDKey, sc.TraceID().String()), slog.String(spanIDKey, sc.SpanID().String()))
	}
	if c, ok := event.CauseFrom(ctx); ok {
		if id := correlationOf(c); !id.IsZero() {
			ids = append(ids, slog.String(correlationIDKey, id.String()))
		}
	}
	return ids
}

func correlationOf(c event.Cause) event.ID {
	if c.CorrelationID.IsZero() {
		return c.ID
	}
	return c.CorrelationID
}

// missing returns the attributes that the line does not have.
func missing(r slog.Record, attrs []slog.Attr) []slog.Attr {
	r.Attrs(func(has slog.Attr) bool {
		attrs = slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Key == has.Key })
		return true
	})
	return attrs
}
