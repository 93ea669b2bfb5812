package bus

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"sync"

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
	sub *Subscription

	mu               sync.Mutex
	waiting          backlog
	blocked          entries // of publishers that wait for room; none while there is room
	workers          int
	stopped          bool
	dropped, refused uint64
}

const defaultSize = 1024

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
	return &queue{Queue: q, sub: s}, nil
}

// put takes the event, or says why not.
func (q *queue) put(ctx context.Context, p parcel) error {
	n, err := q.entry(ctx, p)
	if err != nil {
		return err
	}
	if decided, err := q.offer(n); decided {
		return err
	}
	select {
	case <-n.decided:
		return n.err
	case <-ctx.Done():
		return q.withdraw(n, ctx.Err())
	}
}

// entry makes what waits. With one worker there is no need of keys: everything is in order.
func (q *queue) entry(ctx context.Context, p parcel) (n *entry, err error) {
	n = &entry{ctx: ctx, parcel: p}
	if q.Workers == 1 {
		return n, nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	n.key = q.Key(*p.untyped())
	return n, nil
}

// offer takes n, refuses it, or lets its publisher wait for n.decided.
func (q *queue) offer(n *entry) (decided bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopped && q.sub.bus.phase.Load() == closed:
		return true, q.refuse(ErrClosed)
	case q.stopped: // as if it had not been there
		return true, nil
	case q.waiting.size < q.Size:
		q.admit(n)
		return true, nil
	}
	switch q.WhenFull {
	case Fail:
		return true, q.refuse(ErrFull)
	case DropNewest:
		q.dropped++
		return true, nil
	case DropOldest:
		q.waiting.dropOldest()
		q.dropped++
		q.admit(n)
		return true, nil
	}
	if from := queueOf(n.ctx); from != nil && !q.sub.bus.waits.allow(from, q) {
		return true, q.refuse(fmt.Errorf("%w, and the handler that publishes runs in it, or in one that it waits for in turn", ErrFull))
	}
	n.decided = make(chan struct{})
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
		q.blocked.remove(n)
		return q.refuse(err)
	}
}

func (q *queue) refuse(err error) error {
	q.refused++
	return err
}

// admit puts n among the waiting and sees to it that somebody handles it. The caller holds q.mu.
func (q *queue) admit(n *entry) {
	q.waiting.push(n)
	if q.workers == q.Workers || !q.waiting.anyReady() {
		return
	}
	q.workers++
	q.sub.active.begin()
	q.sub.bus.active.begin()
	go q.work()
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
	n := q.waiting.size
	q.waiting.clear()
	q.dropped += uint64(n)
	for first := q.blocked.first; first != nil; first = q.blocked.first {
		q.blocked.remove(first)
		if q.sub.bus.phase.Load() == closed {
			first.err = q.refuse(ErrClosed)
		} else {
			q.dropped++
		}
		close(first.decided)
	}
	return n
}

// retire forgets a stopped queue once its last worker has gone. The caller holds q.mu.
func (q *queue) retire() {
	if q.stopped && q.workers == 0 {
		q.sub.bus.waits.forget(q)
	}
}

func (q *queue) addTo(stats *Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats.Dropped, stats.Refused, stats.Depth = q.dropped, q.refused, q.waiting.size
}
