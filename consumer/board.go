package consumer

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/internal/rate"
	"github.com/oxbow-events/oxbow/store"
)

// What a run holds in memory at most, give or take one page of the reader: when it is full, the reader waits.
const (
	maxPending = 16_384
	maxBytes   = 64 << 20
)

// board is what a run knows: the slots it holds, and the jobs that wait in lanes, one for each key. It hands them to workers, one job or
// batch of a lane at a time, in order, and lanes in the order in which they became ready.
type board struct {
	mu    sync.Mutex
	work  sync.Cond // workers wait for something to do
	room  sync.Cond // the reader waits for room, or for a slot
	lanes map[string]*lane
	ready queue[*lane] // each lane at most once

	slots  []*slot // by number, nil where another run has it
	held   int
	paused bool
	halted bool // the run is about to end
	closed bool // nothing is handed out any more

	readerEnds bool
	at         store.Position // how far the reader came
	generation uint64         // of the reader, which begins again with each
	interrupt  context.CancelFunc

	pending, bytes int
	idle           int    // workers that wait
	used           []*job // to be used again
	waits          []*wait

	dirty    bool          // some slot is
	saver    bool          // the committer waits to hear of that
	tellSave chan struct{} // tells it
	saveAt   store.Position

	retrying int
	count    uint64 // records that are done
	counted  uint64 // of these, those in rate
	rate     rate.Minute
	failure  Failure // the last one
}

// errand is what a worker is to do next: the first counts[i] jobs of lanes[i], which are one job, or a batch.
type errand struct {
	lanes  []*lane
	counts []int
	jobs   []*job // all of them
	behind bool   // not to be handled, but to wait behind a dead letter
}

func newBoard() *board {
	b := &board{lanes: map[string]*lane{}, tellSave: make(chan struct{}, 1)}
	b.work.L, b.room.L = &b.mu, &b.mu
	return b
}

// close ends the workers' wait.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.work.Broadcast()
}

// halt keeps work from being handed out for good.
func (b *board) halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted = true
}

// stopWaiting ends the reader's wait.
func (b *board) stopWaiting() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readerEnds = true
	b.room.Broadcast()
}

// pause keeps work from being handed out, or lets it go on.
func (b *board) pause(paused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused = paused; !paused {
		b.work.Broadcast()
	}
}

// next waits for something to do. It is nothing when the board is closed.
func (b *board) next(e *errand, batch int) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nextLocked(e, batch)
}

// nextAfter is done and next under one lock.
func (b *board) nextAfter(e *errand, batch int) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doneLocked(e)
	return b.nextLocked(e, batch)
}

func (b *board) nextLocked(e *errand, batch int) bool {
	for !b.closed {
		if b.take(e, batch) {
			return true
		}
		b.idle++
		b.work.Wait()
		b.idle--
	}
	return false
}

// take fills an errand, if there is anything to do.
func (b *board) take(e *errand, batch int) bool {
	e.lanes, e.counts, e.jobs, e.behind = e.lanes[:0], e.counts[:0], e.jobs[:0], false
	for !b.paused && !b.halted && b.ready.len() > 0 {
		if l := b.ready.pop(); l.slot.usable() {
			b.fill(e, l, batch)
			return true
		} // and if not, whoever ends the slot throws the lane away
	}
	return false
}

func (b *board) fill(e *errand, l *lane, batch int) {
	first := l.jobs.at(0)
	switch {
	case l.redrive == nil && l.slot.isParked(l):
		e.behind = true
		n := e.add(l, func(*job) bool { return true }, maxBehind, maxBehindBytes)
		l.slot.parking[l.hashed()] += n
	case first.batch == nil || first.alone:
		e.one(l, first)
	default:
		b.fillBatch(e, l, batch)
	}
}

// fillBatch takes jobs for one batch handler, from as many lanes as are ready.
func (b *board) fillBatch(e *errand, l *lane, batch int) {
	handler := l.jobs.at(0).batch
	fits := func(j *job) bool { return j.batch == handler && !j.alone }
	left, bytes := batch, maxBatchBytes
	for {
		from := len(e.jobs)
		left -= e.add(l, fits, left, bytes)
		for _, j := range e.jobs[from:] {
			bytes -= j.size()
		}
		if left <= 0 || bytes <= 0 || b.ready.len() == 0 {
			return
		}
		l = b.ready.at(0)
		if !l.slot.usable() || !fits(l.jobs.at(0)) || l.redrive == nil && l.slot.isParked(l) {
			return
		}
		b.ready.pop()
	}
}

const (
	maxBehind      = 100     // records that are parked at once behind a dead letter
	maxBehindBytes = 4 << 20 // of theirs
	maxBatchBytes  = 16 << 20
)

