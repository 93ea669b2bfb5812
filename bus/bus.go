package bus

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/topic"
)

// Config is what a bus may be given. The zero Config works.
type Config struct {
	// Registry knows the Go types and how they are written. Subscribing adds to it. Default: a new one.
	Registry *event.Registry

	// OnError gets the errors of queued handlers, with the context and event the handler had; err is a *HandlerError. It is called in
	// the queue's worker, which goes on when it returns. Default: an error line to slog.Default.
	OnError func(ctx context.Context, e event.Event[any], err error)
}

// Bus delivers events to subscriptions. Its methods may be called at the same time.
type Bus struct {
	registry *event.Registry
	onError  func(context.Context, event.Event[any], error)
	patterns topic.Set[*Subscription]
	types    atomic.Pointer[map[string]*subscribers] // copied to add a type, of which a program has a fixed number

	phase  atomic.Int32
	active activity        // publishes that run and workers
	life   context.Context // ends when Close gives up: queued handlers outlive the calls whose contexts they could have
	end    context.CancelCauseFunc
	waits  waits

	mu   sync.Mutex
	subs map[*Subscription]struct{}
	last uint64 // the number of the newest subscription
}

// subscribers are those of one event type, in order of subscription. The slice is replaced, never changed.
type subscribers struct {
	list atomic.Pointer[[]*Subscription]
}

// New returns a bus without subscriptions. It starts nothing.
func New(cfg Config) *Bus {
	b := &Bus{registry: cfg.Registry, onError: cfg.OnError, subs: map[*Subscription]struct{}{}}
	if b.registry == nil {
		b.registry = new(event.Registry)
	}
	if b.onError == nil {
		b.onError = logError
	}
	b.types.Store(&map[string]*subscribers{})
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
	defer b.mu.Unlock()
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
		of := b.subscribersOf(s.eventType)
		of.append(s)
		s.unlist = func() { of.remove(s) }
	}
	return nil
}

// drop takes a subscription off the bus, though one with a queue is remembered until that has come to rest. Doing it again does nothing.
func (b *Bus) drop(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.unlist()
	if s.queue == nil {
		delete(b.subs, s)
	}
}

// forget is the end of a subscription whose queue has come to rest.
func (b *Bus) forget(s *Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}

// subscribersOf returns the entry of an event type, made when it is missing. The caller holds b.mu.
func (b *Bus) subscribersOf(eventType string) *subscribers {
	types := *b.types.Load()
	if of, ok := types[eventType]; ok {
		return of
	}
	of := new(subscribers)
	of.list.Store(new([]*Subscription))
	grown := maps.Clone(types)
	grown[eventType] = of
	b.types.Store(&grown)
	return of
}

func (l *subscribers) append(s *Subscription) {
	old := *l.list.Load()
	grown := append(old[:len(old):len(old)], s)
	l.list.Store(&grown)
}

func (l *subscribers) remove(s *Subscription) {
	rest := slices.DeleteFunc(slices.Clone(*l.list.Load()), func(other *Subscription) bool { return other == s })
	l.list.Store(&rest)
}
