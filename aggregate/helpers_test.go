package aggregate_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type account struct {
	Open    bool
	Balance int64
	Notes   map[string]int
}

type (
	opened    struct{ Owner string }
	deposited struct{ Cents int64 }
	withdrawn struct{ Cents int64 }
	noted     struct{ Word string }
)

type (
	open     struct{}
	deposit  struct{ cents int64 }
	withdraw struct{ cents int64 }
	// raw decides whatever it holds, or refuses with its error.
	raw struct {
		events []any
		err    error
	}
)

var (
	errClosed = errors.New("there is no such account")
	errFunds  = errors.New("the account has not so much")
)

var accounts = aggregate.Decider[account, any]{
	Events: []any{opened{}, deposited{}, withdrawn{}, noted{}},
	Decide: decide,
	Evolve: evolve,
}

func decide(a account, command any) ([]any, error) {
	switch c := command.(type) {
	case raw:
		return c.events, c.err
	case open:
		if a.Open {
			return nil, nil
		}
		return []any{opened{}}, nil
	case deposit:
		return []any{deposited{c.cents}}, nil
	case withdraw:
		if !a.Open {
			return nil, errClosed
		}
		if c.cents > a.Balance {
			return nil, errFunds
		}
		return []any{withdrawn{c.cents}}, nil
	}
	return nil, errors.New("no such command")
}

func evolve(a account, e any) account {
	switch e := e.(type) {
	case opened:
		a.Open = true
	case deposited:
		a.Balance += e.Cents
	case withdrawn:
		a.Balance -= e.Cents
	case noted:
		if a.Notes == nil {
			a.Notes = map[string]int{}
		}
		a.Notes[e.Word]++
	}
	return a
}

// spy is a driver that counts what it is asked for, and lets a test act before an append.
type spy struct {
	store.Driver
	appends, records atomic.Int64
	beforeAppend     func(c store.Commit) // may be nil
	beforeRead       func()               // may be nil
	drop             func(event.Record) bool
}

func (s *spy) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	s.appends.Add(1)
	if s.beforeAppend != nil {
		s.beforeAppend(c)
	}
	return s.Driver.Append(ctx, c)
}

func (s *spy) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if s.beforeRead != nil {
			s.beforeRead()
		}
		for rec, err := range s.Driver.Read(ctx, q) {
			if s.drop != nil && s.drop(rec) {
				continue
			}
			s.records.Add(1)
			if !yield(rec, err) {
				return
			}
		}
	}
}

// read returns how many records f makes the store read.
func (s *spy) read(f func()) int64 {
	before := s.records.Load()
	f()
	return s.records.Load() - before
}

func newStore(t testing.TB) (*store.Store, *spy) {
	t.Helper()
	s := &spy{Driver: memory.New()}
	st := store.New(s, store.Config{})
	t.Cleanup(func() { st.Close() })
	return st, s
}

func newAccounts(t testing.TB, st *store.Store, cfg aggregate.Config) *aggregate.Repository[account, any] {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	repo, err := aggregate.New(st, "account", accounts, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// execute runs commands that must succeed, and returns the last result.
func execute(t testing.TB, repo *aggregate.Repository[account, any], id string, commands ...any) (result aggregate.Result[account]) {
	t.Helper()
	for _, c := range commands {
		var err error
		if result, err = repo.Execute(t.Context(), id, c); err != nil {
			t.Fatalf("execute %+v on %s: %v", c, id, err)
		}
	}
	return result
}

func load(t testing.TB, repo *aggregate.Repository[account, any], id string) aggregate.Loaded[account] {
	t.Helper()
	loaded, err := repo.Load(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func head(t testing.TB, st *store.Store) store.Position {
	t.Helper()
	at, err := st.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}
