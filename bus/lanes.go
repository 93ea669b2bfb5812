package bus

// lanes are the backlog of several workers: all events by age, and those of each key in a lane, so that the next of any key that
// nobody handles is found at once.
type lanes struct {
	n      int
	all    entries // oldest first
	byKey  map[string]*lane
	free   fifo   // lanes from which the next event may be taken, the one that waits longest first
	spare  *entry // used ones, linked by behind
	unused *lane  // used ones as well, linked by next
}

// entry is an event that waits, in lanes or for room.
type entry struct {
	waiting
	key     string
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
	listed      bool // it is among the free, if only to be found empty
	next        *lane
}

func (b *lanes) push(w waiting, key string) {
	l := b.lane(key)
	w.lane = l
	n := b.entry()
	n.waiting = w
	l.push(n)
	b.all.push(n)
	b.n++
	if !l.busy && !l.listed {
		b.free.push(l)
	}
}

// lane returns the lane of a key, made when it is missing.
func (b *lanes) lane(key string) *lane {
	if l := b.byKey[key]; l != nil {
		return l
	}
	if b.byKey == nil {
		b.byKey = map[string]*lane{}
	}
	l := b.unused
	if l == nil {
		l = &lane{}
	}
	b.unused, l.next = l.next, nil
	l.key = key
	b.byKey[key] = l
	return l
}

// drop forgets an empty lane.
func (b *lanes) drop(l *lane) {
	delete(b.byKey, l.key)
	*l = lane{next: b.unused}
	b.unused = l
}

func (b *lanes) entry() *entry {
	n := b.spare
	if n == nil {
		return &entry{}
	}
	b.spare, n.behind = n.behind, nil
	return n
}

// take removes the oldest event of the lane that is free for longest, and makes the lane busy until release.
func (b *lanes) take() (waiting, bool) {
	for l := b.free.pop(); l != nil; l = b.free.pop() {
		if l.first == nil { // dropOldest has emptied it
			b.drop(l)
			continue
		}
		l.busy = true
		return b.removeFirst(l), true
	}
	return waiting{}, false
}

// release makes w's lane free again.
func (b *lanes) release(w waiting) {
	l := w.lane
	if l == nil { // there is no w
		return
	}
	l.busy = false
	if l.first == nil {
		b.drop(l)
		return
	}
	b.free.push(l)
}

// dropOldest drops the first of some lane, since a lane has the same order as all.
func (b *lanes) dropOldest() bool {
	if b.n == 0 {
		return false
	}
	b.removeFirst(b.all.first.lane)
	return true
}

func (b *lanes) removeFirst(l *lane) waiting {
	n := l.pop()
	b.all.remove(n)
	b.n--
	w := n.waiting
	*n = entry{behind: b.spare}
	b.spare = n
	return w
}

func (b *lanes) clear() {
	for b.dropOldest() {
	}
}

func (b *lanes) size() int { return b.n }

// ready counts lanes that were emptied as well: a worker that comes in vain does no harm.
func (b *lanes) ready() int { return b.free.n }

func (b *lanes) oldest() parcel {
	if b.n == 0 {
		return nil
	}
	return b.all.first.parcel
}

func (b *lanes) rest() { b.spare, b.unused = nil, nil }

func (l *lane) push(n *entry) {
	if l.first == nil {
		l.first, l.last = n, n
		return
	}
	l.last.behind, l.last = n, n
}

func (l *lane) pop() *entry {
	n := l.first
	l.first = n.behind
	return n
}

// fifo is a list of lanes.
type fifo struct {
	first, last *lane
	n           int
}

func (f *fifo) push(l *lane) {
	l.listed = true
	f.n++
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
	f.n--
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
