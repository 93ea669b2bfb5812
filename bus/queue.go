package bus

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
)

// Queue says how a queued subscription works. The zero Queue is one worker and 1,024 places.
type Queue struct {
	Size    int // events that may wait; default 1,024
	Workers int // handlers that may run at the same time; default 1

	// Key returns what several workers keep in order: events of one key are handled one after the other, oldest first. It is called by
	// the publisher. Default: the stream.
	Key func(event.Event[any]) string

	WhenFull FullPolicy // default Block
}

// FullPolicy is what happens to an event for which a queue has no room.
type FullPolicy int

// What a full queue may do.
const (
	Block      FullPolicy = iota // the publisher waits until there is room, its context ends or Close gives up
	Fail                         // the publisher gets ErrFull
	DropNewest                   // the event is dropped, and counted
	DropOldest                   // the event that waits longest is dropped, and counted
)

// queue is the bounded backlog of one subscription and its workers. A worker is a goroutine that lives while there is something to
// do: an idle queue has none. active counts them, and who closes waits for it.
type queue struct {
	Queue
	sub  *Subscription
	line *line // the backlog, if there is one worker

	// Read without the lock as well, by a worker that claims from line.
	paused     atomic.Bool
	publishers atomic.Int64 // how many are in blocked

	mu               sync.Mutex
	backlog          backlog
	blocked          entries // of publishers that wait for room; before they are let in, nobody is
	workers          int
	looking          int // workers that have nothing to do and are about to go
	stopped          bool
	over             atomic.Bool // stopped and at rest
	dropped, refused uint64
}

const defaultSize = 1024

// patience is how often whoever finds a queue full, or empty, gives way to other goroutines before it goes to sleep: it is likely that
// the other side is at work, and much cheaper to find that out than to be woken by it.
const patience = 16

func newQueue(s *Subscription, q Queue) (*queue, error) {
	switch {
	case q.Size < 0:
		return nil, event.Invalid("queue size", "is %d; leave it 0 for %d", q.Size, defaultSize)
	case q.Workers < 0:
		return nil, event.Invalid("queue workers", "is %d; leave it 0 for one", q.Workers)
	case q.WhenFull < Block || q.WhenFull > DropOldest:
		return nil, event.Invalid("queue policy", "is %d; use Block, Fail, DropNewest or DropOldest", q.WhenFull)
	}
	q.Size = cmp.Or(q.Size, defaultSize)
	q.Workers = cmp.Or(q.Workers, 1)
	if q.Key == nil {
		q.Key = func(e event.Event[any]) string { return e.Stream }
	}
	made := &queue{Queue: q, sub: s}
	if q.Workers > 1 {
		made.backlog = &lanes{}
		return made, nil
	}
	made.line = &line{}
	made.backlog = made.line
	return made, nil
}

// put takes the event, or says why not.
func (q *queue) put(ctx context.Context, p parcel) error {
	w, key := waiting{ctx: ctx, parcel: p}, ""
	if q.line == nil { // with one worker there is no need of keys: everything is in order
		var err error
		if key, err = q.keyOf(p); err != nil {
			return err
		}
	}
	for range patience {
		if decided, err := q.offer(w, key); decided {
			return err
		}
		runtime.Gosched()
	}
	return q.wait(w, key)
}

func (q *queue) keyOf(p parcel) (key string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return q.Key(*p.untyped()), nil
}

// offer takes w or refuses it. Undecided is what has to wait for room.
func (q *queue) offer(w waiting, key string) (decided bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.decide(w, key)
}

