package projection

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Projection turns events into documents of type D, each under a key. Make one with New, give it handlers with On and OnAny, then
// Run it. Documents are stored as JSON.
type Projection[D any] struct {
	name     string
	store    *store.Store
	cfg      Config
	handlers []handler[D]
	reached  *watermark
	err      error // the first mistake in On or OnAny, returned by Run

	running, rebuilding chan struct{} // each holds one token while that is under way
}

// Config is how a projection works; the zero Config does.
//
// There is no middleware here, on purpose: what keeps a handler from being called, or calls it again within a batch, would make
// documents differ from the events that they are made of.
type Config struct {
	Batch  int            // events in one commit at most; default 500
	Retry  consumer.Retry // what happens after a failure, before the projection halts
	Logger *slog.Logger   // gets a warning for each failed attempt; default slog.Default()
	Hook   consumer.Hook  // is told of each attempt, by the name "projection " and the projection's; default nobody
}

type handler[D any] struct {
	goType    reflect.Type // nil: every event
	eventType string
	apply     func(ctx context.Context, docs *Docs[D], r event.Record) error
}

// New returns a projection that begins to work in Run. Its name is its identity: its documents are kept under it.
func New[D any](st *store.Store, name string, cfg Config) (*Projection[D], error) {
	if err := event.CheckName("projection name", name); err != nil {
		return nil, err
	}
	if len(name) > maxName {
		return nil, event.Invalid("projection name", "is %d bytes long, the limit is %d", len(name), maxName)
	}
	if strings.Contains(name, "/") {
		return nil, event.Invalid("projection name", "%q has a slash, which Oxbow puts behind names for its own use; use a hyphen", name)
	}
	if cfg.Batch < 0 {
		return nil, fmt.Errorf("projection %s: %w", name, event.Invalid("Batch", "is negative"))
	}
	if err := cfg.Retry.Check(); err != nil {
		return nil, fmt.Errorf("projection %s: %w", name, err)
	}
	return &Projection[D]{
		name: name, store: st, cfg: cfg.withDefaults(), reached: newWatermark(),
		running: make(chan struct{}, 1), rebuilding: make(chan struct{}, 1),
	}, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Batch == 0 {
		cfg.Batch = 500
	}
	cfg.Retry = cfg.Retry.WithDefaults()
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

// On adds a handler for the event type of T, and so for records of other types that are lifted into it. Handlers of one event are
// called in the order in which they were added.
func On[D, T any](p *Projection[D], fn func(ctx context.Context, docs *Docs[D], e event.Event[T]) error) {
	t := reflect.TypeFor[T]()
	d, err := event.Describe(t)
	if err == nil {
		err = p.store.Registry().RegisterType(t)
	}
	if err != nil && p.err == nil {
		p.err = err
	}
	p.handlers = append(p.handlers, handler[D]{
		goType: t, eventType: d.Type,
		apply: func(ctx context.Context, docs *Docs[D], r event.Record) error {
			e, err := event.DecodeAs[T](p.store.Registry(), r)
			if err != nil {
				return err
			}
			return fn(ctx, docs, e)
		},
	})
}

// OnAny adds a handler for every event as it is stored, nothing lifted or decoded.
func OnAny[D any](p *Projection[D], fn func(ctx context.Context, docs *Docs[D], r event.Record) error) {
	p.handlers = append(p.handlers, handler[D]{apply: fn})
}

// Name returns the projection's name.
func (p *Projection[D]) Name() string { return p.name }

// filters returns what the handlers are for; nil means every event.
func (p *Projection[D]) filters() []store.Filter {
	if slices.ContainsFunc(p.handlers, func(h handler[D]) bool { return h.goType == nil }) {
		return nil
	}
	return []store.Filter{{Types: p.sources()}}
}

// sources returns the types under which the events of handlers by type may be stored.
func (p *Projection[D]) sources() []string {
	var types []string
	for _, h := range p.handlers {
		if h.goType != nil {
			types = append(types, p.store.Registry().Sources(h.eventType)...)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// typeOf returns the type that the record is read as. One that no handler by type can be for is not lifted to find out.
func (p *Projection[D]) typeOf(r event.Record) (string, error) {
	reg := p.store.Registry()
	if !reg.Moved(r.Type) || !slices.Contains(p.sources(), r.Type) {
		return r.Type, nil
	}
	lifted, err := reg.Lift(r)
	return lifted.Type, err
}

func (p *Projection[D]) check() error {
	if p.err != nil {
		return p.err
	}
	if len(p.handlers) == 0 {
		return event.Invalid("handlers", "there are none; add them with projection.On or OnAny")
	}
	return nil
}

// WaitFor returns when the running projection has applied everything up to the position, so that a reader sees what it wrote. It
// waits for Run when that has not begun.
func (p *Projection[D]) WaitFor(ctx context.Context, position store.Position) error {
	return p.reached.wait(ctx, position)
}
