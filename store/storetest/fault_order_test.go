package storetest_test

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// outOfOrder makes what a commit wrote readable a little later, when larger positions may be readable already.
type outOfOrder struct {
	store.Driver
	mu     sync.Mutex
	hidden map[store.Position]bool
}

func (d *outOfOrder) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	d.mu.Lock()
	r, err := d.Driver.Append(ctx, c)
	d.set(r, true)
	d.mu.Unlock()
	<-time.After(2 * time.Millisecond)
	d.mu.Lock()
	d.set(r, false)
	d.mu.Unlock()
	return r, err
}

func (d *outOfOrder) set(r store.Receipt, hidden bool) {
	for p := r.First; p > 0 && p <= r.Last; p++ {
		d.hidden[p] = hidden
	}
}

func (d *outOfOrder) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range d.Driver.Read(ctx, q) {
			d.mu.Lock()
			hidden := d.hidden[r.Position]
			d.mu.Unlock()
			if !hidden && !yield(r, err) {
				return
			}
		}
	}
}