func (e *errand) one(l *lane, j *job) {
	l.slot.running++
	e.lanes, e.counts, e.jobs = append(e.lanes, l), append(e.counts, 1), append(e.jobs, j)
}

// add takes jobs from the front of a lane: at least the first, and further ones as long as they fit.
func (e *errand) add(l *lane, fits func(*job) bool, limit, bytes int) (n int) {
	for n < l.jobs.len() && n < limit {
		j := l.jobs.at(n)
		if bytes -= j.size(); n > 0 && (bytes < 0 || !fits(j)) {
			break
		}
		e.jobs = append(e.jobs, j)
		n++
	}
	l.slot.running++
	e.lanes, e.counts = append(e.lanes, l), append(e.counts, n)
	return n
}

// done notes that an errand is done, and lets its lanes go on.
func (b *board) done(e *errand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doneLocked(e)
}

func (b *board) doneLocked(e *errand) {
	n := uint64(0)
	for i, l := range e.lanes {
		n += b.finish(l, e.counts[i])
		b.giveBack(l)
	}
	if n > 0 {
		b.count += n
		b.dirtied()
	}
}

// finish takes the first jobs off a lane, unless its slot has ended meanwhile, and returns how many.
func (b *board) finish(l *lane, count int) (n uint64) {
	s := l.slot
	if s.ended {
		return 0
	}
	for range count {
		j := l.jobs.pop()
		b.pending--
		b.bytes -= j.size()
		if j.letter == nil {
			old := s.reached(b.at)
			s.close(j)
			b.moved(s, old)
		}
		b.recycle(j)
	}
	if b.pending <= maxPending-page && b.bytes < maxBytes {
		b.room.Signal()
	}
	return uint64(count)
}

func (b *board) recycle(j *job) {
	if len(b.used) < maxPending {
		*j = job{}
		b.used = append(b.used, j)
	}
}

// handBack lets an errand's lanes go on where they are: nothing of it is done.
func (b *board) handBack(e *errand) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range e.lanes {
		b.giveBack(l)
	}
}

// giveBack is called when a lane is no longer with a worker or the committer.
func (b *board) giveBack(l *lane) {
	l.slot.running--
	l.slot.tellIdle()
	b.requeue(l)
}

// requeue lets a lane go on, if there is anything in it.
func (b *board) requeue(l *lane) {
	switch {
	case l.slot.ended || l.waiting:
	case l.jobs.len() > 0:
		b.push(l)
	case l.redrive != nil:
		l.redrive.next()
	default:
		delete(b.lanes, l.key)
	}
}

func (b *board) push(l *lane) {
	b.ready.push(l)
	if b.idle > 0 {
		b.work.Signal()
	}
}

// again lets a lane go on that waited for its next attempt.
func (b *board) again(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.slot.ended {
		return
	}
	l.waiting = false
	b.retrying--
	b.requeue(l)
}

// add puts jobs that were read into their lanes, and those that nobody here is to handle to the spare ones. It waits for room. It is not
// ok when the reader is to begin again, or to end.
func (b *board) add(jobs []*job, places []where, spare []*job, generation uint64) (_ []*job, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.generation == generation && !b.readerEnds && (b.pending >= maxPending || b.bytes >= maxBytes) {
		b.room.Wait()
	}
	if b.generation != generation || b.readerEnds {
		return spare, false
	}
	last := jobs[len(jobs)-1].record.Position
	for i, j := range jobs {
		s := b.slots[places[i].slot]
		if s == nil || !s.wants(j.record.Position) {
			spare = append(spare, j)
			continue
		}
		s.open(j)
		b.enqueue(s, places[i].key, j)
	}
	b.advance(last)
	return spare, true
}

func (b *board) enqueue(s *slot, key string, j *job) {
	b.pending++
	b.bytes += j.size()
	if l, ok := b.lanes[key]; ok {
		l.jobs.push(j)
		return
	}
	l := &lane{key: key, slot: s}
	l.jobs.push(j)
	b.lanes[key] = l
	b.push(l)
}

// passed notes that the reader has nothing more to hand out up to a position.
func (b *board) passed(p store.Position, generation uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.generation == generation && p > b.at {
		b.advance(p)
	}
}

func (b *board) advance(p store.Position) {
	if b.at = p; p >= b.saveAt {
		b.dirtied()
	}
	b.checkWaits()
}

// reuse returns jobs to be filled.
func (b *board) reuse(into []*job, n int) []*job {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, len(b.used))
	into = append(into, b.used[len(b.used)-n:]...)
	clear(b.used[len(b.used)-n:])
	b.used = b.used[:len(b.used)-n]
	return into
}
