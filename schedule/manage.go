package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Cancel ends a schedule: nothing of it fires that has not fired by then. ErrNotFound says that there is none.
func (s *Scheduler) Cancel(ctx context.Context, name string) error {
	_, _, err := s.change(ctx, name, func(c *change, _ error) error {
		if c.revision == 0 {
			return ErrNotFound
		}
		return nil
	})
	return err
}

// Pause keeps a schedule from firing until it is resumed, also when it was halted. Pausing twice is fine.
func (s *Scheduler) Pause(ctx context.Context, name string) error {
	return s.edit(ctx, name, func(st *state) error {
		if st.Paused {
			return errUnchanged
		}
		st.Paused = true
		st.leaveQueue()
		return nil
	})
}

// Resume has a paused or halted schedule go on. What was due meanwhile is not fired; but one that fires once, and was due meanwhile, fires
// at once, unless its policy is to skip. Resuming one that waits is fine.
func (s *Scheduler) Resume(ctx context.Context, name string) error {
	return s.edit(ctx, name, func(st *state) error {
		if !st.Paused && st.Error == "" {
			return errUnchanged
		}
		now := s.now()
		times, err := s.calendar(&st.Timing, st.Created)
		if err != nil {
			return err
		}
		if times.recurs() && st.Next.Before(now) {
			if st.Next = times.next(now); st.Next.IsZero() {
				return event.Invalid("timing", "%s is never due again; cancel it", &st.Timing)
			}
		}
		st.Paused, st.Error = false, ""
		st.queue(now)
		return nil
	})
}

// edit changes what is stored of a schedule.
func (s *Scheduler) edit(ctx context.Context, name string, edit func(st *state) error) error {
	_, _, err := s.change(ctx, name, func(c *change, unreadable error) error {
		if err := c.readable(unreadable); err != nil {
			return err
		}
		edited := *c.before
		c.after = &edited
		return edit(c.after)
	})
	return err
}

func (c *change) readable(unreadable error) error {
	switch {
	case c.revision == 0:
		return ErrNotFound
	case unreadable != nil:
		return fmt.Errorf("%w; cancel it, or replace it", unreadable)
	}
	return nil
}

// RunNow fires a schedule now, also one that is paused or halted. One that fires once is gone then; one that recurs keeps its times, and this is one
// more, due now.
func (s *Scheduler) RunNow(ctx context.Context, name string) (store.Receipt, error) {
	space, err := s.namespace(ctx)
	if err != nil {
		return store.Receipt{}, named(name, err)
	}
	_, receipt, err := s.change(ctx, name, func(c *change, unreadable error) error {
		if err := c.readable(unreadable); err != nil {
			return err
		}
		times, err := s.calendar(&c.before.Timing, c.before.Created)
		if err != nil {
			return err
		}
		c.runNow(space, times.recurs(), s.now())
		return nil
	})
	return receipt, err
}

func (c *change) runNow(space event.ID, recurs bool, now time.Time) {
	due, id := c.before.Next, firingID(space, c.name, c.before.Next)
	if recurs {
		due, id = now, event.NewID()
		edited := *c.before
		edited.count(1, due, now)
		c.after = &edited
	}
	c.events = []event.Record{c.before.record(c.name, id, due, now)}
}

// count notes that events were published.
func (s *state) count(events int, due, now time.Time) {
	s.Fired += uint64(events)
	s.LastDue, s.LastFired = due, now
}
