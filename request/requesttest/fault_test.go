package requesttest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
	"github.com/oxbow-events/oxbow/request/requesttest"
)

// faults are ways to break the contract, each with a claim that must catch it.
var faults = []struct {
	name, claim string
	broken      faulty
}{
	{"one responder of each pattern", "1-RequestsReachTheirResponders/EveryResponderGetsTheRequest", faulty{oncePerPattern: true}},
	{"patterns match what they begin", "1-RequestsReachTheirResponders/PatternsMatchTheTopic", faulty{route: func(r *request.Route) {
		if !strings.Contains(r.Pattern, "*") {
			r.Pattern += ".**"
		}
	}}},
	{"headers lost", "1-RequestsReachTheirResponders/ARequestArrivesWhole", faulty{question: func(q *event.Event[any]) { q.Headers = nil }}},
	{"no cause in the context", "1-RequestsReachTheirResponders/ARequestArrivesWhole", faulty{handling: func(ctx context.Context) context.Context {
		return event.WithCause(ctx, event.Cause{})
	}}},
	{"stop does nothing", "1-RequestsReachTheirResponders/AStoppedResponderGetsNoMore", faulty{noStop: true}},
	{"bad patterns mended", "1-RequestsReachTheirResponders/ABadPatternIsRefused", faulty{route: func(r *request.Route) {
		r.Pattern = strings.ReplaceAll(r.Pattern, "..", ".")
	}}},
	{"nobody is a time-out", "2-NobodyIsToldAtOnce/NobodyListens", faulty{refusal: func(error) error { return context.DeadlineExceeded }}},
	{"whoever declines is counted", "2-NobodyIsToldAtOnce/WhoeverDeclinesIsNotThere", faulty{asked: func(n int) int { return n + 1 }}},
	{"busy is not there", "2-NobodyIsToldAtOnce/BusyIsTold", faulty{taken: func(err error) error {
		if err == nil {
			return nil
		}
		return errors.New("not there")
	}}},
	{"answers in pairs swapped", "3-AnswersComeBack/AnswersOfOneResponderComeInOrder", faulty{swaps: true}},
	{"details lost", "3-AnswersComeBack/AnAnswerArrivesWhole", faulty{answer: func(a *request.Answer) {
		if a.Err != nil {
			a.Err = &request.Error{Code: a.Err.Code, Message: a.Err.Message, Responder: a.Err.Responder}
		}
	}}},
	{"no data are empty data", "3-AnswersComeBack/AnAnswerArrivesWhole", faulty{answer: func(a *request.Answer) {
		if a.Data == nil && a.Err == nil {
			a.Data = ""
		}
	}}},
	{"ends are not told", "3-AnswersComeBack/AfterTheLastAnswersThereAreNoMore", faulty{next: func(err error) error {
		if errors.Is(err, request.ErrNoMore) {
			return context.DeadlineExceeded
		}
		return err
	}}},
	{"answers mixed up", "3-AnswersComeBack/EachRequestGetsItsOwnAnswers", faulty{mixed: &mixing{}}},
	{"all responders are one", "3-AnswersComeBack/RespondersAreToldApart", faulty{answer: func(a *request.Answer) { a.From = 1 }}},
	{"no window", "4-TheWindowBoundsAnswers/SendWaitsUntilThereIsRoom", faulty{window: 1000}},
	{"lost answers are no error", "4-TheWindowBoundsAnswers/ASendThatWaitsEndsWithItsContext", faulty{noErrors: true}},
	{"handlers go on", "5-ContextsEnd/OfTheAskerEndsTheHandlers", faulty{handling: context.WithoutCancel}},
	{"handlers go on after the last answer", "5-ContextsEnd/WithTheLastAnswer", faulty{handling: context.WithoutCancel}},
	{"the context of Next is not told", "5-ContextsEnd/OfTheAskerEndsNext", faulty{next: func(err error) error {
		if errors.Is(err, context.Canceled) {
			return request.ErrNoMore
		}
		return err
	}}},
	{"an ended context asks", "5-ContextsEnd/AnEndedOneAsksNobody", faulty{asking: context.WithoutCancel}},
	{"closing answers ends nobody", "5-ContextsEnd/WithCloseOfTheAnswers", faulty{noClose: true}},
	{"everybody is kept", "5-ContextsEnd/OfAllButTheOneThatIsKept", faulty{noKeep: true}},
	{"nobody is dropped", "5-ContextsEnd/OfTheOneThatIsDropped", faulty{noKeep: true}},
	{"late answers are taken", "6-LateAnswersAreDropped/WhatIsSentAfterCloseIsRefused", faulty{noErrors: true}},
	{"answers after the last are taken", "6-LateAnswersAreDropped/WhatIsSentAfterTheLastIsRefused", faulty{noErrors: true}},
	{"leaving is the end of a stream", "6-LateAnswersAreDropped/LeavingIsToldAndNeedsNoRoom", faulty{answer: func(a *request.Answer) {
		if a.NoAnswer {
			*a = request.Answer{From: a.From, Empty: true, Last: true}
		}
	}}},
	{"closed is the end of answers", "7-CloseEndsEverything/WaitingForAnAnswerEnds", faulty{next: func(err error) error {
		if errors.Is(err, request.ErrClosed) {
			return request.ErrNoMore
		}
		return err
	}}},
	{"closing does nothing", "7-CloseEndsEverything/AskingAndRespondingAreRefused", faulty{neverClosed: true}},
}

