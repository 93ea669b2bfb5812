package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Config is what a carrier may be given. The zero Config works.
type Config struct {
	// Registry converts data whose Go type is another one than wanted. Give the bus's own. Default: a new one.
	Registry *event.Registry

	// Middleware is around the handler of every responder, outside of that given to it alone; the first is the outermost.
	Middleware []middleware.Func

	// Timeout is how long Do and Gather wait when their context has no deadline. Default: 30 s. Stream lasts as long as its context.
	Timeout time.Duration

	// NoTimeout has Do and Gather wait as long as their context lasts.
	NoTimeout bool

	// Window is how many values a streaming responder may be ahead of its asker. Default: 16.
	Window int

	// Codes are errors that keep their identity between processes, each under a name that all of them use: what wraps one of these is sent with
	// its name, and errors.Is finds it on the other side. An error that wraps several gets the first name in order of letters.
	Codes map[string]error

	// OnError gets what the asker is not told: panics of handlers with their stack (*bus.PanicError), answers that could not be
	// sent though they were wanted, and errors of those who only observe requests on the bus. When it panics, that is logged beside what it was told. Default: an error
	// line to slog.Default.
	OnError func(ctx context.Context, q event.Event[any], err error)
}

const (
	defaultTimeout = 30 * time.Second
	defaultWindow  = 16
)

// check returns the config with its defaults.
func (cfg Config) check() (Config, error) {
	switch {
	case cfg.Timeout < 0:
		return cfg, event.Invalid("timeout", "is %v; leave it 0 for %v, or set NoTimeout", cfg.Timeout, defaultTimeout)
	case cfg.Timeout > 0 && cfg.NoTimeout:
		return cfg, event.Invalid("timeout", "is %v, and NoTimeout is set; choose one", cfg.Timeout)
	case cfg.Window < 0:
		return cfg, event.Invalid("window", "is %d; leave it 0 for %d", cfg.Window, defaultWindow)
	case slices.ContainsFunc(cfg.Middleware, isNil):
		return cfg, event.Invalid("middleware", "has a nil in it")
	}
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.Window = cmp.Or(cfg.Window, defaultWindow)
	if cfg.Registry == nil {
		cfg.Registry = new(event.Registry)
	}
	if cfg.OnError == nil {
		cfg.OnError = logError
	}
	cfg.OnError = guarded(cfg.OnError)
	return cfg, nil
}

func isNil(f middleware.Func) bool { return f == nil }

// guarded returns onError without its panics, which would end the program: it is called where handlers have ended.
func guarded(onError func(context.Context, event.Event[any], error)) func(context.Context, event.Event[any], error) {
	return func(ctx context.Context, q event.Event[any], err error) {
		defer func() {
			if v := recover(); v != nil {
				panicked := &bus.PanicError{Value: v, Stack: debug.Stack()}
				logError(ctx, q, fmt.Errorf("OnError: %w; it was told: %w", panicked, err))
			}
		}()
		onError(ctx, q, err)
	}
}

func logError(ctx context.Context, q event.Event[any], err error) {
	args := []any{"request", q.ID, "type", q.Type, "correlation", q.CorrelationID, "error", err}
	if panicked, ok := errors.AsType[*bus.PanicError](err); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	slog.ErrorContext(ctx, "request: responder or observer failed", args...)
}

// The phases of a carrier.
const (
	open     = iota
	draining // takes only what its handlers ask
	closed
)

// Carrier takes requests to responders and brings their answers back. Make one with [Over] or [New]. Calls may overlap.
type Carrier struct {
	driver Driver
	cfg    Config
	codes  []code

	mu         sync.Mutex
	phase      int
	calls      running // of Do, Gather and Stream
	responders map[*Responder]struct{}
}

// New returns a carrier over a driver, which it owns from now on: Close closes it. It starts nothing.
func New(d Driver, cfg Config) (*Carrier, error) {
	if d == nil {
		return nil, event.Invalid("driver", "is nil")
	}
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	codes, err := allCodes(cfg.Codes)
	if err != nil {
		return nil, err
	}
	return &Carrier{driver: d, cfg: cfg, codes: codes, responders: map[*Responder]struct{}{}}, nil
}

// enter begins a call, which leave ends, or refuses it.
func (c *Carrier) enter(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == closed || c.phase == draining && !c.handlesIn(ctx) {
		return ErrClosed
	}
	c.calls.add(1)
	return nil
}

func (c *Carrier) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.add(-1)
}

// handlesIn reports whether ctx is that of a handler of c, or of one that such a handler asked.
func (c *Carrier) handlesIn(ctx context.Context) bool {
	for w := workOf(ctx); w != nil; w = workOf(w.Context) {
		if w.responder.carrier == c {
			return true
		}
	}
	return false
}

// Close ends the carrier: asking and responding return ErrClosed from now on, but handlers may still ask with their contexts. It waits for
// calls under way and their handlers, and then closes the responders and the driver. Over a bus, it leaves the bus open.
//
// When ctx ends first, Close ends the contexts of handlers, tells their askers, and returns an [*UnfinishedError] that tells what still
// ran. Calling Close again waits for that. Handlers must not call it, nor the body of a loop over Stream: they would wait for themselves.
func (c *Carrier) Close(ctx context.Context) error {
	if c.handlesIn(ctx) {
		return errors.New("close carrier: it was called by a handler and would wait for it")
	}
	c.toPhase(draining)
	err := c.calls.wait(ctx, &c.mu)
	left, stopped := c.closeResponders(ctx)
	c.toPhase(closed)
	failure := c.driver.Close()
	if err == nil {
		err = stopped
	}
	if err == nil {
		return failure
	}
	return errors.Join(&UnfinishedError{Left: left, Err: err}, failure)
}

func (c *Carrier) toPhase(phase int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = max(c.phase, phase)
}

// closeResponders closes them in order of name. It tells what they left undone, and why.
func (c *Carrier) closeResponders(ctx context.Context) (left []Left, err error) {
	c.mu.Lock()
	all := make([]*Responder, 0, len(c.responders))
	for r := range c.responders {
		all = append(all, r)
	}
	c.mu.Unlock()
	slices.SortFunc(all, func(a, b *Responder) int { return strings.Compare(a.name, b.name) })
	for _, r := range all {
		r.stop() // all of them first: none waits while another takes requests
	}
	for _, r := range all {
		unfinished, ok := errors.AsType[*UnfinishedError](r.Close(ctx))
		if ok {
			left, err = append(left, unfinished.Left...), unfinished.Err
		}
	}
	return left, err
}

// add makes a responder one of the carrier's.
func (c *Carrier) add(r *Responder) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != open {
		return ErrClosed
	}
	c.responders[r] = struct{}{}
	return nil
}

// remove forgets a responder once none of its handlers runs.
func (c *Carrier) remove(r *Responder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.responders, r)
}
