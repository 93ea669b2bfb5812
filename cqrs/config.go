package cqrs

import (
	"context"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// Committer writes commits: a *store.Store, or an *oxbow.App, which delivers the events to subscriptions too. An error beside a
// receipt that is not zero means that the commit happened, and that what follows from it failed.
type Committer interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// Config is how a command bus works; the zero Config does. The functions may be called at the same time.
type Config struct {
	Committer Committer     // writes what commands lead to, into the bus's store; default: the store itself
	Source    string        // who publishes, for events that do not say: a URI reference; default none
	Attempts  int           // how often a handler is called when somebody else was faster, the first time included; default 10
	Retention time.Duration // how long an idempotency key answers with its first result; default 7 days
	NoExpiry  bool          // idempotency keys answer for ever, until they are purged

	Middleware []middleware.Func // around every handler, the first outermost
	Logger     *slog.Logger      // gets a line for each command: Debug, Warn when it failed, Error when it panicked; default slog.Default()
	NoLogging  bool

	// Authorize is asked before a command is looked at. Its error refuses the command, see [ErrForbidden]. Default: all may do all.
	Authorize func(ctx context.Context, c *middleware.Call) error
	// Audit is told of each command that has a handler, when it is over and whatever became of it. Its context carries the
	// command's values and does not end with it. When it fails, Send returns an [*AuditError] too: what the command did stays
	// done, and then a [*DoneError] says so.
	Audit func(ctx context.Context, e Entry) error
}

// QueryConfig is how a query bus works; the zero QueryConfig does.
type QueryConfig struct {
	Middleware []middleware.Func // around every handler, the first outermost
	Logger     *slog.Logger      // gets a line for each query: Debug, Warn when it failed, Error when it panicked; default slog.Default()
	NoLogging  bool

	// Authorize is asked before a query is looked at. Its error refuses the query, see [ErrForbidden]. Default: all may ask all.
	Authorize func(ctx context.Context, c *middleware.Call) error
}

const (
	defaultAttempts  = 10
	defaultRetention = 7 * 24 * time.Hour
)

func (c *Config) complete() error {
	if c.Attempts < 0 {
		return event.Invalid("attempts", "are %d; one is the least, and 0 is the default of %d", c.Attempts, defaultAttempts)
	}
	if c.Retention < 0 {
		return event.Invalid("retention", "is %v; NoExpiry keeps keys for ever", c.Retention)
	}
	if c.Retention > 0 && c.NoExpiry {
		return event.Invalid("retention", "is %v, and NoExpiry is set; choose one", c.Retention)
	}
	if c.Attempts == 0 {
		c.Attempts = defaultAttempts
	}
	if c.Retention == 0 {
		c.Retention = defaultRetention
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return checkMiddleware(c.Middleware)
}

func checkMiddleware(fs []middleware.Func) error {
	for i, f := range fs {
		if f == nil {
			return event.Invalid("middleware", "number %d is nil", i+1)
		}
	}
	return nil
}

// around returns what is around every handler.
func around(l *slog.Logger, noLogging bool, fs []middleware.Func) middleware.Func {
	if noLogging {
		return middleware.Chain(fs...)
	}
	if l == nil {
		l = slog.Default()
	}
	return middleware.Chain(middleware.Logging(middleware.LoggingConfig{Logger: l}), middleware.Chain(fs...))
}
