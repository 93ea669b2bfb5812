package request

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// asking is the context that a request is delivered with: it carries the call to its responders.
type asking struct {
	context.Context // the asker's
	call            *call
}

type askingKey struct{}

func (a *asking) Value(key any) any {
	if key == (askingKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// join offers the request to a responder. Its context comes from the asker and not from the subscription, whose middleware may end
// that one when the subscription's handler returns.
func (a *asking) join(m *event.Metadata, name string, take Take) {
	q := a.call.request
	if m.TraceParent != q.TraceParent || m.TraceState != q.TraceState { // a hook of the bus has set them
		traced := *q
		traced.TraceParent, traced.TraceState = m.TraceParent, m.TraceState
		q = &traced
	}
	r := a.call.add(name)
	if r == nil {
		return
	}
	if err := take(event.WithCause(&r.life, q.Cause()), q, r); err != nil {
		a.call.declined(r, err)
	}
}

// call is one request under way: the answers that its asker has not taken, and the responders that they come from.
type call struct {
	asking
	driver  *inProcess
	request *event.Event[any]
	window  int
	wake    chan struct{} // holds one when there is something new for the asker

	mu       sync.Mutex
	offering bool     // the bus is delivering the request
	over     bool     // nobody wants answers any more
	queue    []Answer // from taken on
	taken    int
	unread   int           // answers in the queue that count for the window
	room     chan struct{} // closed when there is room again; nil while nobody waits for it
	replies  []*reply
	live     int // replies that may still send
	asked    int

	// Where the first of each lies, so that most calls are one allocation.
	firstAnswer [1]Answer
	firstReply  reply
	firstOf     [1]*reply
}

// reply is one responder of a call.
type reply struct {
	call *call
	from int
	name string
	life life
	over bool // it has sent its last answer, or nobody wants it; call.mu guards it
}

func newCall(ctx context.Context, d *inProcess, q *event.Event[any], window int) *call {
	c := &call{driver: d, request: q, window: window, wake: make(chan struct{}, 1), offering: true}
	c.asking = asking{Context: ctx, call: c}
	c.queue, c.replies = c.firstAnswer[:0], c.firstOf[:0]
	return c
}

// add makes a responder one of the call's, unless the call no longer offers its request.
func (c *call) add(name string) *reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.offering {
		return nil
	}
	r := &c.firstReply
	if len(c.replies) > 0 {
		r = new(reply)
	}
	r.call, r.from, r.name, r.life.Context = c, len(c.replies)+1, name, &c.asking
	c.replies = append(c.replies, r)
	c.live++
	c.asked++
	return r
}

// declined notes that a responder does not answer. Its context must end all the same.
func (c *call) declined(r *reply, why error) {
	defer r.life.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(why, ErrBusy) {
		c.endWith(r, Answer{Err: busy(r.name), NoAnswer: true})
		return
	}
	c.asked--
	c.end(r)
}

// begun ends the offering and returns how many responders took the request or were too busy for it.
func (c *call) begun() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offering = false
	return c.asked
}

// end notes that a responder sends no more. The caller holds c.mu.
func (c *call) end(r *reply) {
	if !r.over {
		r.over = true
		c.live--
	}
}

// endWith gives the asker a responder's last word, for which there is always room. The caller holds c.mu.
func (c *call) endWith(r *reply, a Answer) {
	if r.over {
		return
	}
	a.Last = true
	c.put(r, a)
}

// put gives an answer to the asker. The caller holds c.mu and has looked for room.
func (c *call) put(r *reply, a Answer) {
	a.From = r.from
	if a.Responder == "" {
		a.Responder = r.name
	}
	if len(c.queue) == cap(c.queue) && 2*c.taken >= len(c.queue) { // else an asker that is always behind has the queue grow for ever
		n := copy(c.queue, c.queue[c.taken:])
		clear(c.queue[n:])
		c.queue, c.taken = c.queue[:n], 0
	}
	c.queue = append(c.queue, a)
	if !a.NoAnswer {
		c.unread++
	}
	if a.Last {
		c.end(r)
	}
	c.signal()
}

func (c *call) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (r *reply) Send(ctx context.Context, a Answer) error {
	for {
		if err := ctx.Err(); err != nil {
			return err // else an error that the end of the asker's context caused could overtake that end
		}
		room, err := r.try(a)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errUnwanted = errors.New("nobody wants the answer any more")

// try sends the answer, or returns what to wait for.
func (r *reply) try(a Answer) (room chan struct{}, err error) {
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.over || c.over {
		return nil, errUnwanted
	}
	if c.unread >= c.window {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		return c.room, nil
	}
	c.put(r, a)
	if a.Last {
		r.life.end()
	}
	return nil, nil
}

func (r *reply) Leave() {
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.endWith(r, Answer{Err: gone(r.name), NoAnswer: true})
	}
	r.life.end()
}

func (c *call) Next(ctx context.Context) (Answer, error) {
	yielded := false
	for {
		a, err := c.take()
		if err != errNotYet {
			return a, err
		}
		if !yielded {
			runtime.Gosched() // a quick responder answers now, and nobody has to wait for a channel
			yielded = true
			continue
		}
		select {
		case <-c.wake:
		case <-c.driver.closed:
			return c.lastly(ErrClosed)
		case <-ctx.Done():
			return c.lastly(ctx.Err())
		}
	}
}

var errNotYet = errors.New("nothing yet")

// take returns the oldest answer, ErrNoMore, or errNotYet.
func (c *call) take() (Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == len(c.queue) {
		if c.over || c.live == 0 {
			return Answer{}, ErrNoMore
		}
		return Answer{}, errNotYet
	}
	a := c.queue[c.taken]
	c.queue[c.taken] = Answer{} // so that it can be freed
	if c.taken++; c.taken == len(c.queue) {
		c.queue, c.taken = c.queue[:0], 0
	}
	if !a.NoAnswer {
		c.unread--
		c.makeRoom()
	}
	return a, nil
}

// makeRoom wakes those who wait for room. The caller holds c.mu.
func (c *call) makeRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// lastly returns an answer that came at the last moment, or err.
func (c *call) lastly(err error) (Answer, error) {
	if a, late := c.take(); late == nil {
		return a, nil
	}
	return Answer{}, err
}

func (c *call) Asked() (n int, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked, true
}

func (c *call) Keep(from int) { c.only(func(other int) bool { return other == from }) }

func (c *call) Drop(from int) { c.only(func(other int) bool { return other != from }) }

// only drops the responders that are not wanted, and what they have sent.
func (c *call) only(wanted func(from int) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.replies {
		if !wanted(r.from) {
			c.end(r)
			r.life.end()
		}
	}
	c.queue = slices.DeleteFunc(c.queue[c.taken:], func(a Answer) bool { return !wanted(a.From) })
	c.taken, c.unread = 0, 0
	for _, a := range c.queue {
		if !a.NoAnswer {
			c.unread++
		}
	}
	c.makeRoom()
	c.signal()
}

func (c *call) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.queue, c.taken = nil, 0
	for _, r := range c.replies {
		r.life.end()
	}
	c.makeRoom()
}
