package bus

import "context"

// work handles events until none is ready.
func (q *queue) work() {
	finished := false
	defer func() {
		if !finished { // a handler ended this goroutine, as t.FailNow does: another takes its place
			go q.work()
			return
		}
		q.sub.active.end()
		q.sub.bus.active.end()
	}()
	for n := q.take(); n != nil; n = q.take() {
		q.handle(n)
	}
	finished = true
}

// take returns the next event whose key nobody is handling. When it returns nil, the worker is no longer counted and must go.
func (q *queue) take() *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.waiting.take()
	if n == nil {
		q.workers--
		q.retire()
		return nil
	}
	if first := q.blocked.first; first != nil {
		q.blocked.remove(first)
		q.admit(first)
		close(first.decided)
	}
	return n
}

func (q *queue) handle(n *entry) {
	defer q.release(n)
	ctx := &handling{Context: q.sub.bus.life, values: context.WithoutCancel(n.ctx), queue: q}
	if err := q.sub.call(ctx, n.parcel); err != nil {
		q.sub.bus.onError(ctx, *n.parcel.untyped(), err)
	}
}

// release lets the next event of the same key be handled.
func (q *queue) release(n *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting.release(n)
}

// handling is a queued handler's context: it has the publisher's values, and ends with the bus. The publisher's cancellation is
// left behind on purpose: a publisher is free to go as soon as the event is in the queue.
type handling struct {
	context.Context
	values context.Context // the cause among them; made by context.WithoutCancel
	queue  *queue
}

type queueKey struct{}

func (h *handling) Value(key any) any {
	switch key.(type) {
	case queueKey:
		return h.queue
	case scopeKey: // the publisher's call is over, or does not wait for this one
		return nil
	}
	if v := h.values.Value(key); v != nil {
		return v
	}
	return h.Context.Value(key)
}

// queueOf returns the queue whose handler was given ctx, or nil.
func queueOf(ctx context.Context) *queue {
	q, _ := ctx.Value(queueKey{}).(*queue)
	return q
}
