package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// maxPending is how many records a run reads ahead of the oldest that is not done. It bounds what a run holds in memory.
const maxPending = 16_384

// saveEvery is how many positions without a record for this consumer are passed before that alone is worth a save.
const saveEvery = 1000

// run is one call of Run.
type run struct {
	*Consumer
	filters    []store.Filter // what the store is asked for
	checkpoint checkpoint
	board      *board
	work       *task.Group     // all goroutines of the run
	handling   context.Context // what handlers work with: ends some time after the run is told to stop
}

// Run handles records until ctx ends, and then returns nil; or until something stops it: a *HaltError, ErrTaken, or the store's
// error. It may be called again.
func (c *Consumer) Run(ctx context.Context) error {
	select {
	case c.running <- struct{}{}:
		defer func() { <-c.running }()
	default:
		return fmt.Errorf("consumer %s: is already running", c.name)
	}
	r, err := c.start(ctx)
	if err != nil {
		return c.outcome(ctx, err)
	}
	work, inner := task.New(ctx)
	handling, release := outlive(inner, c.cfg.StopTimeout)
	defer release()
	r.work, r.handling = work, handling
	work.Go(func() error { return r.read(inner) })
	work.Go(func() error { return r.saveProgress(inner) })
	for range r.cfg.Workers {
		work.Go(func() error { return r.handleReady(inner) })
	}
	err = work.Wait()
	if !errors.Is(err, ErrTaken) {
		err = errors.Join(err, r.saveLast(ctx))
	}
	return c.outcome(ctx, err)
}

// outcome names the consumer, and turns the end that the caller asked for into nil.
func (c *Consumer) outcome(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	if halt := (*HaltError)(nil); errors.As(err, &halt) {
		return err
	}
	return fmt.Errorf("consumer %s: %w", c.name, err)
}

func (c *Consumer) start(ctx context.Context) (*run, error) {
	filters, err := c.routes.storeFilters(c.store.Registry())
	if err != nil {
		return nil, err
	}
	saved, err := loadCheckpoint(ctx, c.store, c.name)
	if err != nil {
		return nil, err
	}
	if saved.revision == 0 && c.cfg.From == FromNow {
		head, err := c.store.Head(ctx)
		if err != nil {
			return nil, err
		}
		if err := saved.save(ctx, c.store, c.name, head); err != nil {
			return nil, err
		}
	}
	c.progress.reset(saved.Position)
	return &run{Consumer: c, filters: filters, checkpoint: saved, board: newBoard(maxPending)}, nil
}

// outlive returns a context that ends a while after ctx does, or when release is called, which waits for its goroutine.
func outlive(ctx context.Context, by time.Duration) (longer context.Context, release func()) {
	// Handlers under way when the run is stopped may finish; that is why they do not get ctx itself.
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			_ = backoff.Sleep(longer, by) // cut short by release
			cancel()
		case <-longer.Done():
		}
	}()
	return longer, func() { cancel(); <-ended }
}

// read hands records to the board until ctx ends.
func (r *run) read(ctx context.Context) error {
	after := r.checkpoint.Position
	for {
		head, err := r.store.Wait(ctx, after)
		if err != nil {
			return ended(ctx, err)
		}
		q := store.Query{Any: r.filters, After: after, Before: head + 1}
		for rec, err := range r.store.Read(ctx, q) {
			if err != nil {
				return ended(ctx, err)
			}
			if err := r.dispatch(ctx, rec); err != nil {
				return ended(ctx, err)
			}
		}
		r.progress.reached(head)
		after = head
	}
}

// ended turns the error of a run that was told to stop into nil.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *run) dispatch(ctx context.Context, rec event.Record) error {
	if err := r.progress.room(ctx, maxPending); err != nil {
		return err
	}
	r.board.add(r.cfg.Key(&rec), job{record: rec, ticket: r.progress.begin(rec.Position)})
	return nil
}

func (r *run) handleReady(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-r.board.ready:
			if ctx.Err() != nil {
				return nil
			}
			if err := r.handle(ctx, l); err != nil {
				return err
			}
		}
	}
}

// handle calls the handler for a lane's front job. When it fails, the lane waits, and this worker does not.
func (r *run) handle(ctx context.Context, l *lane) error {
	j := r.board.front(l)
	err := r.call(j.record, l.attempts+1)
	if err == nil {
		r.finish(l, j)
		return nil
	}
	if ctx.Err() != nil {
		return nil // it is handled again by the next run
	}
	l.attempts++
	wait, again := r.cfg.Retry.Delay(err, l.attempts)
	if !again {
		return r.spent(l, j, err)
	}
	r.log(j.record, "handler failed, will try again", err, "attempt", l.attempts, "wait", wait)
	r.tellRetry(j.record, l.attempts, wait, err)
	r.work.Go(func() error {
		if backoff.Sleep(ctx, wait) == nil {
			r.board.again(l)
		}
		return nil
	})
	return nil
}

func (r *run) finish(l *lane, j job) {
	r.board.done(l)
	r.progress.finish(j.ticket)
}

func (r *run) spent(l *lane, j job, err error) error {
	r.tellDeadLetter(j.record, l.attempts, err)
	if r.cfg.Spent == Halt {
		return &HaltError{Consumer: "consumer " + r.name, Record: j.record, Attempts: l.attempts, Err: err}
	}
	r.log(j.record, "handler failed, record skipped", err, "attempt", l.attempts)
	r.finish(l, j)
	return nil
}

func (r *run) log(rec event.Record, message string, err error, args ...any) {
	args = append(args, "error", err)
	if panicked, ok := errors.AsType[*middleware.PanicError](err); ok {
		args = append(args, "stack", string(panicked.Stack))
	}
	r.cfg.Logger.With("consumer", r.name, "type", rec.Type, "stream", rec.Stream, "position", rec.Position,
		"id", rec.ID, "correlation", rec.CorrelationID).Warn(message, args...)
}

// saveProgress saves the checkpoint whenever it moved, one save after the other: while one is under way, progress gathers.
func (r *run) saveProgress(ctx context.Context) error {
	var savedHandled uint64
	for {
		done, handled, changed := r.progress.state()
		if handled > savedHandled || done >= r.checkpoint.Position+saveEvery {
			// Not with ctx: a save cut short may have happened all the same, and then the next one would look like another run's.
			if err := r.checkpoint.save(r.handling, r.store, r.name, done); err != nil {
				return err
			}
			savedHandled = handled
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// saveLast saves what was done until the run ended, even though ctx may have.
func (r *run) saveLast(ctx context.Context) error {
	done, _, _ := r.progress.state()
	if done == r.checkpoint.Position {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.StopTimeout)
	defer cancel()
	return r.checkpoint.save(ctx, r.store, r.name, done)
}
