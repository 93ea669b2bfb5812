package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/due"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// run is one call of Run.
type run struct {
	*Consumer
	filters   []store.Filter // what the store is asked for
	shared    shared
	board     *board
	retries   *due.Queue[*lane] // lanes whose front job waits for its next attempt
	committer *committer
	group     *task.Group     // all goroutines of the run
	handling  context.Context // what handlers work with: ends some time after the run is told to stop
	failed    chan error      // has what ends the run
	look      chan struct{}   // has a token when there may be keys to redrive

	mu     sync.Mutex
	leases *lease.Group // nil until it is prepared
	slots  map[*lease.Slot]*slot
}

// Run handles records until ctx ends, and then returns nil; or until something stops it: a *HaltError, a *LimitError, or the store's
// error. It may be called again, and at the same time by other processes and by other consumers of the same name: they share the work.
func (c *Consumer) Run(ctx context.Context) error {
	r := &run{
		Consumer: c, board: newBoard(&c.cfg), retries: due.New[*lane](), slots: map[*lease.Slot]*slot{},
		failed: make(chan error, 1), look: make(chan struct{}, 1),
	}
	if err := c.enter(r); err != nil {
		return err
	}
	defer c.leave()
	return c.outcome(ctx, r.work(ctx))
}

// outcome names the consumer, and turns the end that the caller asked for into nil.
func (c *Consumer) outcome(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	_, halted := errors.AsType[*HaltError](err)
	if _, limited := errors.AsType[*LimitError](err); halted || limited {
		return err
	}
	return fmt.Errorf("consumer %s: %w", c.name, err)
}

// work prepares, and then runs the goroutines: those that bring work end with ctx or the first failure, then the leases give the slots
// back, and then those end that work.
func (r *run) work(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	group, inner := task.New(ctx)
	handling, release := task.Outlive(inner, r.cfg.StopTimeout)
	defer release()
	saving, releaseSaving := task.Outlive(handling, r.cfg.StopTimeout)
	defer releaseSaving()
	r.group, r.handling = group, handling
	r.committer = newCommitter(r)
	defer context.AfterFunc(inner, r.board.halt)()
	group.Go(func() error { return r.awaitFailure(inner) })
	group.Go(func() error { return r.read(inner) })
	group.Go(func() error { r.retries.Run(inner, r.board.again); return nil })
	group.Go(func() error { return r.redriveAsked(inner) })
	group.Go(func() error {
		defer r.board.close()
		return r.leases.Run(inner, r)
	})
	var workers sync.WaitGroup
	for range r.cfg.Workers {
		workers.Add(1)
		group.Go(func() error {
			defer workers.Done()
			return r.handleReady()
		})
	}
	group.Go(func() error {
		workers.Wait()
		r.committer.close()
		return nil
	})
	group.Go(func() error { return r.committer.loop(saving) })
	return group.Wait()
}

// prepare finds out what all runs share, and decides it if this is the first.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.filters, err = r.routes.storeFilters(r.store.Registry()); err != nil {
		return err
	}
	settings, ok, err := r.loadSettings(ctx)
	if err == nil && !ok {
		settings, err = r.settle(ctx)
	}
	if err != nil {
		return err
	}
	if r.shared, err = decodeShared(r.name, settings); err != nil {
		return err
	}
	r.board.share(settings.Slots)
	leases, err := lease.New(r.store, lease.Config{
		Bucket: Bucket, Name: r.name, Slots: r.cfg.Slots, TTL: r.cfg.Lease, Logger: r.cfg.Logger,
		Settings: func(s lease.Settings) { r.board.pause(s.Paused) },
	})
	r.mu.Lock()
	r.leases = leases
	r.mu.Unlock()
	return err
}

// settle decides, for all runs to come, where the consumer begins and how many slots it has.
func (r *run) settle(ctx context.Context) (lease.Settings, error) {
	position, err := r.cfg.From.position(ctx, r.store)
	if err != nil {
		return lease.Settings{}, err
	}
	data, err := json.Marshal(shared{Start: position})
	if err != nil {
		return lease.Settings{}, err
	}
	return lease.ChangeSettings(ctx, r.store, Bucket, r.name, func(s *lease.Settings) error {
		s.Slots = cmp.Or(s.Slots, r.cfg.Slots)
		if s.Data == nil {
			s.Data = data
		}
		return nil
	})
}

// fail ends the run.
func (r *run) fail(err error) {
	select {
	case r.failed <- err:
	default: // it ends already
	}
}

func (r *run) awaitFailure(ctx context.Context) error {
	select {
	case err := <-r.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (r *run) log(rec *event.Record, message string, err error, args ...any) {
	args = append(args, "error", err)
	if panicked, ok := errors.AsType[*middleware.PanicError](err); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	r.cfg.Logger.With("consumer", r.name, "type", rec.Type, "stream", rec.Stream, "position", rec.Position,
		"id", rec.ID, "correlation", rec.CorrelationID).Warn(message, args...)
}
