package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// bellRung is what the tests schedule.
type bellRung struct{ Bell string }

// quiet logs nothing.
var quiet = slog.New(slog.DiscardHandler)

func newStore(t testing.TB) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func newScheduler(t testing.TB, st *store.Store, cfg schedule.Config) *schedule.Scheduler {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	s, err := schedule.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs the scheduler until the test ends, or stop is called.
func start(t testing.TB, s *schedule.Scheduler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// must takes the error of a call that is to succeed.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fired is an event of a schedule.
type fired struct {
	name    string
	due, at time.Time
}

// firings returns what the schedules have published, in order.
func firings(t testing.TB, st *store.Store) (all []fired) {
	t.Helper()
	for r, err := range st.Read(context.Background(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		name, due, ok := schedule.Of(&r.Metadata)
		if !ok {
			t.Fatalf("the event %s at position %d is of no schedule", r.Type, r.Position)
		}
		all = append(all, fired{name, due, r.Time})
	}
	return all
}

// offsets returns when a schedule's events were due, counted from a time; with the time at which they fired, where that is another.
func offsets(t testing.TB, st *store.Store, name string, from time.Time) string {
	t.Helper()
	var list []string
	for _, f := range firings(t, st) {
		if f.name != name {
			continue
		}
		text := f.due.Sub(from).String()
		if !f.at.Equal(f.due) {
			text += "@" + f.at.Sub(from).String()
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// counts returns how many events each schedule has.
func counts(list []fired) map[string]int {
	n := map[string]int{}
	for _, f := range list {
		n[f.name]++
	}
	return n
}

// twice returns the due times that have more than one event.
func twice(list []fired) (found []string) {
	seen := map[string]bool{}
	for _, f := range list {
		key := fmt.Sprint(f.name, f.due)
		if seen[key] {
			found = append(found, key)
		}
		seen[key] = true
	}
	return found
}

// watched is a driver that looks at commits.
type watched struct {
	store.Driver
	mu     sync.Mutex
	before func(store.Commit) error
	events []int // of each commit
}

func (w *watched) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	w.mu.Lock()
	before := w.before
	w.events = append(w.events, len(c.Events))
	w.mu.Unlock()
	if before != nil {
		if err := before(c); err != nil {
			return store.Receipt{}, err
		}
	}
	return w.Driver.Append(ctx, c)
}

func (w *watched) largest() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Max(w.events)
}

var errCrash = errors.New("crashed")

// crashing is the driver of a process that crashes in its nth call: before it has an effect, or after. From then on nothing works.
type crashing struct {
	store.Driver
	mu          sync.Mutex
	left        int
	afterEffect bool
	dead        bool
}

// call reports whether the call has its effect, and whether the caller hears of it.
func (c *crashing) call() (effect, answer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false, false
	}
	c.left--
	c.dead = c.left == 0
	return !c.dead || c.afterEffect, !c.dead
}

func (c *crashing) Append(ctx context.Context, commit store.Commit) (receipt store.Receipt, err error) {
	effect, answer := c.call()
	if effect {
		receipt, err = c.Driver.Append(ctx, commit)
	}
	if !answer {
		return store.Receipt{}, errCrash
	}
	return receipt, err
}

func (c *crashing) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if _, answer := c.call(); !answer {
		return store.Item{}, errCrash
	}
	return c.Driver.Get(ctx, bucket, key)
}

func (c *crashing) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		if _, answer := c.call(); !answer {
			yield(store.Item{}, errCrash)
			return
		}
		c.Driver.List(ctx, bucket, from, to)(yield)
	}
}
