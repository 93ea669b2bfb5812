package projection

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// Projection turns events into documents of type D, each under a key. Make one with New, give it handlers with On, OnAny and Methods and
// indexes with Index, then Run it. Documents are stored as JSON.
type Projection[D any] struct {
	name     string
	store    *store.Store
	cfg      Config
	handlers handlers[*Docs[D]]
	indexes  []index[D]

	reached *watermark
	meter   *meter
	group   atomic.Pointer[lease.Group] // while a run takes part

	running, rebuilding chan struct{} // each holds one token while that is under way
	working             chan struct{} // holds one while Run or Rebuild takes part in the lease
}

// Config is how a projection works; the zero Config does.
//
// There is no middleware here, on purpose: what keeps a handler from being called, or calls it again within a batch, would make
// documents differ from the events that they are made of.
type Config struct {
	Version int            // of the code, from 1: raise it when handlers or indexes change, and the documents are rebuilt; default 1
	ByHand  bool           // what is rebuilt waits for Switch; default: it goes live as soon as it has caught up
	Inline  bool           // documents change with the commits of an Inline; Run only rebuilds them
	Batch   int            // events in one commit at most; default 500, and 10,000 while far behind
	Cache   int            // bytes of documents that are kept decoded between commits; default 64 MiB
	Retry   consumer.Retry // what happens after a failure, before the projection halts
	Logger  *slog.Logger   // gets a warning for each failed attempt; default slog.Default()
	Hook    consumer.Hook  // is told of each attempt, by the name "projection " and the projection's; default nobody
	Lease   time.Duration  // when the work of a process that died goes to another, where several share the store; default 10s
}

const (
	defaultBatch = 500
	bulk         = 10_000 // events in one commit while far behind, unless Batch is set
)

// New returns a projection that begins to work in Run. Its name is its identity: its documents are kept under it.
func New[D any](st *store.Store, name string, cfg Config) (*Projection[D], error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("projection %s: %w", name, err)
	}
	return &Projection[D]{
		name: name, store: st, cfg: cfg.withDefaults(), handlers: handlers[*Docs[D]]{reg: st.Registry()},
		reached: newWatermark(), meter: &meter{},
		running: make(chan struct{}, 1), rebuilding: make(chan struct{}, 1), working: make(chan struct{}, 1),
	}, nil
}

func checkName(name string) error {
	if err := event.CheckName("projection name", name); err != nil {
		return err
	}
	if len(name) > maxName {
		return event.Invalid("projection name", "is %d bytes long, the limit is %d", len(name), maxName)
	}
	if strings.Contains(name, "/") {
		return event.Invalid("projection name", "%q has a slash, which Oxbow puts behind names for its own use; use a hyphen", name)
	}
	return nil
}

func (cfg *Config) check() error {
	for _, f := range [...]struct {
		field string
		value int64
	}{
		{"Version", int64(cfg.Version)},
		{"Batch", int64(cfg.Batch)},
		{"Cache", int64(cfg.Cache)},
		{"Lease", int64(cfg.Lease)},
	} {
		if f.value < 0 {
			return event.Invalid(f.field, "is negative")
		}
	}
	return cfg.Retry.Check()
}

func (cfg Config) withDefaults() Config {
	if cfg.Version == 0 {
		cfg.Version = 1
	}
	if cfg.Cache == 0 {
		cfg.Cache = 64 << 20
	}
	cfg.Retry = cfg.Retry.WithDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

// batch returns how many events may be in one commit, so many positions behind the head.
func (cfg *Config) batch(behind store.Position) int {
	switch {
	case cfg.Batch > 0:
		return cfg.Batch
	case behind > bulk:
		return bulk
	default:
		return defaultBatch
	}
}

// On adds a handler for the event type of T, and so for records of other types that are lifted into it. Handlers of one event are
// called in the order in which they were added.
func On[D, T any](p *Projection[D], fn func(ctx context.Context, docs *Docs[D], e event.Event[T]) error) {
	on(&p.handlers, fn)
}

// OnAny adds a handler for every event as it is stored, nothing lifted or decoded.
func OnAny[D any](p *Projection[D], fn func(ctx context.Context, docs *Docs[D], r event.Record) error) {
	p.handlers.addAny(fn)
}

// Name returns the projection's name.
func (p *Projection[D]) Name() string { return p.name }

func (p *Projection[D]) check() error {
	if err := p.handlers.check(); err != nil {
		return fmt.Errorf("projection %s: %w", p.name, err)
	}
	return nil
}

// docs returns the documents of a generation for handlers.
func (p *Projection[D]) docs(g *generation) *Docs[D] {
	indexes := slices.DeleteFunc(slices.Clone(p.indexes), func(ix index[D]) bool { return !slices.Contains(g.Indexes, ix.name) })
	return newDocs(p.store, bucketOf(p.name, g.Number), indexes, p.cfg.Cache)
}

// poll returns how often this process looks at what others did.
func (p *Projection[D]) poll() time.Duration {
	return min(cmp.Or(p.cfg.Lease/5, time.Second), time.Second)
}

// label is what hooks and errors call the projection, apart from consumers of the same name.
func (p *Projection[D]) label() string { return "projection " + p.name }

func now() time.Time { return time.Now().UTC().Round(0) }
