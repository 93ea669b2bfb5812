package cqrs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

// quietly logs each call when it is over: Debug when it succeeded, Warn when it failed, Error when it panicked. It never logs what
// the call says.
func quietly(l *slog.Logger) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (result any, err error) {
			err = errNotReturned
			defer func() { logCall(ctx, l, c, err) }()
			result, err = next(ctx, c)
			return result, err
		}
	}
}

var errNotReturned = errors.New("the handler panicked or ended its goroutine")

func logCall(ctx context.Context, l *slog.Logger, c *middleware.Call, err error) {
	level, text := slog.LevelDebug, "handled"
	switch {
	case err == errNotReturned:
		level, text = slog.LevelError, "handler failed"
	case err != nil:
		level, text = slog.LevelWarn, "handler failed"
	}
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 7),
		slog.String("kind", string(c.Kind)), slog.String("name", c.Name), slog.String("handler", c.Handler),
		slog.String("id", c.Metadata.ID.String()), slog.String("correlation", c.Metadata.CorrelationID.String()),
		slog.Duration("took", time.Since(c.Metadata.Time)),
	)
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	l.LogAttrs(ctx, level, text, attrs...)
}
