package cqrs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

// quietly logs each call when it is over: Debug when it succeeded, Warn when it failed. It never logs what the call says.
func quietly(l *slog.Logger) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (result any, err error) {
			err = errUnwound
			defer func() { logCall(ctx, l, c, err) }()
			result, err = next(ctx, c)
			return result, err
		}
	}
}

// errUnwound is logged when a handler did not return: it panicked, or ended its goroutine.
var errUnwound = errors.New("the handler panicked")

func logCall(ctx context.Context, l *slog.Logger, c *middleware.Call, err error) {
	level, text := slog.LevelDebug, "handled"
	if err != nil {
		level, text = slog.LevelWarn, "failed"
	}
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("name", c.Name), slog.String("handler", c.Handler), slog.Any("id", c.Metadata.ID),
		slog.Any("correlation", c.Metadata.CorrelationID), slog.Duration("duration", time.Since(c.Metadata.Time)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	l.LogAttrs(ctx, level, string(c.Kind)+" "+text, attrs...)
}
