package request

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// Responder answers requests. It lasts until it or its carrier is closed. Its methods may be called at the same time.
type Responder struct {
	carrier *Carrier
	name    string
	handler handler
	wrapped middleware.Handler // the handler within its middleware; nil without any
	rooms   chan struct{}      // holds one for each handler that runs; nil without a limit
	most    int                // handlers that run and requests that wait, with a limit
	halt    func()             // has the driver give no more requests

	mu     sync.Mutex
	paused bool
	closed bool
	active running
	first  *work // those that are active, in no order

	answered, failed, refused atomic.Uint64
}

// handler is the user's function behind whatever makes the request fit it.
type handler struct {
	read   func(q *event.Event[any]) (data any, err error)
	answer func(ctx context.Context, q *event.Event[any], data any, w *work) (any, error)
	stream bool // the answers go through w, and the result is none
}

// Name returns what errors and askers call the responder: what Named said, or else the handler's name.
func (r *Responder) Name() string { return r.name }

// Stats are counts since the responder began, and what runs now.
type Stats struct {
	Answered uint64 // handlers that returned without an error, whether or not the asker still waited
	Failed   uint64 // handlers that returned an error or panicked, and requests that could not be read
	Refused  uint64 // requests for which there was no room
	Running  int    // handlers that run and requests that wait for room
}

// Stats returns the counts.
func (r *Responder) Stats() Stats {
	s := Stats{Answered: r.answered.Load(), Failed: r.failed.Load(), Refused: r.refused.Load()}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Running = r.active.count
	return s
}

// Pause has the responder take no more requests until Resume: for those that come meanwhile it is not there.
func (r *Responder) Pause() { r.setPaused(true) }

// Resume ends a pause.
func (r *Responder) Resume() { r.setPaused(false) }

func (r *Responder) setPaused(paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = paused
}

// Drain pauses the responder and waits until none of its handlers runs. When ctx ends first it returns an [*UnfinishedError], and they
// run on. A handler must not call it: it would wait for itself.
func (r *Responder) Drain(ctx context.Context) error {
	if r.handlesIn(ctx) {
		return fmt.Errorf("drain responder %s: it was called by its own handler and would wait for it", r.name)
	}
	r.Pause()
	if err := r.active.wait(ctx, &r.mu); err != nil {
		return r.unfinished(err)
	}
	return nil
}

// Close ends the responder: it takes no more requests, and Close returns when its handlers have returned. When ctx ends first, their contexts
// are ended, their askers get ErrGone at once, and Close returns an [*UnfinishedError]. Calling it again waits for handlers that still
// run. A handler must not call it: it would wait for itself.
func (r *Responder) Close(ctx context.Context) error {
	if r.handlesIn(ctx) {
		return fmt.Errorf("close responder %s: it was called by its own handler and would wait for it", r.name)
	}
	r.stop()
	err := r.active.wait(ctx, &r.mu)
	if err == nil {
		r.carrier.remove(r)
		return nil
	}
	unfinished := r.unfinished(err)
	r.giveUp()
	return unfinished
}

// handlesIn reports whether ctx is that of a handler of r, or of one that such a handler asked.
func (r *Responder) handlesIn(ctx context.Context) bool {
	for w := workOf(ctx); w != nil; w = workOf(w.Context) {
		if w.responder == r {
			return true
		}
	}
	return false
}

func (r *Responder) unfinished(err error) error {
	return &UnfinishedError{Left: []Left{{r.name, r.Stats().Running}}, Err: err}
}

// stop lets no more requests in. Doing it again does nothing.
func (r *Responder) stop() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.halt()
}

// giveUp tells the askers of all that runs that no answer will come.
func (r *Responder) giveUp() {
	r.mu.Lock()
	var all []*work
	for w := r.first; w != nil; w = w.next {
		all = append(all, w)
	}
	r.mu.Unlock()
	for _, w := range all {
		w.reply.Leave()
	}
}

// take is what the driver calls with each request.
func (r *Responder) take(ctx context.Context, q *event.Event[any], reply Reply) error {
	w := &work{Context: ctx, responder: r, request: q, reply: reply, depth: 1}
	if outer := workOf(ctx); outer != nil {
		w.depth += outer.depth
	}
	if err := r.admit(w); err != nil {
		return err
	}
	go w.run()
	return nil
}

