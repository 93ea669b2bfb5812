package consumer

import (
	"context"

	"github.com/oxbow-events/oxbow/store"
)

// share says how many slots there are.
func (b *board) share(slots int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slots = make([]*slot, slots)
}

// gain begins to hand out what is open of a slot. The reader begins again when it is beyond that.
func (b *board) gain(number int, s *slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held == 0 || s.seen < b.at {
		b.rewind(s.seen)
	}
	b.slots[number] = s
	b.held++
	b.room.Broadcast()
	b.wake()
}

// rewind makes the reader begin again after a position.
func (b *board) rewind(to store.Position) {
	for _, s := range b.slots {
		if s != nil {
			s.seen = max(s.seen, b.at)
		}
	}
	b.at = to
	b.stopReading()
}

func (b *board) stopReading() {
	b.generation++
	if b.interrupt != nil {
		b.interrupt()
	}
	b.room.Broadcast()
}

// end takes a slot from the board: nothing of it is handed out any more, and what is under way counts for nothing. The channel is closed
// when nothing is.
func (b *board) end(number int, s *slot) (idle <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.ended {
		return s.idle
	}
	b.gather()
	s.resting, s.ended = true, true
	b.slots[number] = nil
	if b.held--; b.held == 0 {
		b.stopReading()
	}
	for key, l := range b.lanes {
		if l.slot == s {
			b.drop(l)
			delete(b.lanes, key)
		}
	}
	for _, rd := range s.redrives {
		b.drop(rd.lane)
	}
	s.tellIdle()
	b.wake()
	b.room.Broadcast()
	return s.idle
}

// drop forgets the jobs of a lane, which may be with a worker.
func (b *board) drop(l *lane) {
	for i := range l.jobs.len() {
		b.pending--
		b.bytes -= l.jobs.at(i).size()
	}
	if l.waiting {
		b.retrying--
	}
}

// rest keeps work of a slot from being handed out, and returns a channel that is closed when none is under way.
func (b *board) rest(s *slot) (idle <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.resting = true
	b.gather()
	s.tellIdle()
	return s.idle
}

// reading waits until a slot is held, and returns where to read from, with a context that ends when the reader is to begin again. It is
// not ok when the board is closed.
func (b *board) reading(ctx context.Context) (_ context.Context, after store.Position, generation uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.readerEnds && b.held == 0 {
		b.room.Wait()
	}
	if b.readerEnds {
		return ctx, 0, 0, false
	}
	if b.interrupt != nil {
		b.interrupt()
	}
	ctx, b.interrupt = context.WithCancel(ctx)
	return ctx, b.at, b.generation, true
}
