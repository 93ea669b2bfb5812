package bus

import "context"

// backlog holds waiting events: all of them by age, and those of each key in a lane. It does not lock.
type backlog struct {
	size  int
	all   entries // oldest first
	lanes map[string]*lane
	ready fifo // lanes from which the next event may be taken, the one that waits longest first
}

// entry is an event that waits. It keeps the publisher's context for its values.
type entry struct {
	ctx     context.Context
	parcel  parcel
	key     string
	lane    *lane
	behind  *entry        // the next of the same lane
	decided chan struct{} // for a publisher that waits for room: closed once it has got it or was refused
	err     error         // why it was refused

	previous, next *entry
}

// lane holds the waiting events of one key, oldest first.
type lane struct {
	key         string
	first, last *entry
	busy        bool // one of its events is being handled
	listed      bool // it is among the ready, if only to be found empty
	next        *lane
}

func (b *backlog) push(n *entry) {
	if b.lanes == nil {
		b.lanes = map[string]*lane{}
	}
	l := b.lanes[n.key]
	if l == nil {
		l = &lane{key: n.key}
		b.lanes[n.key] = l
	}
	l.push(n)
	b.all.push(n)
	b.size++
	if !l.busy && !l.listed {
		b.ready.push(l)
	}
}

// take removes the oldest event of the lane that is ready for longest, and makes the lane busy until release.
func (b *backlog) take() *entry {
	for l := b.ready.pop(); l != nil; l = b.ready.pop() {
		if l.first == nil { // dropOldest has emptied it
			delete(b.lanes, l.key)
			continue
		}
		l.busy = true
		return b.removeFirst(l)
	}
	return nil
}

// release makes n's lane ready again.
func (b *backlog) release(n *entry) {
	l := n.lane
	l.busy = false
	if l.first == nil {
		delete(b.lanes, l.key)
		return
	}
	b.ready.push(l)
}

// dropOldest removes the event that waits longest. It is the first of its lane, since a lane has the same order.
func (b *backlog) dropOldest() { b.removeFirst(b.all.first.lane) }

func (b *backlog) removeFirst(l *lane) *entry {
	n := l.pop()
	b.all.remove(n)
	b.size--
	return n
}

func (b *backlog) clear() {
	for b.size > 0 {
		b.dropOldest()
	}
}

func (b *backlog) anyReady() bool { return b.ready.first != nil }

func (l *lane) push(n *entry) {
	n.lane = l
	if l.first == nil {
		l.first, l.last = n, n
		return
	}
	l.last.behind, l.last = n, n
}

func (l *lane) pop() *entry {
	n := l.first
	l.first = n.behind
	n.behind = nil
	return n
}

// fifo is a list of lanes.
type fifo struct{ first, last *lane }

func (f *fifo) push(l *lane) {
	l.listed = true
	if f.first == nil {
		f.first, f.last = l, l
		return
	}
	f.last.next, f.last = l, l
}

func (f *fifo) pop() *lane {
	l := f.first
	if l == nil {
		return nil
	}
	f.first = l.next
	l.next, l.listed = nil, false
	return l
}

// entries is a list from which any entry can be removed.
type entries struct{ first, last *entry }

func (s *entries) push(n *entry) {
	n.previous, n.next = s.last, nil
	if s.last == nil {
		s.first = n
	} else {
		s.last.next = n
	}
	s.last = n
}

func (s *entries) remove(n *entry) {
	if n.previous == nil {
		s.first = n.next
	} else {
		n.previous.next = n.next
	}
	if n.next == nil {
		s.last = n.previous
	} else {
		n.next.previous = n.previous
	}
	n.previous, n.next = nil, nil
}
