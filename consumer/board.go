package consumer

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/internal/rate"
	"github.com/oxbow-events/oxbow/store"
)

// What a run holds in memory at most, give or take what the reader hands over at once: when it is full, the reader waits.
const (
	maxPending = 16_384
	maxBytes   = 64 << 20
)

// As long as there is plenty to do, the reader does not read further ahead than that: what was read long before it is handled has left the
// processor's caches, and to decode it takes half as long again.
const (
	maxAhead  = 4096
	minPlenty = 256 // lanes that are ready
)

// board is what a run knows: the slots it holds, and the jobs that wait in lanes, one for each key. It hands them to workers, one job or
// batch of a lane at a time, in order, and lanes in the order in which they became ready.
type board struct {
	mu    sync.Mutex
	work  sync.Cond // workers wait for something to do
	room  sync.Cond // the reader waits for room, or for a slot
	full  bool      // the reader waits for room
	lanes map[string]*lane
	ready queue[*lane] // each lane at most once

	plenty int // of ready lanes

	hands   []*hand // what workers have
	watched int     // at which of them somebody looked last

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

func newBoard(cfg *Config) *board {
	b := &board{
		lanes: map[string]*lane{}, plenty: max(minPlenty, 2*cfg.Workers, 2*cfg.Batch), tellSave: make(chan struct{}, 1),
	}
	b.work.L, b.room.L = &b.mu, &b.mu
	return b
}

// close ends the workers' wait.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.gather()
	b.work.Broadcast()
}

// halt keeps work from being handed out for good.
func (b *board) halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted = true
	b.gather()
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
	b.paused = paused
	b.gather()
	b.work.Broadcast()
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

func (e *errand) clear() {
	e.lanes, e.counts, e.jobs, e.behind = e.lanes[:0], e.counts[:0], e.jobs[:0], false
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
		b.tellReader()
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
	return uint64(count)
}

// isFull reports whether the reader is to wait.
func (b *board) isFull() bool {
	return b.pending >= maxPending || b.bytes >= maxBytes || b.pending >= maxAhead && b.ready.len() > b.plenty
}

// hasRoom reports whether the reader is to go on: not for every single job that is done.
func (b *board) hasRoom() bool {
	return b.pending <= maxPending-minPage && b.bytes < maxBytes && (b.pending <= maxAhead*3/4 || b.ready.len() <= b.plenty/2)
}

// tellReader tells it that there is room.
func (b *board) tellReader() {
	if b.full && b.hasRoom() {
		b.room.Signal()
	}
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
	b.undo(e)
}

func (b *board) undo(e *errand) {
	if e.behind {
		b.unparking(e, len(e.jobs))
	}
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

// page is jobs that were read, and where they belong.
type page struct {
	jobs       []*job
	places     []where
	generation uint64 // of the reader
}

type where struct {
	slot int
	key  string
}

// add puts what was read into lanes, and to the spare jobs those that nobody here is to handle and some that are done. It waits for room.
// It is not ok when the reader is to begin again, or to end.
func (b *board) add(p *page, spare []*job) (_ []*job, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addLocked(p, spare)
}

// tryAdd is add when nobody else is at the board.
func (b *board) tryAdd(p *page, spare []*job) (_ []*job, ok, tried bool) {
	if !b.mu.TryLock() {
		return spare, false, false
	}
	defer b.mu.Unlock()
	spare, ok = b.addLocked(p, spare)
	return spare, ok, true
}

func (b *board) addLocked(p *page, spare []*job) (_ []*job, ok bool) {
	for b.generation == p.generation && !b.readerEnds && b.isFull() {
		b.full = true
		b.room.Wait()
		b.full = false
	}
	if b.generation != p.generation || b.readerEnds {
		return spare, false
	}
	for i, j := range p.jobs {
		s := b.slots[p.places[i].slot]
		if s == nil || !s.wants(j.record.Position) {
			spare = append(spare, j)
			continue
		}
		s.open(j)
		b.enqueue(s, p.places[i].key, j)
	}
	b.advance(p.jobs[len(p.jobs)-1].record.Position)
	return b.reuse(spare, maxPage-len(spare)), true
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

// reuse adds jobs that are done to the spare ones.
func (b *board) reuse(spare []*job, n int) []*job {
	n = min(max(n, 0), len(b.used))
	spare = append(spare, b.used[len(b.used)-n:]...)
	clear(b.used[len(b.used)-n:])
	b.used = b.used[:len(b.used)-n]
	return spare
}
