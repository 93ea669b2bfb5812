package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/internal/task"
)

const (
	lookForRedrives = time.Second // how often owners of slots look whether somebody asks
	maxRedrives     = 256         // keys of one slot that are redriven at the same time
	redrivePage     = 16          // letters of one key in memory
)

// redrive is a parked key whose letters are handled, in order, until none is left or one fails again. All under the board's lock.
type redrive struct {
	hash    parked.Hash
	request parked.Request
	lane    *lane
	page    func() // reads on, in a goroutine of its own

	more    bool // letters were added since the last page was read
	starved bool // it goes on when records that are being parked are
	over    bool // nothing is read any more
}

// next goes on when all letters of a page are handled.
func (rd *redrive) next() {
	if !rd.over {
		rd.page()
	}
}

func (r *run) lookForRequests() {
	select {
	case r.look <- struct{}{}:
	default:
	}
}

// redriveAsked begins redrives that somebody asked for, until ctx ends.
func (r *run) redriveAsked(ctx context.Context) error {
	ticker := time.NewTicker(lookForRedrives)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-r.look:
		}
		for _, s := range r.board.withParked() {
			if err := r.redriveSlot(ctx, s); err != nil {
				return task.Ended(ctx, err)
			}
		}
	}
}

func (r *run) redriveSlot(ctx context.Context, s *slot) error {
	requests, err := parked.Requests(ctx, r.store, r.name, s.lease.Number(), maxRedrives)
	if err != nil {
		return err
	}
	for _, asked := range requests {
		rd := &redrive{hash: asked.Hash, request: asked}
		rd.lane = &lane{slot: s, hash: asked.Hash, redrive: rd}
		rd.page = func() {
			r.group.Go(func() error { return r.readLetters(rd) })
		}
		r.board.redrive(s, rd)
	}
	r.board.looked(s)
	return nil
}

// looked notes that the redrives that somebody asked for have begun.
func (b *board) looked(s *slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.asked {
		s.asked = false
		b.checkWaits()
	}
}

// withParked returns the slots that have parked keys.
func (b *board) withParked() (slots []*slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.slots {
		if s != nil && len(s.parked) > 0 {
			slots = append(slots, s)
		}
	}
	return slots
}

// redrive begins one, unless the key is being redriven or is not parked any more.
func (b *board) redrive(s *slot, rd *redrive) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, is := s.parked[rd.hash]
	if old := s.redrives[rd.hash]; old != nil && (!old.over || rd.request.Revision <= old.request.Revision) {
		return
	}
	if rd.request.Revision <= s.answered[rd.hash] || !is || !s.usable() {
		return
	}
	s.redrives[rd.hash] = rd
	rd.page()
}

// readLetters puts the next letters of a key into its lane; when there are none, the key is free.
func (r *run) readLetters(rd *redrive) error {
	s := rd.lane.slot
	for r.board.reads(rd) {
		letters, err := parked.OfKey(r.handling, r.store, r.name, s.lease.Number(), rd.hash, 0, redrivePage)
		if damaged := (*parked.DamagedError)(nil); errors.As(err, &damaged) {
			r.cfg.Logger.With("consumer", r.name, "slot", s.lease.Number()).Error("cannot redrive a key", "error", err)
			r.board.damage(rd)
			return nil
		}
		if err != nil {
			return task.Ended(r.handling, err)
		}
		if len(letters) > 0 {
			r.board.redriveLetters(rd, letters)
			return nil
		}
		if r.board.free(rd) {
			r.committer.put(&finished{slot: s, unask: []parked.Request{rd.request}})
			r.lookForRequests()
			return nil
		}
	}
	return nil
}

// reads reports whether to read on.
func (b *board) reads(rd *redrive) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.more = false
	return !rd.starved && rd.lane.slot.usable()
}

func (b *board) damage(rd *redrive) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rd.over = true // and stays among the redrives, so that no other one begins until somebody asks anew
	b.checkWaits()
}

func (b *board) redriveLetters(rd *redrive, letters []parked.Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := rd.lane
	if l.slot.ended {
		return
	}
	for i := range letters {
		j := &job{record: letters[i].Record, letter: &letters[i]}
		l.key = letters[i].Key
		l.jobs.push(j)
		b.pending++
		b.bytes += j.size()
	}
	b.push(l)
}

// free lets the records of a key go on without waiting, unless some have just been parked or are about to be.
func (b *board) free(rd *redrive) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := rd.lane.slot
	switch {
	case s.ended || rd.more:
		return false
	case s.parking[rd.hash] > 0:
		rd.starved = true
		return false
	}
	delete(s.parked, rd.hash)
	delete(s.redrives, rd.hash)
	b.checkWaits()
	return true
}

// endRedrive leaves a key parked: one of its letters failed again. The caller holds the lock.
func (b *board) endRedrive(l *lane) {
	if l.slot.ended {
		return
	}
	b.clear(l)
	l.redrive.over = true
	l.slot.answered[l.redrive.hash] = l.redrive.request.Revision
	delete(l.slot.redrives, l.redrive.hash)
	b.checkWaits()
}

// clear forgets the jobs of a lane of letters.
func (b *board) clear(l *lane) {
	b.drop(l)
	l.jobs = queue[*job]{}
	l.waiting = false
}

// reread begins with a key's first letter again: somebody has changed or removed one.
func (b *board) reread(f *finished) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := f.lanes[0]
	if !l.slot.ended {
		b.clear(l)
	}
	b.giveBack(l)
}

// redriven reports whether it comes from a dead letter.
func (f *finished) redriven() bool { return f.errand != nil && f.jobs[0].letter != nil }

// askedAgain has a redrive end though somebody asked for it again, or took the request back, while it ran.
func (k *committer) askedAgain(ctx context.Context, f *finished) (again bool) {
	asked, err := parked.RequestOf(ctx, k.store, k.name, f.unask[0].Slot, f.unask[0].Hash)
	if err != nil {
		k.stop(err)
		k.handBack([]*finished{f})
		return false
	}
	if f.unask = f.unask[:0]; asked.Revision > 0 {
		f.unask = append(f.unask, asked)
	}
	return true
}
