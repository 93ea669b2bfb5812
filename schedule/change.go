package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// change is what becomes of one schedule: what is stored under its name, its place in the due index, and what it fires, in one commit.
type change struct {
	name     string
	revision uint64 // that the schedule was read at, 0 when there was none
	before   *state // nil when there was none, or it could not be read
	after    *state // nil when there is to be none
	keep     bool   // what is stored under the name stays as it is, since it cannot be read
	drop     string // a key of the due index that goes, when that is not before's
	events   []event.Record
}

// addTo puts the change into a commit, on the condition that the schedule is as it was read.
func (c *change) addTo(commit *store.Commit) error {
	commit.Conditions = append(commit.Conditions, store.ItemAt(Bucket, c.name, c.revision))
	commit.Events = append(commit.Events, c.events...)
	if err := c.addState(commit); err != nil {
		return err
	}
	enters := c.after != nil && !c.after.Queued.IsZero()
	entered, left := "", c.drop
	if enters {
		entered = dueKey(c.after.Queued, c.name)
		commit.Items = append(commit.Items, store.Put(DueBucket, entered, nil))
	}
	if left == "" && c.before != nil && !c.before.Queued.IsZero() {
		left = dueKey(c.before.Queued, c.name)
	}
	if left != "" && left != entered {
		commit.Items = append(commit.Items, store.Delete(DueBucket, left))
	}
	return nil
}

func (c *change) addState(commit *store.Commit) error {
	switch {
	case c.keep:
	case c.after == nil:
		commit.Items = append(commit.Items, store.Delete(Bucket, c.name))
	default:
		value, err := json.Marshal(c.after)
		if err != nil {
			return fmt.Errorf("schedule %q: %w", c.name, err)
		}
		commit.Items = append(commit.Items, store.Put(Bucket, c.name, value))
	}
	return nil
}

// errUnchanged ends a change that has nothing to do.
var errUnchanged = errors.New("nothing to change")

// maxAttempts is how often a change is tried while others change the same.
const maxAttempts = 20

// change reads a schedule, has decide make something else of it, and writes that; all of it again when somebody else was faster. decide gets
// nil when there is no schedule, or why it cannot be read.
func (s *Scheduler) change(ctx context.Context, name string, decide func(c *change, unreadable error) error) (*change, store.Receipt, error) {
	if err := event.CheckName("schedule name", name); err != nil {
		return nil, store.Receipt{}, err
	}
	for attempt := 1; ; attempt++ {
		c, receipt, err := s.changeOnce(ctx, name, decide)
		if !errors.Is(err, store.ErrConflict) || attempt == maxAttempts {
			return c, receipt, named(name, err)
		}
		if err := backoff.Sleep(ctx, pause(attempt)); err != nil {
			return nil, store.Receipt{}, named(name, err)
		}
	}
}

func (s *Scheduler) changeOnce(ctx context.Context, name string, decide func(c *change, unreadable error) error) (*change, store.Receipt, error) {
	item, err := s.store.Get(ctx, Bucket, name)
	if err != nil {
		return nil, store.Receipt{}, err
	}
	c := &change{name: name, revision: item.Revision}
	var unreadable error
	if item.Revision > 0 {
		c.before, unreadable = parse(item)
	}
	if err := decide(c, unreadable); err != nil {
		if errors.Is(err, errUnchanged) {
			return c, store.Receipt{}, nil
		}
		return nil, store.Receipt{}, err
	}
	var commit store.Commit
	if err := c.addTo(&commit); err != nil {
		return nil, store.Receipt{}, err
	}
	receipt, err := s.commit(ctx, commit)
	if receipt.Repeated || published(err) {
		commit.Events = nil
		_, err = s.store.Commit(ctx, commit)
	}
	if err != nil {
		return nil, store.Receipt{}, err
	}
	s.written(c)
	return c, receipt, nil
}

// published reports whether a commit was refused since its event is stored: an earlier schedule of the name has fired for the same time.
func published(err error) bool {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	return ok && conflict.ID != ""
}

// written tells the running scheduler what is due soon.
func (s *Scheduler) written(c *change) {
	w := s.window.Load()
	if w == nil || c.after == nil || c.after.Queued.IsZero() {
		return
	}
	if !c.after.Queued.After(s.now().Add(s.ahead())) {
		w.add(dueKey(c.after.Queued, c.name))
	}
}

// named says which schedule an error is about.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("schedule %q: %w", clip(name), err)
}
