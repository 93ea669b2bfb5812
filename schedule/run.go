package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
)

// run is one call of Run.
type run struct {
	*Scheduler
	window     *window
	space      event.ID
	committing context.Context // ends some time after the run is told to stop
}

// Run fires schedules when they are due until ctx ends, and then returns nil; or until the store fails, with its error. It may be called again,
// but not twice at the same time.
func (s *Scheduler) Run(ctx context.Context) error {
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
	default:
		return errors.New("scheduler: is already running")
	}
	err := s.run(ctx)
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return fmt.Errorf("scheduler: %w", err)
}

func (s *Scheduler) run(ctx context.Context) error {
	space, err := s.namespace(ctx)
	if err != nil {
		return err
	}
	committing, release := task.Outlive(ctx, s.cfg.StopTimeout)
	defer release()
	r := &run{Scheduler: s, window: s.newWindow(), space: space, committing: committing}
	s.window.Store(r.window)
	defer s.window.Store(nil)
	work, inner := task.New(ctx)
	work.Go(func() error { return r.look(inner) })
	work.Go(func() error { return r.fireDue(inner) })
	return work.Wait()
}

// ahead is how long before it is due a schedule is taken into memory: long enough for the look before to have seen it.
func (s *Scheduler) ahead() time.Duration { return 2 * s.cfg.Poll }

// Every so often the due index is read from its very beginning. In between it is read from a minute before the last look: all that is older has
// been seen, since schedules enter it with times that are to come, and the clocks of two machines differ by less. Reading from
// the beginning would pass all that has been fired since the store last tidied up, each time.
const (
	readWhole = 10 * time.Second
	overlap   = time.Minute
)

// sweep is one reading of the due index, in as many parts as the window takes.
type sweep struct {
	begun time.Time
	at    string // where to go on; empty between two sweeps
	from  string // where the next one begins
	whole time.Time
}

// look takes what is due soon from the store into the window.
func (r *run) look(ctx context.Context) error {
	var s sweep
	for {
		if err := r.load(ctx, &s); err != nil {
			return task.Ended(ctx, err)
		}
		var room <-chan struct{}
		if s.at != "" {
			room = r.window.room
		}
		timer := time.NewTimer(r.cfg.Poll)
		select {
		case <-timer.C:
		case <-room:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// load goes on with a sweep until it has ended or the window is full.
func (r *run) load(ctx context.Context, s *sweep) error {
	now := r.now()
	if s.at == "" {
		s.begin(now)
	}
	for item, err := range r.store.List(ctx, DueBucket, s.at, dueTime(now.Add(r.ahead()))+"0") {
		if err != nil {
			return err
		}
		if !r.window.add(item.Key) {
			s.at = item.Key
			return nil
		}
	}
	s.at, s.from = "", dueTime(s.begun.Add(-overlap))
	return nil
}

func (s *sweep) begin(now time.Time) {
	s.begun, s.at = now, s.from
	if since := now.Sub(s.whole); since < 0 || since >= readWhole || s.at == "" {
		s.whole, s.at = now, dueTime(earliest)
	}
}

// fireDue fires what is due, as soon as it is.
func (r *run) fireDue(ctx context.Context) error {
	for r.window.queue.Wait(ctx) == nil {
		if err := r.round(ctx); err != nil {
			return task.Ended(ctx, err)
		}
	}
	return nil
}

func (r *run) round(ctx context.Context) error {
	r.rounds.begin()
	defer r.rounds.end()
	return r.fire(ctx, r.window.queue.Take(r.cfg.Batch))
}