// decide is offer for a caller that holds q.mu.
func (q *queue) decide(w waiting, key string) (decided bool, err error) {
	switch {
	case q.stopped && q.sub.bus.phase.Load() == closed:
		return true, q.refuse(ErrClosed)
	case q.stopped: // as if it had not been there
		return true, nil
	case q.blocked.first == nil && q.backlog.size() < q.Size:
		q.admit(w, key)
		return true, nil
	}
	switch q.WhenFull {
	case Fail:
		return true, q.refuse(ErrFull)
	case DropNewest:
		q.dropped++
		return true, nil
	case DropOldest:
		q.makeRoom()
		q.admit(w, key)
		return true, nil
	}
	return false, nil
}

// makeRoom drops the oldest event, unless the worker has just taken one.
func (q *queue) makeRoom() {
	if q.backlog.size() < q.Size {
		return
	}
	if q.backlog.dropOldest() {
		q.dropped++
	}
}

// wait has the publisher wait until there is room for w.
func (q *queue) wait(w waiting, key string) error {
	n := &entry{waiting: w, key: key, decided: make(chan struct{})}
	if decided, err := q.queueUp(n); decided {
		return err
	}
	select {
	case <-n.decided:
		return n.err
	case <-w.ctx.Done():
		return q.withdraw(n, w.ctx.Err())
	}
}

// queueUp puts n among the blocked, unless it can be decided on now.
func (q *queue) queueUp(n *entry) (decided bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.publishers.Add(1) // before looking whether there is room: a worker makes room and then looks for publishers
	if decided, err := q.decide(n.waiting, n.key); decided {
		q.publishers.Add(-1)
		return true, err
	}
	if from := queueOf(n.ctx); from != nil && !q.sub.bus.waits.allow(from, q) {
		q.publishers.Add(-1)
		return true, q.refuse(fmt.Errorf("%w, and the handler that publishes runs in it, or in one that it waits for in turn", ErrFull))
	}
	q.blocked.push(n)
	return false, nil
}

// withdraw takes back a waiting publisher's event, unless it was decided on meanwhile.
func (q *queue) withdraw(n *entry, err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-n.decided:
		return n.err
	default:
		q.unblock(n)
		return q.refuse(err)
	}
}

func (q *queue) unblock(n *entry) {
	q.blocked.remove(n)
	q.publishers.Add(-1)
}

func (q *queue) refuse(err error) error {
	q.refused++
	return err
}

// admit puts w among the waiting and sees to it that somebody handles it. The caller holds q.mu.
func (q *queue) admit(w waiting, key string) {
	q.backlog.push(w, key)
	q.staff()
}

// staff starts a worker, if there is work for one more. The caller holds q.mu.
func (q *queue) staff() (started bool) {
	if q.workers == q.Workers || q.paused.Load() || q.backlog.ready() <= q.looking {
		return false
	}
	q.workers++
	q.sub.active.begin()
	q.sub.bus.active.begin()
	go q.work(waiting{})
	return true
}

// letIn admits blocked publishers while there is room. The caller holds q.mu.
func (q *queue) letIn() {
	for first := q.blocked.first; first != nil && q.backlog.size() < q.Size; first = q.blocked.first {
		q.unblock(first)
		q.admit(first.waiting, first.key)
		close(first.decided)
	}
}

// stop lets nothing more in. Publishers that wait for room are still served.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.retire()
}

// discard drops what waits in a stopped queue and returns how much that was.
func (q *queue) discard() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.backlog.size()
	q.backlog.clear()
	q.paused.Store(false)
	q.dropped += uint64(n)
	for first := q.blocked.first; first != nil; first = q.blocked.first {
		q.unblock(first)
		if q.sub.bus.phase.Load() == closed {
			first.err = q.refuse(ErrClosed)
		} else {
			q.dropped++
		}
		close(first.decided)
	}
	q.retire()
	return n
}

// retire has the bus forget a stopped queue, once nothing waits and its last worker has gone. The caller holds q.mu.
func (q *queue) retire() {
	if q.stopped && q.workers == 0 && q.backlog.size() == 0 {
		q.sub.bus.waits.forget(q)
		q.over.Store(true)
		q.sub.bus.retire(q.sub)
	}
}
