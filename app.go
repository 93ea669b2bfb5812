package oxbow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
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

// Worker is what Run runs: a *consumer.Consumer or a *projection.Projection.
type Worker interface {
	Name() string
	Run(ctx context.Context) error
	WaitFor(ctx context.Context, position store.Position) error
}

// running is one call of Run. ended is done when it has returned, with what it returned as the cause.
type running struct {
	ended context.Context
	end   context.CancelCauseFunc
}

var errStopped = errors.New("the app has stopped")

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

// Subscribe calls fn for every event of T's type that this app publishes from now on; see [bus.Subscribe].
func Subscribe[T any](a *App, fn func(context.Context, event.Event[T]) error, opts ...bus.Option) {
	_, err := bus.Subscribe(a.bus, fn, opts...)
	a.note(err)
}

// SubscribeTopic calls fn for every event that this app publishes from now on with a topic that matches the pattern; see
// [bus.Bus.SubscribeTopic].
func (a *App) SubscribeTopic(pattern string, fn func(context.Context, event.Event[any]) error, opts ...bus.Option) {
	_, err := a.bus.SubscribeTopic(pattern, fn, opts...)
	a.note(err)
}

// Register subscribes every method of x that has a handler's shape; see [bus.Bus.Register].
func (a *App) Register(x any, opts ...bus.Option) {
	_, err := a.bus.Register(x, opts...)
	a.note(err)
}

// Consume adds a consumer for Run; see [consumer.New]. Its logger is the app's unless cfg has one.
func (a *App) Consume(name string, cfg consumer.Config, handlers ...consumer.Handler) {
	if cfg.Logger == nil {
		cfg.Logger = a.cfg.Logger
	}
	c, err := consumer.New(a.store, name, cfg, handlers...)
	if err != nil {
		a.note(err)
		return
	}
	a.add("consumer", c)
}

// Project adds a projection for Run. It must have been made over the app's Store.
func (a *App) Project(p Worker) { a.add("projection", p) }

func (a *App) add(kind string, w Worker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.run != nil:
		a.noteLocked(fmt.Errorf("%s %s: added after Run began; add it before", kind, w.Name()))
		return
	case a.named(w):
		a.noteLocked(event.Invalid("name", "there are two of %T called %s; give one another name", w, w.Name()))
		return
	}
	a.workers = append(a.workers, w)
}

// named reports whether there is a worker of the same kind and name.
func (a *App) named(w Worker) bool {
	for _, other := range a.workers {
		if fmt.Sprintf("%T", other) == fmt.Sprintf("%T", w) && other.Name() == w.Name() {
			return true
		}
	}
	return false
}

func (a *App) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteLocked(err)
}

func (a *App) noteLocked(err error) {
	if a.mistake == nil {
		a.mistake = err
	}
}

func (a *App) check() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mistake
}

// Publish makes an event of data, as [event.New] does, stores it, and then delivers it to subscriptions.
//
// When sync handlers fail, it returns the receipt and a *DeliveryError: the event is stored all the same, and consumers and
// projections will have it.
func (a *App) Publish(ctx context.Context, data any, opts ...event.Option) (store.Receipt, error) {
	if err := a.check(); err != nil {
		return store.Receipt{}, err
	}
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish: %w", err)
	}
	if e.Source == "" {
		e.Source = a.cfg.Source
	}
	r, err := a.cfg.Registry.Encode(e)
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish: %w", err)
	}
	receipt, err := a.store.Commit(ctx, store.Commit{Events: []event.Record{r}})
	if err != nil {
		return store.Receipt{}, fmt.Errorf("publish %s: %w", e.Type, err)
	}
	if receipt.Repeated {
		return receipt, nil
	}
	e.Revision, e.Position = receipt.Revisions[e.Stream], receipt.First
	return receipt, delivered(a.bus.Deliver(ctx, e))
}

