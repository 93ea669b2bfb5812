package consumer

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// progress tracks which records are done, out of order, and up to where all of them are.
type progress struct {
	mu      sync.Mutex
	pending []tracked      // in order of position; the front is the oldest that is not done
	base    uint64         // ticket of pending[0]
	done    store.Position // everything up to here is done
	handled uint64         // how many records that covers
	changed chan struct{}  // closed and replaced whenever done moves
}

type tracked struct {
	position store.Position
	record   bool // a record, and not only a position that was reached
	done     bool
}

func newProgress() *progress { return &progress{changed: make(chan struct{})} }

// reset begins anew after the position. No ticket may be open.
func (p *progress) reset(from store.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending, p.base, p.handled = nil, 0, 0
	p.moveTo(from)
}

// begin notes a record that is about to be handled and returns its ticket. Positions must grow.
func (p *progress) begin(position store.Position) (ticket uint64) {
	return p.add(tracked{position: position, record: true})
}

func (p *progress) add(t tracked) (ticket uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending = append(p.pending, t)
	return p.base + uint64(len(p.pending)) - 1
}

// finish notes that a record is done with.
func (p *progress) finish(ticket uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending[ticket-p.base].done = true
	n := 0
	for ; n < len(p.pending) && p.pending[n].done; n++ {
		if p.pending[n].record {
			p.handled++
		}
	}
	if n == 0 {
		return
	}
	to := p.pending[n-1].position
	p.pending = p.pending[n:]
	p.base += uint64(n)
	p.moveTo(to)
}

// reached notes that there is nothing left to handle up to a position but what was begun.
func (p *progress) reached(position store.Position) { p.finish(p.add(tracked{position: position})) }

func (p *progress) moveTo(position store.Position) {
	p.done = position
	close(p.changed)
	p.changed = make(chan struct{})
}

// state returns up to where all is done, how many records that covers, and a channel that is closed when it moves.
func (p *progress) state() (done store.Position, handled uint64, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done, p.handled, p.changed
}

// wait returns when everything up to the position is done.
func (p *progress) wait(ctx context.Context, position store.Position) error {
	return p.until(ctx, func() bool { return p.done >= position })
}

// room returns when fewer than limit records are pending.
func (p *progress) room(ctx context.Context, limit int) error {
	return p.until(ctx, func() bool { return len(p.pending) < limit })
}

func (p *progress) until(ctx context.Context, holds func() bool) error {
	for {
		p.mu.Lock()
		ok, changed := holds(), p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
