package telemetry_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

var errNoMoney = errors.New("no money")

func placed(at time.Time) *event.Record {
	return &event.Record{
		Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Time: at, TraceParent: callerParent},
		Place:    event.Place{Stream: "order-42", Revision: 1, Position: 7},
	}
}

func TestRetryAndDeadLetterAreEventsOfTheAttemptsSpan(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	r := placed(time.Now())
	ctx, done := l.ConsumerHook().Handle(t.Context(), "billing", r, 3)
	l.ConsumerHook().Retry(ctx, "billing", r, 3, 2*time.Second, errNoMoney)
	l.ConsumerHook().DeadLetter(ctx, "billing", r, 3, errNoMoney)
	done(errNoMoney)
	span := l.span("handle order.placed")
	l.expectFailed(span, "*errors.errorString", "no money")
	var names []string
	for _, e := range span.Events {
		names = append(names, e.Name)
	}
	if len(span.Events) != 3 || names[0] != "retry" || names[1] != "dead_letter" || names[2] != "exception" {
		t.Fatalf("the span's events are %v", names)
	}
	l.expectAttrs(tracetest.SpanStub{Name: "retry", Attributes: span.Events[0].Attributes},
		map[string]any{"oxbow.attempt": int64(3), "oxbow.retry.after": 2.0, "error.type": "*errors.errorString"})
	if n := len(l.spans.GetSpans()); n != 1 {
		t.Errorf("there are %d spans, want 1", n)
	}
}

func TestRetryAndDeadLetterAreSpansWhenTheAttemptHasEnded(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	r := placed(time.Now())
	ctx, done := l.ConsumerHook().Handle(t.Context(), "billing", r, 1)
	done(errNoMoney)
	l.ConsumerHook().Retry(ctx, "billing", r, 1, time.Second, errNoMoney)
	l.expectChild(l.span("retry order.placed"), l.span("handle order.placed"))
	l.expectLinks(l.span("retry order.placed"), remoteSpan(t, callerParent))
	l.expectAttrs(l.span("retry order.placed"), map[string]any{"messaging.operation.type": "settle", "oxbow.retry.after": 1.0})

	// A consumer tells it with a context of its own.
	main, span := l.tracer.Start(t.Context(), "main")
	r = placed(time.Now())
	r.Type = "order.paid"
	_, done = l.ConsumerHook().Handle(main, "billing", r, 5)
	done(errNoMoney)
	l.ConsumerHook().DeadLetter(main, "billing", r, 5, errNoMoney)
	l.expectChild(l.span("dead_letter order.paid"), l.span("handle order.paid"))

	r = placed(time.Now()) // of which nobody told that it was tried
	l.ConsumerHook().DeadLetter(main, "billing", r, 5, errNoMoney)
	span.End()
	l.expectApart(l.span("dead_letter order.placed"), remoteSpan(t, callerParent))
	if events := l.span("main").Events; len(events) != 0 {
		t.Errorf("a span that is not the attempt's got the events %v", events)
	}
}

func TestAttemptsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, telemetry.Config{})
		r := placed(time.Now())
		hook := l.ConsumerHook()
		time.Sleep(3 * time.Second)
		ctx, done := hook.Handle(t.Context(), "billing", r, 1)
		time.Sleep(250 * time.Millisecond)
		l.expectSum(1, "oxbow.in_flight", "oxbow.operation", "handle")
		done(errNoMoney)
		hook.Retry(ctx, "billing", r, 1, time.Second, errNoMoney)
		time.Sleep(time.Second)
		_, done = hook.Handle(t.Context(), "billing", r, 2)
		done(nil)
		done(errNoMoney) // only the first counts
		hook.DeadLetter(t.Context(), "billing", r, 2, errNoMoney)

		who := []string{"oxbow.handler", "billing", "oxbow.event.type", "order.placed"}
		handled := append([]string{"oxbow.operation", "handle"}, who...)
		failed := append([]string{"error.type", "*errors.errorString"}, handled...)
		l.expectSum(3, "oxbow.lag", handled...)
		l.expectCount(1, "oxbow.lag", handled...)
		l.expectSum(0.25, "oxbow.handle.duration", failed...)
		l.expectSum(0, "oxbow.handle.duration", handled...)
		l.expectSum(1, "oxbow.failed", failed...)
		l.expectSum(1, "oxbow.delivered", handled...)
		l.expectSum(1, "oxbow.retries", append([]string{"error.type", "*errors.errorString"}, who...)...)
		l.expectSum(1, "oxbow.dead_letters", append([]string{"error.type", "*errors.errorString"}, who...)...)
		l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "handle")
	})
}

func TestLagIsNeverNegativeAndNeedsATime(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	_, done := l.ConsumerHook().Handle(t.Context(), "c", placed(time.Now().Add(time.Hour)), 1)
	done(nil)
	_, done = l.ConsumerHook().Handle(t.Context(), "c", placed(time.Time{}), 1)
	done(nil)
	p := l.at("oxbow.lag", "oxbow.operation", "handle", "oxbow.handler", "c", "oxbow.event.type", "order.placed")
	if p.sum != 0 || p.count != 1 {
		t.Errorf("the lag is %v, measured %d times; want 0, once", p.sum, p.count)
	}
}

func TestAttemptsOfWhichNothingIsToldAreForgotten(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	hook := l.ConsumerHook()
	var last *event.Record
	for range 1001 {
		last = placed(time.Now())
		_, done := hook.Handle(t.Context(), "billing", last, 1)
		done(errNoMoney)
	}
	_, done := hook.Handle(t.Context(), "billing", last, 2)
	done(nil)
	l.spans.Reset()
	hook.Retry(t.Context(), "billing", last, 1, time.Second, errNoMoney)
	l.expectApart(l.span("retry order.placed"), remoteSpan(t, callerParent)) // because the last attempt went well
}