const faultVariable = "OXBOW_REQUESTTEST_FAULT"

// TestEachFaultIsCaught runs a claim on each faulty driver in another process, where it must fail. The claims run in bubbles, so that
// no fault hides in a moment that was too short for it.
func TestEachFaultIsCaught(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFault$/^"+strings.ReplaceAll(f.claim, "/", "$/^")+"$")
			cmd.Env = append(os.Environ(), faultVariable+"="+f.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestFault/"+f.claim) {
				t.Errorf("%s passed, or failed for another reason: %v\n%s", f.claim, err, out)
			}
		})
	}
}

func TestFault(t *testing.T) {
	for _, f := range faults {
		if f.name == os.Getenv(faultVariable) {
			requesttest.Run(t, requesttest.InBubbles(requesttest.Harness{Open: func(*testing.T) request.Driver {
				broken := f.broken
				broken.Driver = onBus()
				return &broken
			}}))
		}
	}
}

// faulty is the driver over a bus with something wrong.
type faulty struct {
	request.Driver
	oncePerPattern, noStop, swaps, noErrors, noClose, noKeep, neverClosed bool

	window   int
	route    func(*request.Route)
	question func(*event.Event[any])
	asking   func(context.Context) context.Context
	handling func(context.Context) context.Context
	refusal  func(error) error
	taken    func(error) error
	asked    func(int) int
	answer   func(*request.Answer)
	next     func(error) error
	mixed    *mixing

	patterns map[string]bool // those that were listened to
}

// mixing gives every asker the answer that the one before it should have had.
type mixing struct {
	mu   sync.Mutex
	last request.Answer
}

func (m *mixing) swap(a request.Answer) request.Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.last
	m.last = a
	return before
}

func (d *faulty) Close() error {
	if d.neverClosed {
		return nil
	}
	return d.Driver.Close()
}

func (d *faulty) Respond(ctx context.Context, route request.Route, take request.Take) (func(), error) {
	if d.oncePerPattern && d.patterns[route.Pattern] {
		return func() {}, nil
	}
	if d.patterns == nil {
		d.patterns = map[string]bool{}
	}
	d.patterns[route.Pattern] = true
	if d.route != nil {
		d.route(&route)
	}
	stop, err := d.Driver.Respond(ctx, route, func(ctx context.Context, q *event.Event[any], r request.Reply) error {
		if d.handling != nil {
			ctx = d.handling(ctx)
		}
		err := take(ctx, q, faultyReply{r, d})
		if d.taken != nil {
			err = d.taken(err)
		}
		return err
	})
	if d.noStop && err == nil {
		stop = func() {}
	}
	return stop, err
}

func (d *faulty) Ask(ctx context.Context, q *event.Event[any], window int) (request.Answers, error) {
	if d.asking != nil {
		ctx = d.asking(ctx)
	}
	if d.question != nil {
		changed := *q
		d.question(&changed)
		q = &changed
	}
	a, err := d.Driver.Ask(ctx, q, max(window, d.window))
	if err != nil && d.refusal != nil {
		err = d.refusal(err)
	}
	if err != nil {
		return nil, err
	}
	return &faultyAnswers{Answers: a, d: d}, nil
}

type faultyReply struct {
	request.Reply
	d *faulty
}

func (r faultyReply) Send(ctx context.Context, a request.Answer) error {
	err := r.Reply.Send(ctx, a)
	if r.d.noErrors {
		return nil
	}
	return err
}

type faultyAnswers struct {
	request.Answers
	d    *faulty
	held []request.Answer
}

func (a *faultyAnswers) Next(ctx context.Context) (request.Answer, error) {
	if len(a.held) > 0 {
		answer := a.held[0]
		a.held = nil
		return answer, nil
	}
	answer, err := a.Answers.Next(ctx)
	if err != nil {
		if a.d.next != nil {
			err = a.d.next(err)
		}
		return answer, err
	}
	if a.d.swaps && !answer.Last {
		a.held = []request.Answer{answer}
		return a.Answers.Next(ctx)
	}
	if a.d.mixed != nil {
		answer = a.d.mixed.swap(answer)
	}
	if a.d.answer != nil {
		a.d.answer(&answer)
	}
	return answer, nil
}

func (a *faultyAnswers) Asked() (int, bool) {
	n, all := a.Answers.Asked()
	if a.d.asked != nil {
		n = a.d.asked(n)
	}
	return n, all
}

func (a *faultyAnswers) Keep(from int) {
	if !a.d.noKeep {
		a.Answers.Keep(from)
	}
}

func (a *faultyAnswers) Drop(from int) {
	if !a.d.noKeep {
		a.Answers.Drop(from)
	}
}

func (a *faultyAnswers) Close() {
	if !a.d.noClose {
		a.Answers.Close()
	}
}