func (r *Responder) admit(w *work) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed, r.paused:
		return ErrNoResponder
	case r.rooms != nil && r.active.count >= r.most:
		r.refused.Add(1)
		return ErrBusy
	}
	r.active.add(1)
	if w.next = r.first; w.next != nil {
		w.next.previous = w
	}
	r.first = w
	return nil
}

// release notes that a work has ended.
func (r *Responder) release(w *work) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.next != nil {
		w.next.previous = w.previous
	}
	if w.previous != nil {
		w.previous.next = w.next
	} else {
		r.first = w.next
	}
	r.active.add(-1)
}

// work is one request that a responder answers. It is the context that the handler gets.
type work struct {
	context.Context
	responder      *Responder
	request        *event.Event[any]
	reply          Reply
	sent           bool // a value of a stream
	depth          int  // of handlers that wait for each other, this one included
	previous, next *work
}

type workKey struct{}

func (w *work) Value(key any) any {
	if key == (workKey{}) {
		return w
	}
	return w.Context.Value(key)
}

// workOf returns the work whose handler has ctx, or nil.
func workOf(ctx context.Context) *work {
	w, _ := ctx.Value(workKey{}).(*work)
	return w
}

// run answers the request: in a goroutine of its own, so that the asker is free when its context ends, whatever the handler does.
func (w *work) run() {
	r := w.responder
	defer r.release(w)
	if !w.enter() {
		return
	}
	defer w.exit()
	w.finish()
}

// enter waits for room. It reports false when nobody waits for the answer any more.
func (w *work) enter() bool {
	if w.responder.rooms == nil {
		return true
	}
	select {
	case w.responder.rooms <- struct{}{}:
		return true
	case <-w.Done():
		return false
	}
}

func (w *work) exit() {
	if w.responder.rooms != nil {
		<-w.responder.rooms
	}
}

// finish calls the handler and sends the last answer, also when the handler panics or ends its goroutine, as t.FailNow does.
func (w *work) finish() {
	last := Answer{NoAnswer: true}
	defer func() { w.last(last) }()
	last = w.answer()
}

// last sends the last answer.
func (w *work) last(a Answer) {
	r := w.responder
	a.Responder, a.Last = r.name, true
	if a.NoAnswer || a.Err != nil {
		r.failed.Add(1)
	} else {
		r.answered.Add(1)
	}
	if a.NoAnswer {
		w.reply.Leave()
		return
	}
	if err := w.reply.Send(w, a); err != nil {
		w.unsent(err)
	}
}

// unsent tells both sides that an answer was lost, unless nobody wants it any more.
func (w *work) unsent(err error) {
	if w.Err() != nil || errors.Is(err, ErrClosed) {
		return
	}
	r := w.responder
	r.carrier.cfg.OnError(w, *w.request, fmt.Errorf("%s: send the answer: %w", r.name, err))
	told := &Error{Code: CodeFailed, Message: "the answer cannot be sent", Responder: r.name, err: err}
	if w.reply.Send(w, Answer{Responder: r.name, Err: told, Last: true}) != nil {
		w.reply.Leave()
	}
}

// answer returns the last answer: what the handler returned, or what became of it.
func (w *work) answer() (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			a = w.panicked(v)
		}
	}()
	result, err := w.call()
	if err != nil {
		return Answer{Err: describe(w.responder.carrier.codes, w.responder.name, err)}
	}
	if w.responder.handler.stream {
		return Answer{Empty: true}
	}
	return Answer{Data: result}
}

func (w *work) panicked(v any) Answer {
	err := &bus.PanicError{Value: v, Stack: debug.Stack()}
	w.responder.carrier.cfg.OnError(w, *w.request, fmt.Errorf("%s: %w", w.responder.name, err))
	return Answer{Err: &Error{Code: CodePanic, Message: "the handler panicked", Responder: w.responder.name, err: err}}
}

func (w *work) call() (any, error) {
	r := w.responder
	data, err := r.handler.read(w.request)
	if err != nil {
		return nil, err
	}
	if r.wrapped == nil {
		return r.handler.answer(w, w.request, data, w)
	}
	return r.wrapped(w, &middleware.Call{
		Kind: middleware.Request, Name: w.request.Type, Handler: r.name, Metadata: &w.request.Metadata, Data: data, Attempt: 1,
	})
}

// send gives the asker one value of a stream.
func (w *work) send(ctx context.Context, data any) error {
	w.sent = true
	return w.reply.Send(ctx, Answer{Responder: w.responder.name, Data: data})
}
