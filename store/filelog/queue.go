package filelog

import (
	"slices"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// request is a commit on its way through the sequencer. Nothing in it is shared with the caller, who may have gone.
type request struct {
	conditions []store.Condition
	events     []index.Event
	times      []time.Time // of the events
	items      []store.ItemWrite
	encoded    []byte // the bodies of all entries, one after the other
	ends       []int  // where each of them ends in encoded: events first, then items

	outcome outcome       // to be read after done
	done    chan struct{} // closed by whoever settles the request
}

// outcome is what a commit became.
type outcome struct {
	first, last  store.Position
	revisions    []uint64 // of each event
	itemRevision uint64
	repeated     bool
	err          error
}

// bytes is about what the request takes in the log, rather more than less.
func (r *request) bytes() int { return frameSize + len(r.encoded) + (entrySize+16)*len(r.ends) }

func (r *request) settle() { close(r.done) }

// queue holds the requests that the sequencer has not taken. It is bounded by the number of callers: each waits for its one.
type queue struct {
	wake chan struct{} // has something when the sequencer should look

	mu      sync.Mutex
	waiting []*request
	closed  bool
}

func newQueue() queue { return queue{wake: make(chan struct{}, 1)} }

func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return store.ErrClosed
	}
	q.waiting = append(q.waiting, r)
	q.look()
	return nil
}

// empty reports whether nothing waits and more may come.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.closed && len(q.waiting) == 0
}

func (q *queue) look() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// withdraw takes the request back; ok is false when the sequencer has it already.
func (q *queue) withdraw(r *request) (ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, r)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// maxBatch is how many bytes are written and synced at once, unless one request alone is larger.
const maxBatch = 8 << 20

// take waits for requests and moves as many as make a batch to batch. It returns none when the queue is closed. It calls idle before it
// waits.
func (q *queue) take(batch []*request, idle func()) []*request {
	for {
		batch, closed := q.tryTake(batch)
		if len(batch) > 0 || closed {
			return batch
		}
		idle()
		<-q.wake
	}
}

func (q *queue) tryTake(batch []*request) (taken []*request, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size, n := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.waiting[n].bytes() <= maxBatch) {
		size += q.waiting[n].bytes()
		n++
	}
	batch = append(batch, q.waiting[:n]...)
	q.waiting = slices.Delete(q.waiting, 0, n)
	return batch, q.closed
}

// close refuses what waits and what is still to come.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, r := range q.waiting {
		r.outcome.err = store.ErrClosed
		r.settle()
	}
	q.waiting = nil
	q.look()
}
