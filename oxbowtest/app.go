package oxbowtest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// App is an oxbow.App for a test: over a store in memory that holds given events, with a recorder that hears of everything that it
// stores. Make one with NewApp.
type App struct {
	*oxbow.App
	Recorder *Recorder

	t     testing.TB
	watch *watch
}

// NewApp returns an app over a store in memory that holds the given events, in order: anything that [event.New] or [Event] takes.
// The recorder has not noted those. Hooks in cfg are called too. Without a Logger in cfg, what is logged goes to the test's log, which
// is shown when it fails. Register what is to be tested, as with any app, and then Start it.
func NewApp(t testing.TB, cfg oxbow.Config, given ...any) *App {
	t.Helper()
	driver := memory.New()
	if cfg.Registry == nil {
		cfg.Registry = &event.Registry{}
	}
	if cfg.Logger == nil {
		cfg.Logger = testLogger(t)
	}
	if _, err := fill(store.New(driver, store.Config{}), &Builder{Registry: cfg.Registry}, given); err != nil {
		t.Fatalf("oxbowtest: fill the store: %v", err)
	}
	a := &App{Recorder: NewRecorder(RecorderConfig{Registry: cfg.Registry}), t: t, watch: newWatch(cfg.Hooks.Consumer)}
	cfg.Hooks.Consumer = a.watch
	cfg.Hooks.Store = both{cfg.Hooks.Store, a.Recorder.StoreHook()}
	a.App = oxbow.New(driver, cfg)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Errorf("oxbowtest: close the app: %v", err)
		}
		driver.Close()
	})
	return a
}

// testLogger logs to the test's log.
func testLogger(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// Start runs the app until the test ends. What Run returns then fails the test.
func (a *App) Start() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.t.Context())) // which ends before the cleanup that waits
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	a.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			a.t.Errorf("oxbowtest: the app ended: %v", err)
		}
	})
}

// Settle is the function [Settle], and tells more: what the handlers of consumers that are not done are busy with.
func (a *App) Settle(ctx context.Context) error { return settle(ctx, a.App, a.watch) }

// both are two hooks; the first may be nil.
type both struct{ first, second store.Hook }

func (b both) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	if b.first == nil {
		return b.second.Append(ctx, c)
	}
	ctx, outer := b.first.Append(ctx, c)
	ctx, inner := b.second.Append(ctx, c)
	return ctx, func(receipt store.Receipt, err error) {
		for _, done := range [...]func(store.Receipt, error){inner, outer} {
			if done != nil {
				done(receipt, err)
			}
		}
	}
}
