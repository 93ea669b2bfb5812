package bus_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

type OrderPlaced struct {
	OrderID string
	Total   int64
}

func (e OrderPlaced) AggregateID() string { return e.OrderID }

type OrderPaid struct {
	OrderID string
}

func (e OrderPaid) AggregateID() string { return e.OrderID }

type Ticked struct {
	Key string
	N   int
}

// journal remembers what handlers saw, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := j.all(); !slices.Equal(got, want) {
		t.Errorf("handlers saw %q, want %q", got, want)
	}
}

// note returns a handler that remembers the type of each event.
func (j *journal) note(prefix string) func(context.Context, event.Event[any]) error {
	return func(_ context.Context, e event.Event[any]) error {
		j.add(prefix + e.Type)
		return nil
	}
}

func subscribe[T any](t *testing.T, b *bus.Bus, fn func(context.Context, event.Event[T]) error, opts ...bus.Option) *bus.Subscription {
	t.Helper()
	sub, err := bus.Subscribe(b, fn, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func subscribeTopic(t *testing.T, b *bus.Bus, pattern string, fn func(context.Context, event.Event[any]) error, opts ...bus.Option) *bus.Subscription {
	t.Helper()
	sub, err := b.SubscribeTopic(pattern, fn, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func publish(t *testing.T, b *bus.Bus, data any, opts ...event.Option) {
	t.Helper()
	if err := b.Publish(t.Context(), data, opts...); err != nil {
		t.Error(err)
	}
}

func closeBus(t *testing.T, b *bus.Bus) {
	t.Helper()
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// expectStats compares all but how large the queue is, and what else has a test of its own.
func expectStats(t *testing.T, sub *bus.Subscription, want bus.Stats) {
	t.Helper()
	got := sub.Stats()
	got.Capacity, got.Running, got.Lag = 0, 0, 0
	if got != want {
		t.Errorf("%s has %+v, want %+v", sub.Name(), got, want)
	}
}
