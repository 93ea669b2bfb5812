package consumer

import (
	"context"
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// Consumer calls handlers for a store's records. Make one with New. Its methods may be called at the same time.
type Consumer struct {
	name   string
	store  *store.Store
	cfg    Config
	routes routes

	mu      sync.Mutex
	run     *run          // nil while Run does not run
	changed chan struct{} // closed and replaced when run changes
}

// New returns a consumer that begins to work in Run. Its name is its identity: the checkpoint is kept under it.
func New(st *store.Store, name string, cfg Config, handlers ...Handler) (*Consumer, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	routes, err := newRoutes(st.Registry(), &cfg, handlers)
	if err == nil {
		_, err = routes.storeFilters(st.Registry())
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", name, err)
	}
	return &Consumer{name: name, store: st, cfg: cfg.withDefaults(st), routes: routes, changed: make(chan struct{})}, nil
}

// Name returns the consumer's name.
func (c *Consumer) Name() string { return c.name }

// enter makes r the consumer's run, unless there is one.
func (c *Consumer) enter(r *run) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		return fmt.Errorf("consumer %s: is already running", c.name)
	}
	c.runIs(r)
	return nil
}

func (c *Consumer) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runIs(nil)
}

func (c *Consumer) runIs(r *run) {
	c.run = r
	close(c.changed)
	c.changed = make(chan struct{})
}

// current returns the run, nil when there is none, and a channel that is closed when that changes.
func (c *Consumer) current() (*run, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run, c.changed
}

// commit writes with the configured committer. What fails after a commit has happened is logged: nobody can undo it.
func (c *Consumer) commit(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	receipt, err := c.cfg.Committer.Commit(ctx, commit)
	if err != nil && receipt.Durability != 0 {
		c.cfg.Logger.With("consumer", c.name).Error("committed, but what follows from it failed", "position", receipt.First, "error", err)
		return receipt, nil
	}
	return receipt, err
}
