package telemetry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/trace"
)

func call(kind middleware.Kind) *middleware.Call {
	return &middleware.Call{
		Kind: kind, Name: "account.open", Handler: "accounts", Attempt: 1,
		Metadata: &event.Metadata{ID: event.NewID(), Type: "account.open", TraceParent: callerParent},
	}
}

func answering(result any, err error) middleware.Handler {
	return func(context.Context, *middleware.Call) (any, error) { return result, err }
}

func TestCallsAreSpansOfTheirKind(t *testing.T) {
	for kind, want := range map[middleware.Kind]trace.SpanKind{
		middleware.Command: trace.SpanKindInternal, middleware.Query: trace.SpanKindInternal, middleware.Request: trace.SpanKindServer,
	} {
		l := newLab(t, telemetry.Config{})
		c := call(kind)
		result, err := l.Middleware()(answering(7, nil))(t.Context(), c)
		if result != 7 || err != nil {
			t.Errorf("got %v, %v", result, err)
		}
		span := l.span(string(kind) + " account.open")
		l.expectKind(span, want)
		l.expectAttrs(span, map[string]any{
			"oxbow.operation": string(kind), "oxbow.handler": "accounts", "oxbow.event.type": "account.open",
			"messaging.message.id": c.Metadata.ID.String(),
		})
		if remote := span.Parent.SpanID().String() == "b7ad6b7169203331"; remote != (kind == middleware.Request) {
			t.Errorf("%s: the sender is the parent: %t", kind, remote)
		}
	}
}

func TestEventsAndRecordsPassUntouched(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true})
	for _, c := range []*middleware.Call{call(middleware.Event), call(middleware.Record), nil} {
		if result, err := l.Middleware()(answering(7, errNoMoney))(t.Context(), c); result != 7 || err != errNoMoney {
			t.Errorf("got %v, %v", result, err)
		}
	}
	if len(l.spans.GetSpans())+len(l.measured())+l.lines.Len() > 0 {
		t.Error("something was recorded")
	}
}

func TestWhatACommandDoesIsItsChild(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	ctx := event.WithCause(t.Context(), event.Cause{TraceParent: callerParent, UserID: "ann"})
	_, err := l.Middleware()(func(ctx context.Context, _ *middleware.Call) (any, error) {
		return st.Append(ctx, orderPaid{"1"})
	})(ctx, call(middleware.Command))
	if err != nil {
		t.Fatal(err)
	}
	command := l.span("command account.open")
	l.expectChild(l.span("append order.paid"), command)
	if got := command.Parent.SpanID().String(); got != "b7ad6b7169203331" {
		t.Errorf("the parent is %s, want the one that the cause names", got)
	}
	if r := records(t, st)[0]; r.UserID != "ann" {
		t.Errorf("the user became %q", r.UserID)
	}
}

func TestCallsAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, telemetry.Config{LogEvents: true})
		_, err := l.Middleware()(func(context.Context, *middleware.Call) (any, error) {
			time.Sleep(time.Second)
			l.expectSum(1, "oxbow.in_flight", "oxbow.operation", "query")
			return nil, context.DeadlineExceeded
		})(t.Context(), call(middleware.Query))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		attrs := []string{
			"oxbow.operation", "query", "oxbow.handler", "accounts", "oxbow.event.type", "account.open", "error.type", "timeout",
		}
		l.expectSum(1, "oxbow.handle.duration", attrs...)
		l.expectSum(1, "oxbow.failed", attrs...)
		l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "query")
		expectLine(t, l.line("query failed"), map[string]any{"handler": "accounts", "level": "WARN"})
	})
}

func TestAPanicOfACallGoesOn(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	defer func() {
		if v := recover(); v != "boom" {
			t.Errorf("recovered %v", v)
		}
		l.expectFailed(l.span("command account.open"), "panic", "the handler panicked")
		l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "command")
	}()
	_, _ = l.Middleware()(func(context.Context, *middleware.Call) (any, error) { panic("boom") })(t.Context(), call(middleware.Command))
}
