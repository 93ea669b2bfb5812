package oxbow

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/store"
)

// Worker is what Run runs: a *consumer.Consumer, a *projection.Projection or a *schedule.Scheduler.
type Worker interface {
	Name() string
	Run(ctx context.Context) error
	WaitFor(ctx context.Context, position store.Position) error
}

// running is one call of Run. ended is done when it has returned, with what it returned as the cause.
type running struct {
	ended context.Context
	end   context.CancelCauseFunc
}

var errStopped = errors.New("the app has stopped")

// Run runs the consumers, projections and schedules, and purges the idempotency keys of commands that have expired, until ctx ends, and then
// returns nil; or until one fails, which ends the others too. It can be called once.
func (a *App) Run(ctx context.Context) error {
	r, workers, err := a.begin()
	if err != nil {
		return err
	}
	work, inner := task.New(ctx)
	work.Go(func() error { <-inner.Done(); return nil }) // without a worker, Run still lasts as long as ctx
	for _, w := range workers {
		work.Go(func() error { return w.Run(inner) })
	}
	if len(a.commands.Types()) > 0 {
		work.Go(func() error { return a.commands.Run(inner) })
	}
	err = work.Wait()
	r.end(errors.Join(errStopped, err))
	return err
}

// RunWhile runs the app while fn does, for programs and tests that end by themselves: fn publishes, and returns what Settle returns.
// The error is fn's and Run's.
func (a *App) RunWhile(ctx context.Context, fn func(ctx context.Context) error) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	err := fn(ctx)
	stop()
	failure := <-ended
	if errors.Is(err, errStopped) {
		return failure // which is what fn was told
	}
	return errors.Join(err, failure)
}

func (a *App) begin() (*running, []Worker, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mistake != nil {
		return nil, nil, a.mistake
	}
	if a.run != nil {
		return nil, nil, errors.New("app: Run was called before; make a new App to run again")
	}
	ended, end := context.WithCancelCause(context.Background())
	a.run = &running{ended, end}
	close(a.begun)
	return a.run, a.workers, nil
}

// Settle returns when everything published so far, and everything that was published because of it, has been handled: by
// consumers, projections, and the queues of subscriptions; of schedules, what was due. A record that was parked as a dead letter counts as
// handled. It waits for Run to begin, and returns Run's error if that ends first.
func (a *App) Settle(ctx context.Context) error {
	select {
	case <-a.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(a.run.ended, func() { cancel(context.Cause(a.run.ended)) })()
	err := a.settle(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return fmt.Errorf("settle: %w", context.Cause(waiting))
	}
	return err
}

// settle waits for everybody to reach the head, until that has not moved meanwhile.
func (a *App) settle(ctx context.Context) error {
	for {
		head, err := a.store.Head(ctx)
		if err != nil {
			return err
		}
		for _, w := range a.workers {
			if err := w.WaitFor(ctx, head); err != nil {
				return err
			}
		}
		if err := a.bus.Idle(ctx); err != nil {
			return err
		}
		after, err := a.store.Head(ctx)
		if err != nil || after == head {
			return err
		}
	}
}
