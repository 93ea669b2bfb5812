// Package requesttest proves a driver of requests: [Run] is the conformance suite that every driver passes.
//
//	func TestConformance(t *testing.T) {
//		requesttest.Run(t, requesttest.Harness{Open: func(*testing.T) request.Driver { return request.OnBus(bus.New(bus.Config{})) }})
//	}
//
// The groups are the promises of [request.Driver]. Every name is a claim and stays as it is, because documents link to it.
package requesttest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

// Harness is how the suite gets drivers.
type Harness struct {
	// Open returns a driver without responders. The suite closes it.
	Open func(t *testing.T) request.Driver

	// Patience is how long the suite waits for what must happen. Default: 10 s.
	Patience time.Duration

	bubble bool // each claim in a bubble of testing/synctest
}

// Run proves the driver, each claim in a subtest with a driver of its own.
func Run(t *testing.T, h Harness) {
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.claims {
				t.Run(c.name, func(t *testing.T) { h.prove(t, c) })
			}
		})
	}
}

func (h Harness) prove(t *testing.T, c claim) {
	if !h.bubble {
		c.test(begin(t, h))
		return
	}
	synctest.Test(t, func(t *testing.T) { c.test(begin(t, h)) })
}

type group struct {
	name   string
	claims []claim
}

type claim struct {
	name string
	test func(t *trial)
}

var groups = []group{
	{"1-RequestsReachTheirResponders", reaching},
	{"2-NobodyIsToldAtOnce", nobody},
	{"3-AnswersComeBack", answering},
	{"4-TheWindowBoundsAnswers", window},
	{"5-ContextsEnd", ending},
	{"6-LateAnswersAreDropped", late},
	{"7-CloseEndsEverything", closing},
}

const (
	defaultPatience = 10 * time.Second
	moment          = 50 * time.Millisecond // in which what must not happen would
)

// trial is one test of one driver.
type trial struct {
	*testing.T
	d        request.Driver
	ctx      context.Context // ends after the patience, so that a call that waits for ever fails with the name of its claim
	handlers sync.WaitGroup
}

func begin(t *testing.T, h Harness) *trial {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(h.Patience, defaultPatience))
	tr := &trial{T: t, d: h.Open(t), ctx: ctx}
	t.Cleanup(func() {
		cancel()
		if err := tr.d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		tr.handlers.Wait()
	})
	return tr
}

// handler answers one request in a goroutine of its own.
type handler func(ctx context.Context, q *event.Event[any], r request.Reply)

// respond has h answer the requests of a pattern.
func (t *trial) respond(pattern, name string, h handler) (stop func()) {
	t.Helper()
	return t.take(pattern, name, func(ctx context.Context, q *event.Event[any], r request.Reply) error {
		t.handlers.Go(func() { h(ctx, q, r) })
		return nil
	})
}

func (t *trial) take(pattern, name string, take request.Take) (stop func()) {
	t.Helper()
	stop, err := t.d.Respond(t.ctx, request.Route{Pattern: pattern, Name: name}, take)
	if err != nil {
		t.Fatalf("respond to %s: %v", pattern, err)
	}
	return stop
}

// made returns a request ready to be asked.
func (t *trial) made(eventType string, opts ...event.Option) *event.Event[any] {
	t.Helper()
	e, err := event.New(t.ctx, event.From(eventType, "question"), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

// ask sends a request, and ends it with the test.
func (t *trial) ask(q *event.Event[any], window int) request.Answers {
	t.Helper()
	a, err := t.d.Ask(t.ctx, q, window)
	if err != nil {
		t.Fatalf("ask %s: %v", q.Type, err)
	}
	t.Cleanup(a.Close)
	return a
}

// next returns the next answer.
func (t *trial) next(a request.Answers) request.Answer {
	t.Helper()
	answer, err := a.Next(t.ctx)
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return answer
}

// rest returns what all answers say, until there are no more.
func (t *trial) rest(a request.Answers) (said []string) {
	t.Helper()
	for {
		answer, err := a.Next(t.ctx)
		if err == request.ErrNoMore {
			return said
		}
		if err != nil {
			t.Fatalf("Next after %q: %v", said, err)
		}
		said = append(said, says(answer))
	}
}

// says returns what an answer says: its text, its code, or end.
func says(a request.Answer) string {
	switch {
	case a.Err != nil:
		return a.Err.Code
	case a.Empty:
		return "end"
	}
	return text(a.Data)
}

// text returns data that are a text, or were one before they were carried.
func text(data any) string {
	var decoded string
	switch raw := data.(type) {
	case json.RawMessage:
		if json.Unmarshal(raw, &decoded) == nil {
			return decoded
		}
	case []byte:
		if json.Unmarshal(raw, &decoded) == nil {
			return decoded
		}
	}
	return fmt.Sprint(data)
}

// send sends an answer that must be taken.
func (t *trial) send(ctx context.Context, r request.Reply, a request.Answer) {
	if err := r.Send(ctx, a); err != nil {
		t.Errorf("Send: %v", err)
	}
}

// says returns a handler that answers with texts.
func (t *trial) says(texts ...string) handler {
	return func(ctx context.Context, _ *event.Event[any], r request.Reply) {
		for n, text := range texts {
			t.send(ctx, r, request.Answer{Data: text, Last: n == len(texts)-1})
		}
	}
}

// silent returns a handler that says nothing, and a channel that is closed when its context has ended.
func (t *trial) silent() (handler, chan struct{}) {
	ended := make(chan struct{})
	return func(ctx context.Context, _ *event.Event[any], _ request.Reply) {
		select {
		case <-ctx.Done():
			close(ended)
		case <-t.ctx.Done():
		}
	}, ended
}

// wait waits for what must happen. What happens once the patience is over may happen because it is: that does not count. Handlers that
// are still there when the test ends, which cancels the context, have nothing to report.
func (t *trial) wait(happens <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-happens:
	case <-t.ctx.Done():
	}
	if t.ctx.Err() == context.DeadlineExceeded {
		t.Error(what)
	}
}

// never waits a moment for what must not happen.
func (t *trial) never(happens <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-happens:
		t.Error(what)
	case <-time.After(moment):
	}
}
