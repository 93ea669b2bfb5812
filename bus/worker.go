package bus

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// work handles events until none is ready. done is what was handled last, by a worker whose place this one takes.
func (q *queue) work(done waiting) {
	finished := false
	defer func() {
		if !finished { // a handler ended this goroutine, as t.FailNow does: another takes its place
			go q.work(done)
			return
		}
		q.sub.active.end()
		q.sub.bus.active.end()
	}()
	var contexts contexts
	for w, ok := q.next(done); ok; w, ok = q.next(done) {
		done = w
		q.handle(w, &contexts)
	}
	finished = true
}

// next returns the next event whose key nobody is handling; done has been handled. When ok is false, the worker is no longer counted
// and must go.
func (q *queue) next(done waiting) (w waiting, ok bool) {
	if q.line != nil && !q.paused.Load() {
		if w, ok := q.line.claim(); ok {
			q.madeRoom()
			return w, true
		}
	}
	return q.take(done)
}

// madeRoom lets publishers in, if any wait. It is called without the lock.
func (q *queue) madeRoom() {
	if q.publishers.Load() > 0 {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.letIn()
	}
}

// take is next when nothing is to be had without the lock.
func (q *queue) take(done waiting) (w waiting, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.backlog.release(done)
	for turn := 0; !q.paused.Load(); turn++ {
		if w, ok := q.backlog.take(); ok {
			q.letIn()
			return w, true
		}
		if turn == patience {
			q.backlog.rest()
			break
		}
		q.giveWay()
	}
	q.workers--
	q.retire()
	return waiting{}, false
}

// giveWay lets other goroutines run, which may put something into the queue. The caller holds q.mu.
func (q *queue) giveWay() {
	q.looking++
	q.mu.Unlock()
	runtime.Gosched()
	q.mu.Lock()
	q.looking--
}

func (q *queue) handle(w waiting, contexts *contexts) {
	ctx := contexts.next(q, w)
	if err := q.sub.call(ctx, w.parcel); err != nil {
		q.sub.bus.report(ctx, *w.parcel.untyped(), err)
	}
}

// report hands an error on, whatever becomes of it: a panic here would end the program.
func (b *Bus) report(ctx context.Context, e event.Event[any], err error) {
	defer func() {
		if v := recover(); v != nil {
			panicked := &PanicError{Value: v, Stack: debug.Stack()}
			logError(ctx, e, fmt.Errorf("OnError: %w; it was told: %w", panicked, err))
		}
	}()
	b.onError(ctx, e, err)
}

// contexts makes those of handlers, several in one allocation. None is used twice: a handler may have kept it.
type contexts struct{ made []handling }

func (c *contexts) next(q *queue, w waiting) context.Context {
	if len(c.made) == 0 {
		c.made = make([]handling, 16)
	}
	ctx := &c.made[0]
	c.made = c.made[1:]
	ctx.values, ctx.queue = w.ctx, q
	return ctx
}

// handling is a queued handler's context: it has the publisher's values, and ends with the bus. The publisher's cancellation is
// left behind on purpose: a publisher is free to go as soon as the event is in the queue.
type handling struct {
	values context.Context // carries the cause
	queue  *queue
}

type queueKey struct{}

func (h *handling) life() context.Context { return h.queue.sub.bus.life }

// Deadline says that there is none.
func (h *handling) Deadline() (time.Time, bool) { return h.life().Deadline() }

// Done is closed when the bus's Close gives up, or has ended.
func (h *handling) Done() <-chan struct{} { return h.life().Done() }

// Err returns why.
func (h *handling) Err() error { return h.life().Err() }

// Value asks the bus's life first: it has no values, but would tell package context how it ends, and the publisher's must not.
func (h *handling) Value(key any) any {
	switch key.(type) {
	case queueKey:
		return h.queue
	case scopeKey: // the publisher's call is over, or does not wait for this one
		return nil
	}
	if v := h.life().Value(key); v != nil {
		return v
	}
	return h.values.Value(key)
}

// queueOf returns the queue whose handler was given ctx, or nil.
func queueOf(ctx context.Context) *queue {
	q, _ := ctx.Value(queueKey{}).(*queue)
	return q
}
