package lease

import (
	"context"
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// Group shares the slots of one name. Make one with New. Its methods may be called at the same time.
type Group struct {
	store   *store.Store
	cfg     Config
	poke    chan struct{}
	running chan struct{} // holds one token while Run runs
	stale   string        // the member that the last run could not delete; owned by Run

	mu   sync.Mutex
	last *state // what the last look found; it does not change any more
	self string
}

// New returns a group that works in Run.
func New(st *store.Store, cfg Config) (*Group, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("lease %s: %w", cfg.Name, err)
	}
	return &Group{
		store: st, cfg: cfg.withDefaults(), poke: make(chan struct{}, 1), running: make(chan struct{}, 1), last: &state{},
	}, nil
}

// Run joins, has the worker work on the slots that it is given, and when ctx ends takes them back, leaves, and returns nil. It returns an
// error when Gained does, and when the store fails in a way that no waiting mends; see the package comment.
func (g *Group) Run(ctx context.Context, w Worker) error {
	select {
	case g.running <- struct{}{}:
		defer func() { <-g.running }()
	default:
		return fmt.Errorf("lease %s: is already running", g.cfg.Name)
	}
	if err := newRun(g, w).run(ctx); err != nil {
		return fmt.Errorf("lease %s: %w", g.cfg.Name, err)
	}
	return nil
}

// Poke makes Run look at once: when there is reason to think that something changed.
func (g *Group) Poke() {
	select {
	case g.poke <- struct{}{}:
	default:
	}
}

// View returns what the last look found; nothing while Run does not run.
func (g *Group) View() View {
	g.mu.Lock()
	last, self := g.last, g.self
	g.mu.Unlock()
	return last.view(self)
}

// Settings returns the settings that the last look found.
func (g *Group) Settings() Settings {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last.settings
}

// Members returns who the last look found, in order of id.
func (g *Group) Members() []Member { return g.View().Members }

// Slots returns what the last look found, in order of number.
func (g *Group) Slots() []SlotInfo { return g.View().Slots }

func (g *Group) show(last *state, self string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last, g.self = last, self
}

func (g *Group) slotBucket() string { return g.cfg.Bucket + slotBucket }

func (g *Group) memberBucket() string { return g.cfg.Bucket + memberBucket }
