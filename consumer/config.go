package consumer

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/topic"
)

// Config is how a consumer works; the zero Config does.
type Config struct {
	Filters []store.Filter           // only records that match one, as stored or as lifted; default all that the handlers are for
	Topics  []string                 // only records whose topic matches one of these patterns; default all
	Where   func(*event.Record) bool // only records of which it says so, as they are stored; valid during the call; default all
	From    From                     // where a consumer that never ran begins; default FromBeginning

	Key     func(*event.Record) string // records with equal keys keep their order; valid during the call; default the stream
	Workers int                        // keys handled at the same time; default 8
	Batch   int                        // records that a handler made with OnBatch gets at most; default 100
	Slots   int                        // parts that processes share; fixed by the first run; default 32, at most 1,024

	Retry       Retry         // what happens after a failure
	Spent       Spent         // what happens when all attempts failed; default Park
	DeadLetters int           // how many may be kept, those that wait included, before the consumer halts; default 100,000
	StopTimeout time.Duration // how long running handlers may finish after the stop; default 10s
	Lease       time.Duration // when the work of a process that died goes to others, where several share the store; default 10s

	Committer Committer // writes transactions and checkpoints, into the consumer's store; default: the store itself
	Source    string    // who publishes what transactions append, for events that do not say: a URI reference; default none

	Logger     *slog.Logger      // gets a warning for each failed attempt; default slog.Default()
	Middleware []middleware.Func // around each call of a handler, the first outermost; default none
	Hook       Hook              // is told of each attempt; default nobody
}

// Committer writes commits: a *store.Store, or an *oxbow.App, which delivers the events to subscriptions too. An error beside a
// receipt that is not zero means that the commit happened, and that what follows from it failed. A consumer commits nothing more until it
// returns, so what it calls must not wait for the consumer.
type Committer interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// Spent says what happens to a record when all attempts failed.
type Spent int

// What happens when attempts are spent.
const (
	Park Spent = iota // the record becomes a dead letter; later ones of its key wait behind it, others flow
	Skip              // an error is logged, and the consumer goes on
	Halt              // Run returns a *HaltError; the record is tried again by the next Run
)

const (
	defaultWorkers     = 8
	defaultBatch       = 100
	defaultSlots       = 32
	defaultDeadLetters = 100_000
	defaultStopTimeout = 10 * time.Second

	maxSlots = 1024
	maxBatch = 10_000
)

func (cfg *Config) check() error {
	for _, f := range [...]struct {
		field string
		value int64
		limit int64 // 0: none
	}{
		{"Workers", int64(cfg.Workers), 0},
		{"Batch", int64(cfg.Batch), maxBatch},
		{"Slots", int64(cfg.Slots), maxSlots},
		{"DeadLetters", int64(cfg.DeadLetters), 0},
		{"StopTimeout", int64(cfg.StopTimeout), 0},
		{"Lease", int64(cfg.Lease), 0},
	} {
		if f.value < 0 {
			return event.Invalid(f.field, "is negative")
		}
		if f.limit > 0 && f.value > f.limit {
			return event.Invalid(f.field, "is %d, the limit is %d", f.value, f.limit)
		}
	}
	if cfg.Spent < Park || cfg.Spent > Halt {
		return event.Invalid("Spent", "is %d; it is Park, Skip or Halt", cfg.Spent)
	}
	if err := cfg.Retry.Check(); err != nil {
		return err
	}
	if err := cfg.From.Check(); err != nil {
		return err
	}
	q := store.Where(cfg.Filters...)
	return q.Check()
}

func (cfg Config) withDefaults(st *store.Store) Config {
	cfg.Workers = cmp.Or(cfg.Workers, defaultWorkers)
	cfg.Batch = cmp.Or(cfg.Batch, defaultBatch)
	cfg.Slots = cmp.Or(cfg.Slots, defaultSlots)
	cfg.DeadLetters = cmp.Or(cfg.DeadLetters, defaultDeadLetters)
	cfg.StopTimeout = cmp.Or(cfg.StopTimeout, defaultStopTimeout)
	if cfg.Key == nil {
		cfg.Key = func(r *event.Record) string { return r.Stream }
	}
	if cfg.Committer == nil {
		cfg.Committer = st
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Retry = cfg.Retry.WithDefaults()
	return cfg
}

// checkName refuses names that no consumer can have.
func checkName(name string) error { return parked.CheckName(name) }

// parseTopics returns the patterns of Config.Topics.
func parseTopics(texts []string) ([]topic.Pattern, error) {
	patterns := make([]topic.Pattern, len(texts))
	for i, text := range texts {
		p, err := topic.Parse(text)
		if err != nil {
			return nil, event.Invalid(fmt.Sprintf("Topics[%d]", i), "%v", err)
		}
		patterns[i] = p
	}
	return patterns, nil
}
