package bus

import (
	"sync"
)

// waits knows which queue's handlers have waited for room in which other queue, and lets nobody wait the other way round. Since
// waiting goes one way only, queues cannot wait for each other in a circle for ever.
type waits struct {
	mu    sync.Mutex
	rooms map[*queue]map[*queue]bool
}

// allow reports whether a handler of from may wait for room in to, and remembers that it did.
func (w *waits) allow(from, to *queue) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rooms[from][to] {
		return true
	}
	if w.leads(to, from, map[*queue]bool{}) {
		return false
	}
	if w.rooms == nil {
		w.rooms = map[*queue]map[*queue]bool{}
	}
	if w.rooms[from] == nil {
		w.rooms[from] = map[*queue]bool{}
	}
	w.rooms[from][to] = true
	return true
}

// leads reports whether to is from, or one that from waits for, or one that those wait for. It looks at nothing twice, since
// there may be very many ways.
func (w *waits) leads(from, to *queue, seen map[*queue]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for next := range w.rooms[from] {
		if w.leads(next, to, seen) {
			return true
		}
	}
	return false
}

// forget drops all that is known of a queue that is no more.
func (w *waits) forget(q *queue) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.rooms, q)
	for _, rooms := range w.rooms {
		delete(rooms, q)
	}
}