// Commit stores records, conditions and items, all or nothing, and then delivers the records to subscriptions. Its errors are those
// of Publish.
func (a *App) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := a.check(); err != nil {
		return store.Receipt{}, err
	}
	receipt, err := a.store.Commit(ctx, c)
	if err != nil || receipt.Repeated {
		return receipt, err
	}
	place(c.Events, receipt)
	var errs []error
	for _, r := range c.Events {
		errs = append(errs, a.bus.Deliver(ctx, untyped(r)))
	}
	return receipt, delivered(errors.Join(errs...))
}

// place notes in the records where they came to stand.
func place(records []event.Record, receipt store.Receipt) {
	after := map[string]uint64{} // records that follow in the stream
	for i := len(records) - 1; i >= 0; i-- {
		r := &records[i]
		r.Position = receipt.First + store.Position(i)
		r.Revision = receipt.Revisions[r.Stream] - after[r.Stream]
		after[r.Stream]++
	}
}

// untyped leaves decoding to the subscriptions that want the event, if there are any.
func untyped(r event.Record) event.Event[any] {
	e := event.Event[any]{Metadata: r.Metadata, Place: r.Place}
	switch {
	case r.Data == nil:
	case event.IsJSON(r.ContentType):
		e.Data = json.RawMessage(r.Data)
	default:
		e.Data = r.Data
	}
	return e
}

// DeliveryError tells that an event was stored, but that subscriptions failed to handle it. It wraps their joined errors.
type DeliveryError struct{ Err error }

func (e *DeliveryError) Error() string {
	return "the event is stored, but not every subscription handled it: " + e.Err.Error()
}

// Unwrap returns the joined errors of the handlers.
func (e *DeliveryError) Unwrap() error { return e.Err }

func delivered(err error) error {
	if err == nil {
		return nil
	}
	return &DeliveryError{err}
}

// Run runs the consumers and projections until ctx ends, and then returns nil; or until one fails, which ends the others too.
// It can be called once.
func (a *App) Run(ctx context.Context) error {
	r, workers, err := a.begin()
	if err != nil {
		return err
	}
	work, inner := task.New(ctx)
	work.Go(func() error { <-inner.Done(); return nil }) // without a worker, Run still lasts as long as ctx
	for _, w := range workers {
		work.Go(func() error { return w.Run(inner) })
	}
	err = work.Wait()
	r.end(errors.Join(errStopped, err))
	return err
}

func (a *App) begin() (*running, []Worker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mistake != nil {
		return nil, nil, a.mistake
	}
	if a.run != nil {
		return nil, nil, errors.New("app: Run was called before; make a new App to run again")
	}
	ended, end := context.WithCancelCause(context.Background())
	a.run = &running{ended, end}
	close(a.begun)
	return a.run, a.workers, nil
}

// Settle returns when everything published so far, and everything that was published because of it, has been handled: by
// consumers, projections, and the queues of subscriptions. It waits for Run to begin, and returns Run's error if that ends first.
func (a *App) Settle(ctx context.Context) error {
	select {
	case <-a.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.run.ended, func() { cancel(context.Cause(a.run.ended)) })()
	err := a.settle(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return fmt.Errorf("settle: %w", context.Cause(waiting))
	}
	return err
}

// settle waits for everybody to reach the head, until that has not moved meanwhile.
func (a *App) settle(ctx context.Context) error {
	for {
		head, err := a.store.Head(ctx)
		if err != nil {
			return err
		}
		for _, w := range a.workers {
			if err := w.WaitFor(ctx, head); err != nil {
				return err
			}
		}
		if err := a.bus.Idle(ctx); err != nil {
			return err
		}
		after, err := a.store.Head(ctx)
		if err != nil || after == head {
			return err
		}
	}
}

// Close ends publishing to subscriptions and waits until their queues are empty, or ctx ends; see [bus.Bus.Close]. It does not
// close the store.
func (a *App) Close(ctx context.Context) error { return a.bus.Close(ctx) }
