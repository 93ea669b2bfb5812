package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Scheduler keeps schedules in a store and, while Run runs, fires them. Make one with New. Its methods may be called at the same time, and
// any number of schedulers, in one process or several, may share a store.
type Scheduler struct {
	store   *store.Store
	cfg     Config
	running chan struct{}          // holds one token while Run runs
	window  atomic.Pointer[window] // nil while Run does not run
	space   atomic.Pointer[event.ID]
	rounds  rounds
	counts  counts

	mu    sync.Mutex
	zones map[string]*time.Location // those that were loaded
}

// New returns a scheduler for the schedules of a store. It starts nothing: schedules fire while Run runs, be it this scheduler's or another's.
func New(st *store.Store, cfg Config) (*Scheduler, error) {
	if st == nil {
		return nil, fmt.Errorf("scheduler: %w", event.Invalid("store", "is missing"))
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("scheduler: %w", err)
	}
	return &Scheduler{
		store: st, cfg: cfg.withDefaults(st), running: make(chan struct{}, 1),
		rounds: rounds{over: make(chan struct{})}, zones: map[string]*time.Location{},
	}, nil
}

// Name returns "schedules": a store has one set of them.
func (s *Scheduler) Name() string { return "schedules" }

// now returns the time on the wall, in UTC and without a monotonic reading.
func (s *Scheduler) now() time.Time { return s.cfg.Now().UTC().Round(0) }

// zone returns a time zone by its name; none is UTC.
func (s *Scheduler) zone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if name == "Local" {
		return nil, event.Invalid("time zone", `is "Local", which is another one on another machine; name it, as in Europe/Berlin`)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := s.zones[name]; in != nil {
		return in, nil
	}
	in, err := time.LoadLocation(name)
	if err != nil {
		return nil, event.Invalid("time zone", "%q is not known here; write it as Europe/Berlin, and import time/tzdata if the machine has no zones", clip(name))
	}
	s.zones[name] = in
	return in, nil
}

// namespaceKey is the item that makes the ids of one store's firings others than those of another's.
const namespaceKey = "namespace"

// namespace returns what the ids of this store's firings are derived from.
func (s *Scheduler) namespace(ctx context.Context) (event.ID, error) {
	if known := s.space.Load(); known != nil {
		return *known, nil
	}
	item, err := s.store.Get(ctx, metaBucket, namespaceKey)
	if err != nil {
		return event.ID{}, err
	}
	if item.Revision == 0 {
		return s.newNamespace(ctx)
	}
	var id event.ID
	if err := id.UnmarshalText(item.Value); err != nil || id.IsZero() {
		return event.ID{}, fmt.Errorf("item %q in %q is no id", namespaceKey, metaBucket)
	}
	s.space.Store(&id)
	return id, nil
}

func (s *Scheduler) newNamespace(ctx context.Context) (event.ID, error) {
	text, _ := event.NewID().MarshalText() // which never fails
	_, err := s.store.Commit(ctx, store.Commit{
		Items:      []store.ItemWrite{store.Put(metaBucket, namespaceKey, text)},
		Conditions: []store.Condition{store.ItemAt(metaBucket, namespaceKey, 0)},
	})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return event.ID{}, err
	}
	return s.namespace(ctx)
}

// commit writes a commit, by the committer if it has events. What fails after the commit is logged.
func (s *Scheduler) commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if len(c.Events) == 0 {
		return s.store.Commit(ctx, c)
	}
	receipt, err := s.cfg.Committer.Commit(ctx, c)
	if err != nil && receipt.Durability != 0 {
		s.cfg.Logger.Warn("schedules have fired, but what followed failed", "position", receipt.First, "events", len(c.Events), "error", err)
		err = nil
	}
	return receipt, err
}
