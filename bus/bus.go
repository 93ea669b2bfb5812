package bus

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/topic"
)

// Config is what a bus may be given. The zero Config works.
type Config struct {
	// Registry knows the Go types and how they are written. Subscribing adds to it. Default: a new one.
	Registry *event.Registry

	// Middleware wraps the handlers of all subscriptions, outside of what With gives to one. The first is the outermost.
	Middleware []middleware.Func

	// Hook observes what is published and handled. Default: none.
	Hook Hook

	// Depth is how many publishes of this bus may run within each other in one goroutine: sync handlers that publish, have others
	// called that publish, and so on. A deeper one gets ErrDepth. Default 100.
	Depth int

	// OnError gets the errors of queued handlers, with the context and event the handler had; err is a *HandlerError. It is called in
	// the queue's worker, which goes on when it returns. When it panics, that is logged beside what it was told. Default: an error line to
	// slog.Default.
	OnError func(ctx context.Context, e event.Event[any], err error)
}

// Bus delivers events to subscriptions. Its methods may be called at the same time.
type Bus struct {
	registry   *event.Registry
	onError    func(context.Context, event.Event[any], error)
	middleware []middleware.Func
	hook       Hook
	depth      int

	types    sync.Map // event type -> *subscribers, of which a program has a fixed number
	routes   sync.Map // reflect.Type -> *route
	near     near     // some of them
	patterns topic.Set[*Subscription]
	changes  atomic.Uint64 // how often a subscription came or went

	phase  atomic.Int32
	active activity        // publishes that run and workers
	life   context.Context // ends when Close gives up: queued handlers outlive the calls whose contexts they could have
	end    context.CancelCauseFunc
	waits  waits

	spent atomic.Pointer[spent] // subscriptions that are over and still have to be taken off

	mu   sync.Mutex // unlock with Bus.unlock
	subs map[*Subscription]struct{}
	last uint64 // the number of the newest subscription
}

const defaultDepth = 100

// New returns a bus without subscriptions. It starts nothing.
func New(cfg Config) *Bus {
	b := &Bus{
		registry: cfg.Registry, onError: cfg.OnError, middleware: slices.Clone(cfg.Middleware), hook: cfg.Hook,
		depth: cfg.Depth, subs: map[*Subscription]struct{}{},
	}
	if b.depth <= 0 {
		b.depth = defaultDepth
	}
	if b.registry == nil {
		b.registry = new(event.Registry)
	}
	if b.onError == nil {
		b.onError = logError
	}
	b.life, b.end = context.WithCancelCause(context.Background())
	return b
}

func logError(ctx context.Context, e event.Event[any], err error) {
	args := []any{"event", e.ID, "type", e.Type, "correlation", e.CorrelationID, "error", err}
	if panicked, ok := errors.AsType[*PanicError](err); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	slog.ErrorContext(ctx, "bus: handler failed", args...)
}

// add makes subscriptions live, all at once.
func (b *Bus) add(subs ...*Subscription) error {
	b.mu.Lock()
	defer b.unlock()
	if b.phase.Load() != open {
		return ErrClosed
	}
	for _, s := range subs {
		b.last++
		s.number = b.last
		b.subs[s] = struct{}{}
		if s.eventType == "" {
			s.unlist = b.patterns.Add(s.pattern, s)
			continue
		}
		of := b.entry(s.eventType)
		of.append(s)
		s.unlist = func() { of.remove(s) }
	}
	b.changes.Add(1) // last: what was remembered before no longer holds
	return nil
}

// drop takes a subscription off the bus. Doing it again does nothing.
func (b *Bus) drop(s *Subscription) {
	b.mu.Lock()
	defer b.unlock()
	b.dropLocked(s)
}

func (b *Bus) dropLocked(s *Subscription) {
	s.unlist()
	if s.queue == nil || s.queue.over.Load() { // what waits in a queue is remembered until that has come to rest
		delete(b.subs, s)
	}
	b.changes.Add(1)
}
