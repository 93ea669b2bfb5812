package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// Config is how a consumer works; the zero Config does.
type Config struct {
	Filters     []store.Filter             // only records that match one, as stored or as lifted; default all that the handlers are for
	From        From                       // where a consumer without a checkpoint begins; default FromBeginning
	Workers     int                        // keys handled at the same time; default 8
	Key         func(*event.Record) string // records with equal keys keep their order; default the stream
	Retry       Retry                      // what happens after a failure
	Spent       Spent                      // what happens when all attempts failed; default Halt
	StopTimeout time.Duration              // how long running handlers may finish after the stop; default 10s
	Logger      *slog.Logger               // gets a warning for each failed attempt; default slog.Default()
	Middleware  []middleware.Func          // around each call of a handler, the first outermost; default none
	Hook        Hook                       // is told of each attempt; default nobody
}

// From says where a consumer without a checkpoint begins.
type From int

// Where a consumer begins.
const (
	FromBeginning From = iota
	FromNow            // with what is stored after Run is called
)

// Spent says what happens to a record when all attempts failed.
type Spent int

// What happens when attempts are spent.
const (
	Halt Spent = iota // Run returns a *HaltError; the record is tried again by the next Run
	Skip              // an error is logged, and the consumer goes on
)

// Consumer calls handlers for a store's records. Make one with New.
type Consumer struct {
	name     string
	store    *store.Store
	cfg      Config
	routes   routes
	progress *progress
	running  chan struct{} // holds one token while Run runs
}

// New returns a consumer that begins to work in Run. Its name is its identity: the checkpoint is kept under it.
func New(st *store.Store, name string, cfg Config, handlers ...Handler) (*Consumer, error) {
	if err := event.CheckName("consumer name", name); err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	routes, err := newRoutes(st.Registry(), &cfg, handlers)
	if err == nil {
		_, err = routes.storeFilters(st.Registry())
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	return &Consumer{
		name: name, store: st, cfg: cfg.withDefaults(), routes: routes,
		progress: newProgress(), running: make(chan struct{}, 1),
	}, nil
}

func (cfg *Config) check() error {
	for _, f := range [...]struct {
		field string
		value int64
	}{
		{"Workers", int64(cfg.Workers)},
		{"StopTimeout", int64(cfg.StopTimeout)},
	} {
		if f.value < 0 {
			return event.Invalid(f.field, "is negative")
		}
	}
	if err := cfg.Retry.Check(); err != nil {
		return err
	}
	q := store.Where(cfg.Filters...)
	return q.Check()
}

func (cfg Config) withDefaults() Config {
	if cfg.Workers == 0 {
		cfg.Workers = 8
	}
	if cfg.Key == nil {
		cfg.Key = func(r *event.Record) string { return r.Stream }
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Retry = cfg.Retry.WithDefaults()
	return cfg
}

// Name returns the consumer's name.
func (c *Consumer) Name() string { return c.name }

// WaitFor returns when the running consumer has handled, or skipped, everything up to the position. It waits for Run when that
// has not begun.
func (c *Consumer) WaitFor(ctx context.Context, position store.Position) error {
	return c.progress.wait(ctx, position)
}

// HaltError ends Run when a record could not be handled and the consumer may not skip it.
type HaltError struct {
	Consumer string // who halted: "consumer billing", "projection repos"
	Record   event.Record
	Attempts int
	Err      error // what the last attempt returned
}

func (e *HaltError) Error() string {
	return fmt.Sprintf("%s: halted at position %d (%s in %q, revision %d) after %s: %v",
		e.Consumer, e.Record.Position, e.Record.Type, e.Record.Stream, e.Record.Revision, attempts(e.Attempts), e.Err)
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// Unwrap returns what the last attempt returned.
func (e *HaltError) Unwrap() error { return e.Err }
