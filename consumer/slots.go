package consumer

import (
	"context"
	"math"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/internal/task"
)

// Gained begins to work on a slot. It is for package lease.
func (r *run) Gained(ctx context.Context, l *lease.Slot) error {
	s, err := r.load(ctx, l)
	if err != nil {
		return task.Ended(ctx, err)
	}
	r.begin(l, s)
	return nil
}

func (r *run) begin(l *lease.Slot, s *slot) {
	s.handling, s.cancel = context.WithCancel(r.handling)
	r.mu.Lock()
	r.slots[l] = s
	r.mu.Unlock()
	r.board.gain(l.Number(), s)
	r.lookForRequests()
}

func (r *run) mine(l *lease.Slot) *slot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots[l]
}

// load reads what is saved of a slot.
func (r *run) load(ctx context.Context, l *lease.Slot) (*slot, error) {
	c, err := decodeCheckpoint(l.Data(), r.shared.Start)
	if err != nil {
		return nil, err
	}
	s := newSlot(l, c)
	if s.letters, err = r.store.Head(ctx); err != nil {
		return nil, err
	}
	for hash, err := range parked.Keys(ctx, r.store, r.name, l.Number()) {
		if err != nil {
			return nil, err
		}
		s.parked[hash] = struct{}{}
	}
	requests, err := parked.Requests(ctx, r.store, r.name, l.Number(), math.MaxInt)
	for _, asked := range requests {
		s.parked[asked.Hash] = struct{}{}
		s.asked = true
	}
	return s, err
}

// Changed begins again where somebody else has put the checkpoint. It is for package lease.
func (r *run) Changed(l *lease.Slot) {
	old := r.mine(l)
	if old == nil {
		return
	}
	idle := r.board.end(l.Number(), old)
	old.cancel()
	<-idle
	s, err := r.load(r.handling, l)
	if err != nil {
		r.fail(err)
		return
	}
	r.begin(l, s)
}

// Release ends the work on a slot: at once when it was lost, and otherwise when what runs has ended and is saved. It is for package lease.
func (r *run) Release(l *lease.Slot) {
	s := r.mine(l)
	if s == nil {
		return
	}
	r.mu.Lock()
	delete(r.slots, l)
	r.mu.Unlock()
	defer s.cancel()
	r.finish(s, r.board.rest(s))
	<-r.board.end(l.Number(), s)
}

// finish waits until nothing of a slot is under way, and saves. What takes too long, or works on a slot that is lost meanwhile, is told
// to end.
func (r *run) finish(s *slot, idle <-chan struct{}) {
	timeout := time.NewTimer(r.cfg.StopTimeout)
	defer timeout.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for s.lease.Held() {
		select {
		case <-idle:
			r.committer.flush(s)
			return
		case <-timeout.C:
			s.cancel()
		case <-look.C:
		}
	}
	r.board.end(s.lease.Number(), s)
	s.cancel()
	<-idle
}
