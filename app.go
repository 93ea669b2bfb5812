package oxbow

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/request"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
)

// App joins a store, a bus, consumers and projections, schedules, commands, queries and requests. Make one with New. Its methods, and the
// functions that take it, may be called at the same time.
type App struct {
	cfg       Config
	store     *store.Store
	bus       *bus.Bus
	commands  *cqrs.CommandBus
	queries   *cqrs.QueryBus
	requests  *request.Carrier
	schedules *schedule.Scheduler

	mu      sync.Mutex
	workers []Worker
	named   map[string]bool // kinds and names of those that were added
	mistake error           // the first one in what was registered
	run     *running        // nil until Run
	begun   chan struct{}   // closed by Run
}

// Config is how an App works; the zero Config does.
type Config struct {
	Source   string          // who publishes, for events that do not say: a URI reference; default none
	Registry *event.Registry // default: a new one, which writes JSON
	Logger   *slog.Logger    // gets failed attempts of consumers and errors of queued handlers; default slog.Default()

	// Middleware is around the handlers of all rooms, outside of what a room or a handler has of its own; the first is the outermost.
	// A responder hears of requests by a subscription, so it is around each request twice: as an event, and as a request. Projections
	// have none, see [projection.Config].
	Middleware []middleware.Func

	Hooks Hooks // observe; default nobody

	Commands cqrs.Config      // the store, the committer and, unless they are set, the source and the logger are the app's
	Queries  cqrs.QueryConfig // the same
	Requests request.Config   // the registry is the app's

	Schedules schedule.Config // the committer and, unless they are set, the source and the logger are the app's
}

// Hooks observe the rooms of an app, for traces and metrics. Those that are nil cost nothing. A projection is made outside of the app,
// and gets its hook there.
type Hooks struct {
	Bus      bus.Hook
	Store    store.Hook
	Consumer consumer.Hook
}

// New returns an app over a driver. It starts nothing. The caller closes the driver, after the app. A mistake in cfg is returned by
// Publish and Run.
func New(d store.Driver, cfg Config) *App {
	if cfg.Registry == nil {
		cfg.Registry = &event.Registry{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	a := &App{cfg: cfg, named: map[string]bool{}, begun: make(chan struct{})}
	a.store = store.New(d, store.Config{Registry: cfg.Registry, Hook: cfg.Hooks.Store})
	a.bus = bus.New(bus.Config{Registry: cfg.Registry, OnError: a.logHandler, Middleware: cfg.Middleware, Hook: once(cfg.Hooks.Bus)})
	a.callable()
	a.schedulable()
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

// Close ends requests, then publishing to subscriptions, and waits until what runs has ended and queues are empty, or until ctx ends; see
// [request.Carrier.Close] and [bus.Bus.Close]. It does not close the store.
func (a *App) Close(ctx context.Context) error {
	return errors.Join(a.requests.Close(ctx), a.bus.Close(ctx))
}
