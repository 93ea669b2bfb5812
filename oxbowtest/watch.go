package oxbowtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
)

// watch is a hook that notes what consumers are busy with, and tells another one.
type watch struct {
	consumer.Hook // nil when there is no other

	mu   sync.Mutex
	busy map[string]map[event.ID]*occupation // by consumer
}

// occupation is what a consumer does about one record.
type occupation struct {
	record  event.Record
	attempt int
	since   time.Time
	failed  error // of the attempt; nil while it runs
	again   time.Time
}

func newWatch(other consumer.Hook) *watch {
	return &watch{Hook: other, busy: map[string]map[event.ID]*occupation{}}
}

// Handle notes that an attempt runs.
func (w *watch) Handle(ctx context.Context, name string, r *event.Record, attempt int) (context.Context, func(error)) {
	w.note(name, &occupation{record: *r, attempt: attempt, since: time.Now()})
	id, done := r.ID, func(error) {}
	if w.Hook != nil {
		var other func(error)
		if ctx, other = w.Hook.Handle(ctx, name, r, attempt); other != nil {
			done = other
		}
	}
	return ctx, func(err error) {
		w.over(name, id, err)
		done(err)
	}
}

// Retry notes when the next attempt is to be.
func (w *watch) Retry(ctx context.Context, name string, r *event.Record, attempt int, after time.Duration, err error) {
	now := time.Now()
	w.note(name, &occupation{record: *r, attempt: attempt, since: now, failed: err, again: now.Add(after)})
	if w.Hook != nil {
		w.Hook.Retry(ctx, name, r, attempt, after, err)
	}
}

// DeadLetter passes on what it is told.
func (w *watch) DeadLetter(ctx context.Context, name string, r *event.Record, attempts int, err error) {
	if w.Hook != nil {
		w.Hook.DeadLetter(ctx, name, r, attempts, err)
	}
}

func (w *watch) note(name string, o *occupation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[name] == nil {
		w.busy[name] = map[event.ID]*occupation{}
	}
	w.busy[name][o.record.ID] = o
}

// over notes that an attempt has ended. One that failed is noted by Retry, if there is to be another.
func (w *watch) over(name string, id event.ID, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.busy[name], id)
}

// tell adds what is known about somebody who is behind: the oldest record that is being dealt with.
func (w *watch) tell(name string, b *Behind) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var oldest *occupation
	for _, o := range w.busy[name] {
		if oldest == nil || o.record.Position < oldest.record.Position {
			oldest = o
		}
	}
	if oldest == nil {
		return
	}
	b.Next = &oldest.record
	if b.Doing = oldest.String(); len(w.busy[name]) > 1 {
		b.Doing += fmt.Sprintf(" (and %s like it)", count(len(w.busy[name])-1, "other record"))
	}
}

func (o *occupation) String() string {
	if o.failed == nil {
		return fmt.Sprintf("attempt %d has been running for %v", o.attempt, time.Since(o.since).Round(time.Millisecond))
	}
	return fmt.Sprintf("attempt %d failed: %v; the next is in %v", o.attempt, o.failed, time.Until(o.again).Round(time.Millisecond))
}
