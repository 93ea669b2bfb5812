package middleware

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// LoggingConfig is what Logging writes where; the zero LoggingConfig works.
type LoggingConfig struct {
	Logger  *slog.Logger           // default slog.Default(), as it is when a call ends
	Success slog.Leveler           // level of a call without an error; default slog.LevelDebug
	Failure func(error) slog.Level // level of one with an error; default slog.LevelWarn, and slog.LevelError after a panic
}

// Logging writes a line when a call has ended: its kind, name, handler, id, correlation id, attempt, how long it took, and its
// error. Data are not written. What the logger leaves out costs a look at the clock.
func Logging(cfg LoggingConfig) Func {
	if cfg.Success == nil {
		cfg.Success = slog.LevelDebug
	}
	if cfg.Failure == nil {
		cfg.Failure = failureLevel
	}
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (result any, err error) {
			began, returned := time.Now(), false
			defer func() {
				if !returned { // it panicked, and whoever recovers tells why, or ended its goroutine
					cfg.log(ctx, c, slog.LevelError, began, errNotReturned)
				}
			}()
			result, err = next(ctx, c)
			returned = true
			if err != nil {
				cfg.log(ctx, c, cfg.Failure(err), began, err)
			} else {
				cfg.log(ctx, c, cfg.Success.Level(), began, nil)
			}
			return result, err
		}
	}
}

var errNotReturned = errors.New("the handler panicked or ended its goroutine")

func failureLevel(err error) slog.Level {
	if _, panicked := errors.AsType[*PanicError](err); panicked {
		return slog.LevelError
	}
	return slog.LevelWarn
}

func (cfg *LoggingConfig) log(ctx context.Context, c *Call, level slog.Level, began time.Time, err error) {
	logger := cfg.Logger
	if logger == nil {
		logger = slog.Default()
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 9),
		slog.String("kind", string(c.Kind)), slog.String("name", c.Name), slog.String("handler", c.Handler),
		slog.String("id", c.Metadata.ID.String()), slog.String("correlation", c.Metadata.Cause().CorrelationID.String()),
		slog.Int("attempt", c.Attempt), slog.Duration("took", time.Since(began)),
	)
	message := "handled"
	if err != nil {
		message = "handler failed"
		attrs = append(attrs, slog.Any("error", err))
	}
	if panicked, ok := errors.AsType[*PanicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}
