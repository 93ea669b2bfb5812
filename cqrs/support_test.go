package cqrs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// Commands.
type (
	PlaceOrder  struct{ OrderID, Item string }
	CancelOrder struct{ OrderID string }
	Import      struct {
		ID   string
		Rows []string
	}
	Tick struct{}
)

func (c Import) IdempotencyKey() string { return c.ID }

// Events.
type (
	OrderPlaced    struct{ OrderID, Item string }
	OrderCancelled struct{ OrderID string }
)

func (e OrderPlaced) AggregateID() string    { return e.OrderID }
func (e OrderCancelled) AggregateID() string { return e.OrderID }

var errOutOfStock = errors.New("out of stock")

func newStore() *store.Store { return store.New(memory.New(), store.Config{}) }

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func newBus(t testing.TB, st *store.Store, cfg cqrs.Config) *cqrs.CommandBus {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = silent
	}
	b, err := cqrs.NewCommandBus(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newQueryBus(t testing.TB, st *store.Store, cfg cqrs.QueryConfig) *cqrs.QueryBus {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = silent
	}
	b, err := cqrs.NewQueryBus(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func handle[C, R any](t testing.TB, b *cqrs.CommandBus, fn func(context.Context, C) (R, error), opts ...cqrs.Option) {
	t.Helper()
	if err := cqrs.HandleCommand(b, fn, opts...); err != nil {
		t.Fatal(err)
	}
}

func ask[Q, R any](t testing.TB, b *cqrs.QueryBus, fn func(context.Context, Q) (R, error), opts ...cqrs.Option) {
	t.Helper()
	if err := cqrs.HandleQuery(b, fn, opts...); err != nil {
		t.Fatal(err)
	}
}

// place is a handler that decides one event and answers with a number that no other call has.
func place(calls *counter) func(context.Context, PlaceOrder) (cqrs.Outcome[int], error) {
	return func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
		n := calls.add()
		return cqrs.Outcome[int]{Result: n, Events: cqrs.Events{OrderPlaced(c)}}, nil
	}
}

// send sends what has to succeed.
func send(t testing.TB, b *cqrs.CommandBus, command any, opts ...cqrs.SendOption) cqrs.Reply {
	t.Helper()
	reply, err := b.Send(t.Context(), command, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func expectError(t testing.TB, err, want error, words ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error is %v, want one that is %v", err, want)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("message is %q, want it to say %q", err, w)
		}
	}
}

// records returns all that the store holds.
func records(t testing.TB, st *store.Store) (all []event.Record) {
	t.Helper()
	for r, err := range st.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func expectRecords(t testing.TB, st *store.Store, want ...string) {
	t.Helper()
	var got []string
	for _, r := range records(t, st) {
		got = append(got, r.Type+" "+r.Stream)
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

func (c *counter) expect(t testing.TB, what string, want int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n != want {
		t.Errorf("%s: %d times, want %d", what, c.n, want)
	}
}

// trimmed lets a map have a key twice.
func trimmed(s string) string { return strings.TrimSpace(s) }

var errConflict = fmt.Errorf("mine: %w", store.ErrConflict)
