package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

const (
	maxBytes = 4 << 20 // of data in one commit, roughly; the last schedule's go on top
	maxRow   = 100     // events of one schedule in a commit, so that one which was late for long does not hold up the others
)

// batch is a set of keys on the way to be fired.
type batch struct {
	keys    []string
	already map[event.ID]bool // events that the store has from before, so that they are not published again
}

// fire fires what the keys of the due index stand for, as much at once as goes into a commit. Keys that others keep being faster with are left
// to the next look.
func (r *run) fire(ctx context.Context, keys []string) error {
	b := &batch{keys: keys, already: map[event.ID]bool{}}
	for conflicts := 0; len(b.keys) > 0; {
		plans, rest, err := r.plan(ctx, b)
		if err != nil {
			return err
		}
		err = r.publish(plans, b)
		switch {
		case err == nil:
			b.keys, conflicts = rest, 0
		case !errors.Is(err, store.ErrConflict):
			return err
		case conflicts == maxAttempts:
			r.cfg.Logger.Warn("schedules are changed all the time; they are fired later", "count", len(b.keys), "error", err)
			r.window.done(b.keys...)
			return nil
		default:
			conflicts++
			if backoff.Sleep(ctx, pause(conflicts)) != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// plan decides what to write for the first of the keys, as many as go into a commit, and returns the rest of them.
func (r *run) plan(ctx context.Context, b *batch) (plans []*change, rest []string, err error) {
	now, room, size := r.now(), r.cfg.Batch, 0
	for i, key := range b.keys {
		if room <= 0 || size >= maxBytes {
			return plans, b.keys[i:], nil
		}
		c, err := r.planOne(ctx, key, firing{now, room, b.already})
		if err != nil {
			return nil, nil, err
		}
		if c == nil {
			r.window.done(key)
			continue
		}
		plans = append(plans, c)
		room -= max(len(c.events), 1)
		size += c.size()
	}
	return plans, nil, nil
}

// firing is what there is to know when one schedule is to be fired.
type firing struct {
	now     time.Time
	room    int // for events, in the commit
	already map[event.ID]bool
}

// size is how much data the change writes, in its events and in what is stored of the schedule.
func (c *change) size() (n int) {
	for _, e := range c.events {
		n += len(e.Data)
	}
	if c.after != nil {
		n += 2 * len(c.after.Event.Data)
	}
	return n
}

// row returns how many events of the schedule may go into a commit.
func (s *state) row(room int) int {
	return max(1, min(room, maxRow, maxBytes/max(len(s.Event.Data), 1)))
}

// planOne returns what to write for one key, nil when there is nothing to do any more.
func (r *run) planOne(ctx context.Context, key string, f firing) (*change, error) {
	_, name, _ := splitDue(key)
	item, err := r.store.Get(ctx, Bucket, name)
	if err != nil {
		return nil, err
	}
	c := &change{name: name, revision: item.Revision, keep: true, drop: key}
	if item.Revision == 0 {
		return r.ifQueued(ctx, c)
	}
	if c.before, err = parse(item); err != nil {
		r.halted(name, err)
		return r.ifQueued(ctx, c)
	}
	if c.before.Queued.IsZero() || dueKey(c.before.Queued, name) != key {
		return r.ifQueued(ctx, c)
	}
	c.keep, c.drop = false, ""
	if err := r.due(c, f); err != nil {
		return r.halt(c, err), nil
	}
	return c, nil
}

// ifQueued returns the change that takes a key out of the due index which no schedule is queued under, nil when it is out of there: somebody else
// has fired it.
func (r *run) ifQueued(ctx context.Context, c *change) (*change, error) {
	item, err := r.store.Get(ctx, DueBucket, c.drop)
	if err != nil || item.Revision == 0 {
		return nil, err
	}
	return c, nil
}

// due decides what is published, and when the schedule is due next.
func (r *run) due(c *change, f firing) error {
	s := c.before
	times, err := r.calendar(&s.Timing, s.Created)
	if err != nil {
		return err
	}
	fire, next := times.passed(s.Next, f.now, s.Misfire, r.cfg.Late, s.row(f.room))
	for _, due := range fire {
		if id := firingID(r.space, c.name, due); !f.already[id] {
			c.events = append(c.events, s.record(c.name, id, due, f.now))
		}
	}
	if next.IsZero() {
		return nil
	}
	after := *s
	after.Next = next
	if n := len(fire); n > 0 {
		after.count(len(c.events), fire[n-1], f.now)
	}
	after.queue(f.now)
	c.after = &after
	return nil
}

// halt keeps a schedule from firing, and says why.
func (r *run) halt(c *change, why error) *change {
	r.halted(c.name, why)
	after := *c.before
	after.Error = clip(why.Error())
	after.leaveQueue()
	c.events, c.after = nil, &after
	return c
}

func (r *run) halted(name string, why error) {
	r.counts.halted.Add(1)
	r.cfg.Logger.Error("schedule has halted; mend it and resume it, or cancel it", "schedule", name, "error", why)
}

// publish commits plans together. When the store refuses one of them, each is committed alone, so that only that one halts.
func (r *run) publish(plans []*change, b *batch) error {
	if len(plans) == 0 {
		return nil
	}
	err := r.commitPlans(plans, b)
	switch {
	case !refused(err):
		return err
	case len(plans) == 1:
		return r.commitPlans([]*change{r.halt(plans[0], err)}, b)
	}
	for _, c := range plans {
		if err := r.publish([]*change{c}, b); err != nil {
			return err
		}
	}
	return nil
}

// refused reports whether a commit is one that the store will never take.
func refused(err error) bool {
	return errors.Is(err, event.ErrInvalid) || errors.Is(err, store.ErrTombstone)
}

func (r *run) commitPlans(plans []*change, b *batch) error {
	var commit store.Commit
	for _, c := range plans {
		if err := c.addTo(&commit); err != nil {
			return err
		}
	}
	receipt, err := r.commit(r.committing, commit)
	if err != nil {
		return r.conflict(err, commit.Events, b)
	}
	if receipt.Repeated {
		return b.known(commit.Events)
	}
	r.counts.commits.Add(1)
	r.counts.fired.Add(uint64(len(commit.Events)))
	for _, c := range plans {
		r.window.done(c.left())
		r.written(c)
	}
	return nil
}

// left returns the key that a planned change takes out of the due index.
func (c *change) left() string {
	if c.drop != "" {
		return c.drop
	}
	return dueKey(c.before.Queued, c.name)
}

// conflict notes which event the store has from before, if that is the conflict.
func (r *run) conflict(err error, events []event.Record, b *batch) error {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok {
		return err
	}
	r.counts.conflicts.Add(1)
	if conflict.ID == "" {
		return err
	}
	for _, e := range events {
		if e.ID.String() == conflict.ID {
			b.already[e.ID] = true
			return err
		}
	}
	return fmt.Errorf("fire: %v", err)
}

// known notes events that a commit found stored, all of them, so that it wrote nothing: they fired for an earlier schedule of their name. It
// returns a conflict, so that what is left to write is.
func (b *batch) known(events []event.Record) error {
	for _, e := range events {
		b.already[e.ID] = true
	}
	return &store.ConflictError{ID: events[0].ID.String(), Want: "a new event", Got: "its first receipt"}
}
