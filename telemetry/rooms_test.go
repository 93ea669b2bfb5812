package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// orders serves POST /orders/{id} by publishing on a bus, and makes events of the requests; around is where telemetry stands.
func orders(l *lab, b *bus.Bus, around func(requests func(http.Handler) http.Handler, mux http.Handler) http.Handler) http.Handler {
	l.t.Helper()
	requests, err := httpevent.New(b, httpevent.Config{})
	if err != nil {
		l.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(_ http.ResponseWriter, r *http.Request) {
		if err := bus.Publish(r.Context(), b, orderPlaced{OrderID: r.PathValue("id")}); err != nil {
			l.t.Error(err)
		}
	})
	return around(requests, mux)
}

func deliveryTo(l *lab, name string) tracetest.SpanStub {
	l.t.Helper()
	for _, s := range l.spans.GetSpans() {
		if subscription(s) == name {
			return s
		}
	}
	l.t.Fatalf("there is no delivery to %s", name)
	return tracetest.SpanStub{}
}

func TestRequestBusAndStoreAreOneTraceThroughTheHooksOfTheRooms(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	b := bus.New(bus.Config{Hook: l.BusHook(), OnError: func(context.Context, event.Event[any], error) {}})
	if _, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Append(ctx, orderPaid{e.Data.OrderID})
		return err
	}, bus.Named("billing")); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Subscribe(b, func(context.Context, event.Event[orderPlaced]) error {
		return errNoMoney
	}, bus.Named("mailing"), bus.Queued(bus.Queue{})); err != nil {
		t.Fatal(err)
	}
	h := orders(l, b, func(requests func(http.Handler) http.Handler, mux http.Handler) http.Handler {
		return l.HTTP(requests(mux))
	})
	w := serve(h, "POST", "/orders/42", "Traceparent", callerParent)
	idle(t, b)
	server, publish := l.span("POST /orders/{id}"), l.span("publish order.placed")
	if got, want := w.Header().Get("Traceparent"), spanText(server.SpanContext)+"-01"; got != want {
		t.Errorf("the response names %s, want the request's span %s", got, want)
	}
	l.expectChild(publish, server)
	l.expectChild(l.span("publish http.request"), server)
	l.expectChild(deliveryTo(l, "billing"), publish)
	l.expectChild(l.span("append order.paid"), deliveryTo(l, "billing"))
	l.expectApart(deliveryTo(l, "mailing"), publish.SpanContext)
	l.expectFailed(deliveryTo(l, "mailing"), "*errors.errorString", deliveryTo(l, "mailing").Status.Description)
}

func TestTelemetryInsideOfRequestEventsGoesOnWithTheCallersTrace(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	b := bus.New(bus.Config{Hook: l.BusHook()})
	h := orders(l, b, func(requests func(http.Handler) http.Handler, mux http.Handler) http.Handler {
		return requests(l.HTTP(mux))
	})
	serve(h, "POST", "/orders/42", "Traceparent", callerParent)
	server, request := l.span("POST /orders/{id}"), l.span("publish http.request")
	if got := server.Parent.SpanID().String(); got != "b7ad6b7169203331" {
		t.Errorf("the parent is %s, want the caller", got)
	}
	l.expectChild(l.span("publish order.placed"), server)
	if len(request.Links) != 1 || request.Links[0].SpanContext.TraceID().String() != callerTrace {
		t.Errorf("the request's event is linked to %v, want the caller's trace", request.Links)
	}
}

func TestAConsumersAttemptsAreLinkedAndWhatBecomesOfThemIsTheirChild(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	if _, err := st.Append(t.Context(), orderPaid{"42"}); err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(st, "shipping", consumer.Config{
		Spent: consumer.Halt,
		Hook:  l.ConsumerHook(), Retry: consumer.Retry{Attempts: 2, First: time.Millisecond},
	}, consumer.OnRecord(func(context.Context, event.Record) error { return errNoMoney }))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context()); !errors.Is(err, errNoMoney) {
		t.Fatal(err)
	}
	var attempts []tracetest.SpanStub
	for _, s := range l.spans.GetSpans() {
		if s.Name == "handle order.paid" {
			l.expectApart(s, l.span("append order.paid").SpanContext)
			attempts = append(attempts, s)
		}
	}
	if len(attempts) != 2 {
		t.Fatalf("there are %d attempts, want 2", len(attempts))
	}
	l.expectChild(l.span("retry order.paid"), attempts[0])
	l.expectChild(l.span("dead_letter order.paid"), attempts[1])
}
