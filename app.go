package oxbow

import (
	"context"
	"log/slog"
	"sync"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// App joins a store, a bus, consumers and projections. Make one with New. Its methods may be called at the same time.
type App struct {
	cfg   Config
	store *store.Store
	bus   *bus.Bus

	mu      sync.Mutex
	workers []Worker
	mistake error         // the first one in what was registered
	run     *running      // nil until Run
	begun   chan struct{} // closed by Run
}

// Config is how an App works; the zero Config does.
type Config struct {
	Source   string          // who publishes, for events that do not say: a URI reference; default none
	Registry *event.Registry // default: a new one, which writes JSON
	Logger   *slog.Logger    // gets failed attempts of consumers and errors of queued handlers; default slog.Default()
}

// New returns an app over a driver. It starts nothing. The caller closes the driver, after the app.
func New(d store.Driver, cfg Config) *App {
	if cfg.Registry == nil {
		cfg.Registry = &event.Registry{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	a := &App{cfg: cfg, store: store.New(d, store.Config{Registry: cfg.Registry}), begun: make(chan struct{})}
	a.bus = bus.New(bus.Config{Registry: cfg.Registry, OnError: a.logHandler})
	return a
}

func (a *App) logHandler(_ context.Context, e event.Event[any], err error) {
	a.cfg.Logger.Error("handler failed", "type", e.Type, "stream", e.Stream, "position", e.Position,
		"id", e.ID, "correlation", e.CorrelationID, "error", err)
}

// Store returns the store: to read, to commit under conditions, to keep items.
func (a *App) Store() *store.Store { return a.store }

// Bus returns the bus: to subscribe with a subscription that can be closed, or to publish what should not be stored.
func (a *App) Bus() *bus.Bus { return a.bus }

// Close ends publishing to subscriptions and waits until their queues are empty, or ctx ends; see [bus.Bus.Close]. It does not
// close the store.
func (a *App) Close(ctx context.Context) error { return a.bus.Close(ctx) }
