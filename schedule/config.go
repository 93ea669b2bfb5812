package schedule

import (
	"context"
	"log/slog"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Committer writes commits: a *store.Store, or an *oxbow.App, which delivers the events to subscriptions too. An error beside a
// receipt that is not zero means that the commit happened, and that what follows from it failed.
type Committer interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// Config is how a scheduler works; the zero Config does.
type Config struct {
	Committer Committer // writes firings, into the scheduler's store; default: the store itself
	Source    string    // who publishes, for events that do not say: a URI reference; default none

	Poll   time.Duration // how often the store is looked at, so how late a schedule that another scheduler wrote is noticed at most; default 250ms
	Window int           // schedules that are held in memory at most, those that are due next; the others stay in the store; default 10,000
	Batch  int           // events in one commit at most; default 500, at most 3,000
	Late   time.Duration // a schedule that fires later than this after it was due has misfired; see Misfire; default 1 minute

	StopTimeout time.Duration    // how long a commit under way may take after the stop; default 10s
	Logger      *slog.Logger     // gets an error for each schedule that halts; default slog.Default()
	Now         func() time.Time // the clock that schedules are due by; default time.Now
}

const (
	defaultPoll   = 250 * time.Millisecond
	defaultWindow = 10_000
	defaultBatch  = 500
	maxBatch      = 3000 // of at most three items each, in a commit that takes 10,000
)

func (cfg *Config) check() error {
	for _, f := range [...]struct {
		field string
		value int64
	}{
		{"Poll", int64(cfg.Poll)},
		{"Window", int64(cfg.Window)},
		{"Batch", int64(cfg.Batch)},
		{"Late", int64(cfg.Late)},
		{"StopTimeout", int64(cfg.StopTimeout)},
	} {
		if f.value < 0 {
			return event.Invalid(f.field, "is negative")
		}
	}
	if cfg.Batch > maxBatch {
		return event.Invalid("Batch", "is %d, the limit is %d", cfg.Batch, maxBatch)
	}
	return event.CheckText("Source", cfg.Source)
}

func (cfg Config) withDefaults(st *store.Store) Config {
	if cfg.Committer == nil {
		cfg.Committer = st
	}
	if cfg.Poll == 0 {
		cfg.Poll = defaultPoll
	}
	if cfg.Window == 0 {
		cfg.Window = defaultWindow
	}
	if cfg.Batch == 0 {
		cfg.Batch = defaultBatch
	}
	if cfg.Late == 0 {
		cfg.Late = time.Minute
	}
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}
