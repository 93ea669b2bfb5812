package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const bucket = "work"

// expiring hides that a store in memory is one process's alone, and counts commits.
type expiring struct {
	store.Driver
	commits atomic.Int64
}

func (d *expiring) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	d.commits.Add(1)
	return d.Driver.Append(ctx, c)
}

func newStore(t *testing.T, d store.Driver) *store.Store {
	t.Helper()
	st := store.New(d, store.Config{})
	t.Cleanup(func() { st.Close() })
	return st
}

// worker notes which slots it has.
type worker struct {
	mu       sync.Mutex
	slots    map[int]*lease.Slot
	gained   int
	changed  int
	gain     func(ctx context.Context, s *lease.Slot) error // default nothing
	release  func(s *lease.Slot)                            // default nothing
	overlaps int
}

func (w *worker) Gained(ctx context.Context, s *lease.Slot) error {
	w.mu.Lock()
	if w.slots == nil {
		w.slots = map[int]*lease.Slot{}
	}
	if w.slots[s.Number()] != nil {
		w.overlaps++
	}
	w.slots[s.Number()] = s
	w.gained++
	w.mu.Unlock()
	if w.gain != nil {
		return w.gain(ctx, s)
	}
	return nil
}

func (w *worker) Changed(*lease.Slot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed++
}

func (w *worker) Release(s *lease.Slot) {
	if w.release != nil {
		w.release(s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slots[s.Number()] != s {
		w.overlaps++
	}
	delete(w.slots, s.Number())
}

func (w *worker) slot(n int) *lease.Slot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slots[n]
}

func (w *worker) numbers() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.slots))
}

func config(slots int) lease.Config {
	return lease.Config{Bucket: bucket, Name: "billing", Slots: slots, Logger: slog.New(slog.DiscardHandler)}
}

func newGroup(t *testing.T, st *store.Store, cfg lease.Config) *lease.Group {
	t.Helper()
	g, err := lease.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// member is a run of a group.
type member struct {
	*worker
	group *lease.Group
	end   context.CancelFunc
	ended chan error
}

func join(t *testing.T, st *store.Store, cfg lease.Config, w *worker) *member {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m := &member{worker: w, group: newGroup(t, st, cfg), end: cancel, ended: make(chan error, 1)}
	go func() { m.ended <- m.group.Run(ctx, w) }()
	synctest.Wait()
	return m
}

func (m *member) leave(t *testing.T) {
	t.Helper()
	m.end()
	if err := <-m.ended; err != nil {
		t.Errorf("Run returned %v after its context ended, want nil", err)
	}
	if n := len(m.numbers()); n > 0 || m.overlaps > 0 {
		t.Errorf("after the end %d slots are not released, and %d calls of the worker overlapped", n, m.overlaps)
	}
}

func write(t *testing.T, st *store.Store, s *lease.Slot, data string) error {
	t.Helper()
	w, condition, err := s.Write(json.RawMessage(data))
	if err != nil {
		return err
	}
	receipt, err := st.Commit(context.WithoutCancel(t.Context()), store.Commit{Items: []store.ItemWrite{w}, Conditions: []store.Condition{condition}})
	if err == nil {
		s.Wrote(receipt.ItemRevision)
	}
	return err
}

// shared fails unless the slots are shared so: how many each has, and each slot once.
func shared(t *testing.T, slots int, members map[*member]int) {
	t.Helper()
	seen := map[int]int{}
	for m, want := range members {
		numbers := m.numbers()
		if len(numbers) != want {
			t.Errorf("a member has %d slots, want %d", len(numbers), want)
		}
		for _, n := range numbers {
			seen[n]++
		}
	}
	for n := range slots {
		if seen[n] != 1 {
			t.Errorf("slot %d is held by %d members", n, seen[n])
		}
	}
}

func TestSlotsAreSharedFairlyAmongThoseWhoAreThere(t *testing.T) {
	for name, driver := range map[string]func() store.Driver{
		"an exclusive store":   func() store.Driver { return memory.New() },
		"a store of processes": func() store.Driver { return &expiring{Driver: memory.New()} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStore(t, driver())
				a := join(t, st, config(32), &worker{})
				shared(t, 32, map[*member]int{a: 32})
				b := join(t, st, config(32), &worker{})
				rest(3 * time.Second) // fake time: a few looks
				shared(t, 32, map[*member]int{a: 16, b: 16})
				c := join(t, st, config(32), &worker{})
				rest(3 * time.Second)
				shared(t, 32, map[*member]int{a: 11, b: 11, c: 10})
				a.leave(t)
				rest(2 * time.Second)
				shared(t, 32, map[*member]int{b: 16, c: 16})
				b.leave(t)
				c.leave(t)
				left, err := lease.Look(context.WithoutCancel(t.Context()), st, bucket, "billing")
				if err != nil || len(left.Members) != 0 || len(left.Slots) != 32 {
					t.Errorf("when all have left, %d members and %d slots are there, %v", len(left.Members), len(left.Slots), err)
				}
			})
		})
	}
}

func TestPayloadGoesWithTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(4), &worker{})
		for n := range 4 {
			if a.slot(n).Data() != nil {
				t.Errorf("a slot that nobody had has the payload %s", a.slot(n).Data())
			}
			for i := range 3 {
				if err := write(t, st, a.slot(n), fmt.Sprintf(`{"n":%d,"i":%d}`, n, i)); err != nil {
					t.Fatal(err)
				}
			}
		}
		b := join(t, st, config(4), &worker{})
		rest(3 * time.Second) // fake time
		a.leave(t)
		rest(3 * time.Second)
		for n := range 4 {
			if got, want := string(b.slot(n).Data()), fmt.Sprintf(`{"n":%d,"i":2}`, n); got != want {
				t.Errorf("slot %d came with %s, want %s", n, got, want)
			}
		}
		b.leave(t)
	})
}

func TestIdleRunOnAnExclusiveStoreWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &counting{Memory: memory.New()}
		st := newStore(t, d)
		a := join(t, st, config(32), &worker{})
		joined := d.commits.Load()
		rest(10 * time.Minute) // fake time
		if n := d.commits.Load(); n != joined {
			t.Errorf("%d commits in ten idle minutes, want none", n-joined)
		}
		if joined > 3 {
			t.Errorf("%d commits to join and take all slots, want 3 at most", joined)
		}
		a.leave(t)
		if n := d.commits.Load(); n != joined+1 {
			t.Errorf("%d commits to leave, want 1", n-joined)
		}
	})
}

// counting is still exclusive.
type counting struct {
	*memory.Memory
	commits atomic.Int64
}

func (d *counting) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	d.commits.Add(1)
	return d.Memory.Append(ctx, c)
}

var errDown = errors.New("connection refused")

// rest lets fake time pass, and what is due then happen.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
