package storetest_test

import (
	"context"
	"iter"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// outOfOrder makes what its first commit wrote readable only once a reader was given a larger position.
type outOfOrder struct {
	store.Driver
	mu     sync.Mutex
	late   store.Receipt // of the first commit
	passed chan struct{} // closed when a reader got more than late
}

func newOutOfOrder(d store.Driver) *outOfOrder {
	return &outOfOrder{Driver: d, passed: make(chan struct{})}
}

func (d *outOfOrder) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	d.mu.Lock()
	r, err := d.Driver.Append(ctx, c)
	first := err == nil && d.late.Last == 0 && r.Last > 0
	if first {
		d.late = r
	}
	d.mu.Unlock()
	if first {
		select {
		case <-d.passed:
		case <-ctx.Done():
		}
	}
	return r, err
}

func (d *outOfOrder) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range d.Driver.Read(ctx, q) {
			if !d.hides(r.Position) && !yield(r, err) {
				return
			}
		}
	}
}

// hides reports whether a record cannot be read yet, and takes note of one past the late ones.
func (d *outOfOrder) hides(p store.Position) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.passed:
		return false
	default:
	}
	if d.late.Last > 0 && p > d.late.Last {
		close(d.passed)
	}
	return p >= d.late.First && p <= d.late.Last
}
