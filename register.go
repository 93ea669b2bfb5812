package oxbow

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
)

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

// Consume adds a consumer; call it before Run. See [consumer.New]. Its logger, hook, source and committer are the app's unless cfg has one,
// so that subscriptions hear of what a transaction appends; its middleware is inside of the app's.
func (a *App) Consume(name string, cfg consumer.Config, handlers ...consumer.Handler) {
	cfg.Logger, cfg.Source = cmp.Or(cfg.Logger, a.cfg.Logger), cmp.Or(cfg.Source, a.cfg.Source)
	if cfg.Committer == nil {
		cfg.Committer = a
	}
	if cfg.Hook == nil {
		cfg.Hook = a.cfg.Hooks.Consumer
	}
	cfg.Middleware = slices.Concat(a.cfg.Middleware, cfg.Middleware)
	c, err := consumer.New(a.store, name, cfg, handlers...)
	if err != nil {
		a.note(err)
		return
	}
	a.add("consumer", c)
}

// Project adds a projection; call it before Run. It must have been made over the app's Store.
func (a *App) Project(p Worker) { a.add("projection", p) }

func (a *App) add(kind string, w Worker) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.run != nil:
		a.noteLocked(fmt.Errorf("%s %s: added after Run began; add it before", kind, w.Name()))
		return
	case a.named[kind+" "+w.Name()]:
		a.noteLocked(event.Invalid("name", "there are two %ss called %s; give one another name", kind, w.Name()))
		return
	}
	a.named[kind+" "+w.Name()] = true
	a.workers = append(a.workers, w)
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
