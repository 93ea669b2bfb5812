package bus

import "sync/atomic"

// line is the backlog of one worker. The worker moves events from the ring to its batch, many at a time, and then claims them
// one by one without the lock. They wait all the same until they are claimed, and others that hold the lock may claim them to drop them.
type line struct {
	ring    ring
	most    int          // that waited in the ring since rest
	batch   [64]waiting  // changed by take alone, and only when all of it is claimed
	filled  int64        // how many batch holds
	claimed atomic.Int64 // how many of them are taken or dropped; more than filled when somebody came in vain
}

// claim removes the oldest event of the batch. The worker needs no lock for it.
func (l *line) claim() (w waiting, ok bool) {
	i := l.claimed.Add(1) - 1
	if i >= l.filled {
		return waiting{}, false
	}
	return l.batch[i], true
}

func (l *line) push(w waiting, _ string) { l.ring.push(w) }

func (l *line) take() (waiting, bool) {
	if w, ok := l.claim(); ok {
		return w, true
	}
	l.most = max(l.most, l.ring.n)
	n := l.ring.popInto(l.batch[:])
	clear(l.batch[n:max(n, int(l.filled))])
	l.filled = int64(n)
	l.claimed.Store(0)
	return l.claim()
}

func (l *line) release(waiting) {}

func (l *line) dropOldest() bool {
	if _, ok := l.claim(); ok {
		return true
	}
	if l.ring.n == 0 { // the worker was faster
		return false
	}
	l.ring.pop()
	return true
}

func (l *line) clear() {
	l.claimed.Store(l.filled)
	l.ring = ring{}
}

func (l *line) size() int { return l.ring.n + int(max(0, l.filled-l.claimed.Load())) }

func (l *line) ready() int { return min(1, l.size()) }

func (l *line) oldest() parcel {
	if i := l.claimed.Load(); i < l.filled {
		return l.batch[i].parcel
	}
	if l.ring.n == 0 {
		return nil
	}
	return l.ring.slots[l.ring.first].parcel
}

// rest gives back a ring that has become much too large. To do so whenever there is nothing to do would be to make it anew for every burst.
func (l *line) rest() {
	if 4*l.most < len(l.ring.slots) && len(l.ring.slots) > len(l.batch) {
		l.ring = ring{}
	}
	l.most = 0
}

// ring is a first-in, first-out list that grows as it must.
type ring struct {
	slots []waiting
	first int // the oldest
	n     int // how many there are
}

func (r *ring) push(w waiting) {
	if r.n == len(r.slots) {
		r.grow()
	}
	r.slots[r.at(r.n)] = w
	r.n++
}

// at returns where the i-th is.
func (r *ring) at(i int) int {
	if i += r.first; i < len(r.slots) {
		return i
	}
	return i - len(r.slots)
}

func (r *ring) grow() {
	grown := make([]waiting, max(8, 2*r.n))
	n := r.popInto(grown)
	*r = ring{slots: grown, n: n}
}

func (r *ring) pop() {
	r.slots[r.first] = waiting{}
	r.first = r.at(1)
	r.n--
}

// popInto moves the oldest to where there is room for them, and returns how many.
func (r *ring) popInto(to []waiting) (n int) {
	for n < len(to) && r.n > 0 {
		unwrapped := r.slots[r.first:min(len(r.slots), r.first+r.n)]
		moved := copy(to[n:], unwrapped)
		clear(unwrapped[:moved])
		n += moved
		r.n -= moved
		r.first = r.at(moved)
	}
	return n
}
