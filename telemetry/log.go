package telemetry

import (
	"context"
	"log/slog"
	"time"
)

// log writes the line about an operation that has ended.
func (op *operation) log(took time.Duration, err error) {
	level, message := slog.LevelDebug, op.labels.operation
	if err != nil {
		level, message = slog.LevelWarn, message+" failed"
	}
	op.t.log(op.ctx, level, message, op.labels, op.subject, err, slog.Duration("duration", took))
}

// log writes a line, if lines are wanted.
func (t *Telemetry) log(
	ctx context.Context, level slog.Level, message string, l labels, s subject, err error, more ...slog.Attr,
) {
	if t.logger == nil || !t.logger.Enabled(ctx, level) {
		return
	}
	attrs := t.describe(l, s)
	attrs = append(attrs, more...)
	if err != nil {
		attrs = append(attrs, slog.String("error", t.text(err)))
	}
	t.logger.LogAttrs(ctx, level, message, attrs...)
}

// describe returns what lines say of the subject of an operation.
func (t *Telemetry) describe(l labels, s subject) []slog.Attr {
	attrs := make([]slog.Attr, 0, 12)
	if l.handler != "" {
		attrs = append(attrs, slog.String("handler", l.handler))
	}
	if s.meta != nil {
		attrs = append(attrs, slog.String("type", clip(s.meta.Type)), slog.String("id", s.meta.ID.String()))
		if correlation := correlationOf(s.meta.Cause()); !correlation.IsZero() {
			attrs = append(attrs, slog.String(correlationIDKey, correlation.String()))
		}
	}
	if s.events > 1 {
		attrs = append(attrs, slog.Int("events", s.events))
	}
	if s.place.Position > 0 {
		attrs = append(attrs, slog.Uint64("position", uint64(s.place.Position)))
	}
	if s.attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", s.attempt))
	}
	if t.cfg.Names {
		attrs = append(attrs, named(s)...)
	}
	return attrs
}

// named returns the names of the subject that may say whom it is about.
func named(s subject) (attrs []slog.Attr) {
	if s.meta != nil && s.meta.Topic != "" {
		attrs = append(attrs, slog.String("topic", clip(s.meta.Topic)))
	}
	if s.place.Stream != "" {
		attrs = append(attrs, slog.String("stream", clip(s.place.Stream)))
	}
	return attrs
}
