package consumer

import (
	"cmp"
	"context"
	"slices"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// slot is what a run knows of a slot from when it gained it, or somebody changed its checkpoint, until it ends. All but the first fields
// are under the board's lock.
type slot struct {
	lease    *lease.Slot
	handling context.Context // what handlers work with
	cancel   context.CancelFunc

	resting bool          // nothing of it may begin any more
	ended   bool          // nor does what is under way count
	stale   bool          // its item is not as we left it: nothing more of it can be committed
	running int           // lanes that are with a worker or with the committer
	idle    chan struct{} // closed when it rests and running is 0
	quiet   bool          // idle is closed

	seen        store.Position // its records up to here are open or done
	first, last *job           // what is open, in order of position
	gaps        int            // how many of the open ones have gap set
	committing  int            // how many of them are committing
	tail        bool           // behind last, records are done
	begun       checkpoint     // as it was gained: what is done after seen

	saved  store.Position // position of the checkpoint as it is saved
	dirty  bool           // the checkpoint is worth a save
	failed map[store.Position]failure

	parked   map[parked.Hash]struct{}
	parking  map[parked.Hash]int // records on their way to the dead letters
	redrives map[parked.Hash]*redrive
	answered map[parked.Hash]uint64 // revisions of requests whose redrive is over
	asked    bool                   // there were requests when it was gained, at which nobody has looked yet
	letters  store.Position         // up to here a record may have a letter though it is not done
}

func newSlot(l *lease.Slot, c checkpoint) *slot {
	s := &slot{
		lease: l, idle: make(chan struct{}), seen: c.Position, begun: c, saved: c.Position,
		failed: map[store.Position]failure{}, parked: map[parked.Hash]struct{}{},
		parking: map[parked.Hash]int{}, redrives: map[parked.Hash]*redrive{}, answered: map[parked.Hash]uint64{},
	}
	for _, f := range c.Failed {
		if !c.has(f.Position) {
			s.failed[f.Position] = f
		}
	}
	return s
}

// usable reports whether work of the slot may begin.
func (s *slot) usable() bool { return !s.resting && !s.stale && s.lease.Held() }

// redriving reports whether letters are about to be handled.
func (s *slot) redriving() bool {
	for _, rd := range s.redrives {
		if !rd.over {
			return true
		}
	}
	return s.asked
}

// tellIdle is called when running fell, or the slot began to rest.
func (s *slot) tellIdle() {
	if s.resting && s.running == 0 && !s.quiet {
		s.quiet = true
		close(s.idle)
	}
}

// wants takes the next record that was read, and reports whether it is to be handled.
func (s *slot) wants(p store.Position) bool {
	if p <= s.seen {
		return false
	}
	s.seen = p
	if s.begun.has(p) {
		s.tail = s.last != nil
		return false
	}
	return true
}

// open puts a job behind all others.
func (s *slot) open(j *job) {
	j.before, j.after, j.gap = s.last, nil, s.tail
	if s.tail {
		s.gaps++
		s.tail = false
	}
	if s.last == nil {
		s.first = j
	} else {
		s.last.after = j
	}
	s.last = j
	if f, ok := s.failed[j.record.Position]; ok {
		j.attempts, j.first = f.Attempts, f.First
	}
}

// close takes a job out that is done.
func (s *slot) close(j *job) {
	s.mark(j.before, j.after)
	if j.gap {
		s.gaps--
	}
	if j.before == nil {
		s.first = j.after
	} else {
		j.before.after = j.after
	}
	if j.after == nil {
		s.last = j.before
	} else {
		j.after.before = j.before
	}
	j.before, j.after, j.gap = nil, nil, false
	if len(s.failed) > 0 {
		delete(s.failed, j.record.Position)
	}
	s.dirty = true
}

// mark notes that a record between two open ones is done.
func (s *slot) mark(before, after *job) {
	switch {
	case before == nil: // the position tells
		if after != nil && after.gap {
			after.gap = false
			s.gaps--
		}
	case after == nil:
		s.tail = true
	case !after.gap:
		after.gap = true
		s.gaps++
	}
	if before == nil && after == nil {
		s.tail = false
	}
}

// reached returns up to where all records of the slot are done, when read is how far the reader came.
func (s *slot) reached(read store.Position) store.Position {
	if s.first != nil {
		return s.first.record.Position - 1
	}
	return max(s.seen, read)
}

// checkpoint returns what to save, with what is committing counted as done. read is how far the reader came.
func (s *slot) checkpoint(read store.Position) checkpoint {
	c := checkpoint{Position: max(s.seen, read)}
	front, left := s.first, s.gaps+s.committing
	for front != nil && front.committing {
		front = front.after
		left--
	}
	if front != nil {
		c.Position = front.record.Position - 1
		c.Ahead = s.ahead(front, left)
	}
	for _, a := range s.begun.Ahead {
		if from := max(a[0], s.seen+1); from <= a[1] && a[1] > c.Position {
			c.Ahead = append(c.Ahead, span{max(from, c.Position+1), a[1]})
		}
	}
	for _, f := range s.failed {
		c.Failed = append(c.Failed, f)
	}
	slices.SortFunc(c.Failed, func(a, b failure) int { return cmp.Compare(a.Position, b.Position) })
	return c
}

// ahead returns the ranges that are done behind an open job. left is at least how many jobs behind it tell of one.
func (s *slot) ahead(front *job, left int) (spans []span) {
	open, done := front, false
	for j := front.after; j != nil && (left > 0 || done); j = j.after {
		if j.gap {
			left--
		}
		if done = done || j.gap || j.committing; j.committing {
			left--
			continue
		}
		if done {
			spans = append(spans, span{open.record.Position + 1, j.record.Position - 1})
			done = false
		}
		open = j
	}
	switch {
	case done:
		spans = append(spans, span{open.record.Position + 1, s.seen})
	case s.tail:
		spans = append(spans, span{s.last.record.Position + 1, s.seen})
	}
	return spans
}

// isParked reports whether the key's records have to wait behind a dead letter.
func (s *slot) isParked(l *lane) bool {
	if len(s.parked) == 0 {
		return false
	}
	_, parked := s.parked[l.hashed()]
	return parked
}

// noteFailure keeps count of the attempts of a job.
func (s *slot) noteFailure(j *job) {
	p := j.record.Position
	s.failed[p] = failure{Position: p, Attempts: j.attempts, First: j.first}
	s.dirty = true
}

// slotOf returns the slot of a key: FNV-1a, so that every process and every version says the same.
func slotOf(key string, slots int) int {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return int(h % uint64(slots))
}
