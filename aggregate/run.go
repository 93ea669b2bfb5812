package aggregate

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Run takes the snapshots that are due, away from those who execute commands, until ctx ends, and then returns nil. One that cannot be
// taken is logged, and tried again when the aggregate is next used. Without Run, and without calls of Snapshot, none are taken.
func (r *Repository[S, C]) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.due.some:
		}
		for _, id := range r.due.take() {
			if err := r.trySnapshot(ctx, id); err != nil && ctx.Err() == nil {
				r.cfg.Logger.Warn("snapshot not taken", "stream", r.Stream(id), "error", err)
			}
		}
	}
}

// trySnapshot is Snapshot for a goroutine that must live on.
func (r *Repository[S, C]) trySnapshot(ctx context.Context, id string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.Snapshot(ctx, id)
}

// noteDue leaves word for Run when the aggregate needs a snapshot.
func (r *Repository[S, C]) noteDue(id string, h *history[S]) {
	if r.cfg.Snapshots.due(h.events, h.oldest) {
		r.due.note(id)
	}
}

func (s Snapshots) enabled() bool { return s.Every > 0 || s.Age > 0 }

// due reports whether so many events, of which the first happened then, are enough for a snapshot.
func (s Snapshots) due(events uint64, oldest time.Time) bool {
	if events == 0 {
		return false
	}
	return s.Every > 0 && events >= uint64(s.Every) || s.Age > 0 && time.Since(oldest) >= s.Age
}

// maxDue bounds the ids that wait for Run. One that finds no room is noted when the aggregate is next used.
const maxDue = 1024

// due is the ids of the aggregates that wait for a snapshot.
type due struct {
	some chan struct{} // holds a token when there are any

	mu  sync.Mutex
	ids map[string]bool
}

func newDue() *due { return &due{some: make(chan struct{}, 1), ids: map[string]bool{}} }

func (d *due) note(id string) {
	d.mu.Lock()
	if len(d.ids) < maxDue {
		d.ids[id] = true
	}
	d.mu.Unlock()
	select {
	case d.some <- struct{}{}:
	default:
	}
}

// take returns the ids, and forgets them.
func (d *due) take() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.ids {
		ids = append(ids, id)
	}
	clear(d.ids)
	return ids
}
