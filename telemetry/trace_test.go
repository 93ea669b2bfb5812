package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/telemetry"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const (
	callerTrace  = "0af7651916cd43dd8448eb211c80319c"
	callerParent = "00-" + callerTrace + "-b7ad6b7169203331-01"
)

func TestARequestAndWhatItCausesAreOneTrace(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st, b := l.store(), bus.New(bus.Config{})
	subscribe(l, b, "billing", func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Append(ctx, orderPaid{e.Data.OrderID})
		return err
	})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := l.publish(r.Context(), b, orderPlaced{OrderID: r.PathValue("id")}); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
	})
	r := httptest.NewRequest("POST", "/orders/42", nil)
	r.Header.Set("Traceparent", callerParent)
	l.HTTP(mux).ServeHTTP(httptest.NewRecorder(), r)

	server, publish := l.span("POST /orders/{id}"), l.span("publish order.placed")
	deliver, appended := l.span("deliver order.placed"), l.span("append order.paid")
	if got := server.Parent; got.TraceID().String() != callerTrace || got.SpanID().String() != "b7ad6b7169203331" || !got.IsRemote() {
		t.Errorf("the request's span is a child of %v, want the caller's", got)
	}
	l.expectChild(publish, server)
	l.expectChild(deliver, publish)
	l.expectChild(appended, deliver)
	l.expectKind(server, trace.SpanKindServer)
	l.expectKind(publish, trace.SpanKindProducer)
	l.expectKind(deliver, trace.SpanKindConsumer)
	l.expectKind(appended, trace.SpanKindProducer)
	for _, span := range []tracetest.SpanStub{server, publish, deliver, appended} {
		l.expectLinks(span)
	}
	if got, want := records(t, st)[0].TraceParent, spanText(appended.SpanContext)+"-01"; got != want {
		t.Errorf("the stored event's trace is %s, want that of the span that appended it, %s", got, want)
	}
}

func TestSpansFollowTheConventionsForMessaging(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	b := bus.New(bus.Config{})
	subscribe(l, b, "billing", func(context.Context, event.Event[orderPlaced]) error { return nil })
	e, err := l.publish(t.Context(), b, orderPlaced{OrderID: "42"})
	if err != nil {
		t.Fatal(err)
	}
	common := map[string]any{
		"messaging.system": "oxbow", "messaging.destination.name": "order.placed",
		"messaging.message.id": e.ID.String(), "messaging.message.conversation_id": e.CorrelationID.String(),
	}
	publish, deliver := l.span("publish order.placed"), l.span("deliver order.placed")
	l.expectAttrs(publish, common)
	l.expectAttrs(deliver, common)
	l.expectAttrs(publish, map[string]any{"messaging.operation.name": "publish", "messaging.operation.type": "send"})
	l.expectAttrs(deliver, map[string]any{
		"messaging.operation.name": "deliver", "messaging.operation.type": "process",
		"messaging.destination.subscription.name": "billing",
	})
}

func TestADeliveryOutOfAQueueIsLinkedToThePublish(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	b := bus.New(bus.Config{})
	published := make(chan struct{})
	early := make(chan struct{})
	// One is delivered while its publisher still publishes, the other after that.
	subscribe(l, b, "early", func(ctx context.Context, _ event.Event[orderPlaced]) error {
		close(early)
		_, err := l.publish(ctx, b, orderPaid{"42"})
		return err
	}, bus.Queued(bus.Queue{}))
	if _, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[orderPlaced]) error {
		<-published
		return observed(l, "late", func(context.Context, event.Event[orderPlaced]) error { return nil })(ctx, e)
	}, bus.Queued(bus.Queue{})); err != nil {
		t.Fatal(err)
	}
	subscribe(l, b, "sync", func(context.Context, event.Event[orderPlaced]) error { <-early; return nil })
	subscribe(l, b, "inner", func(context.Context, event.Event[orderPaid]) error { return nil })
	if _, err := l.publish(t.Context(), b, orderPlaced{OrderID: "42"}); err != nil {
		t.Fatal(err)
	}
	close(published)
	idle(t, b)

	publish := l.span("publish order.placed")
	var found int
	for _, s := range l.spans.GetSpans() {
		if s.Name != "deliver order.placed" {
			continue
		}
		switch subscription(s) {
		case "sync":
			l.expectChild(s, publish)
			l.expectLinks(s)
		case "early", "late":
			l.expectApart(s, publish.SpanContext)
		}
		if subscription(s) == "early" {
			l.expectChild(l.span("publish order.paid"), s)
		}
		found++
	}
	if found != 3 {
		t.Errorf("there are %d deliveries, want 3", found)
	}
	l.expectChild(l.span("deliver order.paid"), l.span("publish order.paid"))
}

func TestWhatAHandlerMakesWithoutAHookIsLinkedToItToo(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	r := placed(time.Now())
	delivering, delivered := l.BusHook().Deliver(t.Context(), "billing", &r.Metadata)
	handling, handled := l.ConsumerHook().Handle(t.Context(), "billing", r, 1)
	inDelivery, err := event.New(delivering, orderPaid{"1"})
	if err != nil {
		t.Fatal(err)
	}
	inHandling, err := event.New(handling, orderPaid{"1"})
	if err != nil {
		t.Fatal(err)
	}
	delivered(nil)
	handled(nil)
	if want := spanText(l.span("deliver order.placed").SpanContext) + "-01"; inDelivery.TraceParent != want {
		t.Errorf("in a delivery it has the trace %s, want %s", inDelivery.TraceParent, want)
	}
	if want := spanText(l.span("handle order.placed").SpanContext) + "-01"; inHandling.TraceParent != want {
		t.Errorf("in a consumer it has the trace %s, want %s", inHandling.TraceParent, want)
	}
}

func subscription(s tracetest.SpanStub) string {
	for _, kv := range s.Attributes {
		if kv.Key == "messaging.destination.subscription.name" {
			return kv.Value.AsString()
		}
	}
	return ""
}

func TestADeliveryOutOfAQueueThatAQueuedHandlerFillsIsLinked(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	b := bus.New(bus.Config{})
	begun := make(chan struct{})
	subscribe(l, b, "outer", func(ctx context.Context, _ event.Event[orderPlaced]) error {
		_, err := l.publish(ctx, b, orderPaid{"42"})
		return err
	}, bus.Queued(bus.Queue{}))
	subscribe(l, b, "inner", func(context.Context, event.Event[orderPaid]) error {
		close(begun)
		return nil
	}, bus.Queued(bus.Queue{}))
	if _, err := bus.Subscribe(b, func(context.Context, event.Event[orderPaid]) error {
		<-begun // so that the queued delivery begins while the publish goes on
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.publish(t.Context(), b, orderPlaced{OrderID: "42"}); err != nil {
		t.Fatal(err)
	}
	idle(t, b)
	l.expectApart(l.span("deliver order.paid"), l.span("publish order.paid").SpanContext)
}

func TestAConsumerIsLinkedToWhatPublishedTheRecord(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	if _, err := st.Append(t.Context(), orderPlaced{OrderID: "42"}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c, err := consumer.New(st, "billing", consumer.Config{Filters: []store.Filter{{Types: []string{"order.placed"}}}}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
		ctx, done := l.ConsumerHook().Handle(ctx, "billing", &r, 1)
		_, err := st.Append(ctx, orderPaid{"42"})
		done(err)
		stop()
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	running, main := l.tracer.Start(ctx, "main")
	if err := c.Run(running); err != nil {
		t.Fatal(err)
	}
	main.End()
	handle := l.span("handle order.placed")
	l.expectApart(handle, l.span("append order.placed").SpanContext)
	l.expectKind(handle, trace.SpanKindConsumer)
	l.expectAttrs(handle, map[string]any{
		"messaging.consumer.group.name": "billing", "messaging.operation.type": "process",
		"oxbow.position": int64(1), "oxbow.attempt": int64(1),
	})
	l.expectChild(l.span("append order.paid"), handle)
}

func TestACheckpointHasNoSpanUnlessItIsPartOfAnother(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	c := store.Commit{Items: []store.ItemWrite{store.Put("b", "k", nil)}}
	if _, err := st.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if spans := l.spans.GetSpans(); len(spans) != 0 {
		t.Errorf("there are spans %v", spans)
	}
	ctx, outer := l.tracer.Start(t.Context(), "outer")
	if _, err := st.Commit(ctx, c); err != nil {
		t.Fatal(err)
	}
	outer.End()
	l.expectChild(l.span("append"), l.span("outer"))
	l.expectAttrs(l.span("append"), map[string]any{"oxbow.items": int64(1)})
	l.expectCount(2, "oxbow.append.duration")
}

func TestABatchIsOneSpanLinkedToTheTracesThatItsEventsCameWith(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	with := func(parent string) event.Event[any] {
		e := event.From("sensor.read", nil)
		e.TraceParent = parent
		return e
	}
	other := strings.Replace(callerParent, "b7ad", "b7ae", 1)
	_, err := st.Append(t.Context(), with(callerParent), with(""), with(callerParent), with(other), orderPaid{"1"})
	if err != nil {
		t.Fatal(err)
	}
	span := l.span("append")
	l.expectKind(span, trace.SpanKindProducer)
	l.expectLinks(span, remoteSpan(t, callerParent), remoteSpan(t, other))
	l.expectAttrs(span, map[string]any{"messaging.batch.message_count": int64(5), "oxbow.position": int64(1)})
	mine := spanText(span.SpanContext) + "-01"
	for i, want := range []string{callerParent, mine, callerParent, other, mine} {
		if got := records(t, st)[i].TraceParent; got != want {
			t.Errorf("the trace of event %d is %s, want %s", i, got, want)
		}
	}
}

func TestTheLinksOfABatchHaveABound(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	var events []any
	for i := range 300 {
		e := event.From("sensor.read", nil)
		e.TraceParent = "00-" + callerTrace + "-" + strings.Repeat("0", 12) + string("0123456789abcdef"[i/256+1]) +
			string("0123456789abcdef"[i/16%16]) + string("0123456789abcdef"[i%16]) + "1-01"
		events = append(events, e)
	}
	if _, err := l.store().Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	span := l.span("append sensor.read")
	if len(span.Links) != 100 {
		t.Errorf("there are %d links, want 100", len(span.Links))
	}
	l.expectKind(span, trace.SpanKindInternal)
}

// remoteSpan reads a traceparent.
func remoteSpan(t *testing.T, parent string) trace.SpanContext {
	t.Helper()
	parts := strings.Split(parent, "-")
	traceID, err := trace.TraceIDFromHex(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	spanID, err := trace.SpanIDFromHex(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, Remote: true})
}

func TestAnEventThatCameWithATraceKeepsIt(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	foreign := event.From("any", map[string]any{})
	foreign.TraceParent, foreign.TraceState = callerParent, "vendor=1"
	e, err := event.New(t.Context(), foreign)
	if err != nil {
		t.Fatal(err)
	}
	ctx, done := l.BusHook().Publish(t.Context(), &e.Metadata)
	_, delivered := l.BusHook().Deliver(ctx, "sync", &e.Metadata)
	delivered(nil)
	done(nil)
	_, delivered = l.BusHook().Deliver(ctx, "late", &e.Metadata)
	delivered(nil)
	if e.TraceParent != callerParent || e.TraceState != "vendor=1" {
		t.Errorf("the trace became %s %s", e.TraceParent, e.TraceState)
	}
	publish := l.span("publish any")
	l.expectApart(publish, remoteSpan(t, callerParent))
	for _, s := range l.spans.GetSpans() {
		if subscription(s) == "sync" {
			l.expectChild(s, publish)
			l.expectLinks(s)
		}
		if subscription(s) == "late" {
			l.expectApart(s, remoteSpan(t, callerParent), publish.SpanContext)
		}
	}
}

func TestAnEventGetsTheSpanThatPublishedIt(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	ctx := event.WithCause(t.Context(), event.Cause{TraceParent: callerParent, TraceState: "vendor=1"})
	e, err := l.publish(ctx, bus.New(bus.Config{}), orderPaid{"42"})
	if err != nil {
		t.Fatal(err)
	}
	publish := l.span("publish order.paid")
	if want := spanText(publish.SpanContext) + "-01"; e.TraceParent != want || e.TraceState != "vendor=1" {
		t.Errorf("the trace is %s %s, want %s and the state of its parent", e.TraceParent, e.TraceState, want)
	}
	if publish.Parent.SpanID().String() != "b7ad6b7169203331" || !publish.Parent.IsRemote() {
		t.Errorf("the parent is %v, want the one that the cause names", publish.Parent)
	}
}

func TestATraceThatIsThatOfTheContextIsNoOtherTrace(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	ctx, outer := l.tracer.Start(t.Context(), "outer")
	m := event.Metadata{ID: event.NewID(), Type: "a.b", TraceParent: spanText(outer.SpanContext()) + "-01"}
	_, done := l.BusHook().Publish(ctx, &m)
	done(nil)
	outer.End()
	publish := l.span("publish a.b")
	l.expectChild(publish, l.span("outer"))
	l.expectLinks(publish)
	if want := spanText(publish.SpanContext) + "-01"; m.TraceParent != want {
		t.Errorf("the trace is %s, want %s", m.TraceParent, want)
	}
}

func TestALongTraceStateIsNotHandedOn(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	var members []string
	for i := range 32 {
		members = append(members, string(rune('a'+i%26))+strings.Repeat("x", i/26)+"="+strings.Repeat("v", 250))
	}
	ctx := event.WithCause(t.Context(), event.Cause{TraceParent: callerParent, TraceState: strings.Join(members, ",")})
	e := event.Metadata{Type: "order.paid", ID: event.NewID()}
	_, done := l.BusHook().Publish(ctx, &e)
	done(nil)
	if e.TraceParent == "" || e.TraceState != "" {
		t.Errorf("the trace is %q with a state of %d bytes, want none", e.TraceParent, len(e.TraceState))
	}
}

func TestMalformedTracesArePassedOver(t *testing.T) {
	for _, parent := range []string{
		"x", "00", strings.Repeat("-", 4000), "00-" + callerTrace + "-b7ad6b7169203331", "00-" + callerTrace + "-b7ad6b716920333G-01",
		"ff-" + callerTrace + "-b7ad6b7169203331-01", "00-" + strings.ToUpper(callerTrace) + "-b7ad6b7169203331-01",
		"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", "00-" + callerTrace + "-" + strings.Repeat("0", 16) + "-01",
		"00-" + callerTrace + "-b7ad6b7169203331-01-more", "\xff\xfe",
	} {
		l := newLab(t, telemetry.Config{})
		r := event.Record{Metadata: event.Metadata{ID: event.NewID(), Type: "a.b", TraceParent: parent, TraceState: "\x00"}}
		_, done := l.ConsumerHook().Handle(t.Context(), "c", &r, 1)
		done(nil)
		l.expectApart(l.span("handle a.b"))
		m := r.Metadata
		_, done = l.BusHook().Publish(event.WithCause(t.Context(), event.Cause{TraceParent: parent}), &m)
		done(nil)
		l.expectApart(l.span("publish a.b"))
		if want := spanText(l.span("publish a.b").SpanContext) + "-01"; m.TraceParent != want {
			t.Errorf("after %q the event has the trace %q, want %q", parent, m.TraceParent, want)
		}
		c := store.Commit{Events: []event.Record{r}}
		_, appended := l.StoreHook().Append(t.Context(), &c)
		appended(store.Receipt{}, nil)
		l.expectApart(l.span("append a.b"))
		request := httptest.NewRequest("GET", "/", nil)
		request.Header["Traceparent"] = []string{parent}
		l.HTTP(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), request)
		l.expectApart(l.span("GET"))
	}
}

func TestAPublishWithinItselfIsOne(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st, b := l.store(), bus.New(bus.Config{})
	e, err := event.New(t.Context(), orderPaid{"42"})
	if err != nil {
		t.Fatal(err)
	}
	subscribe(l, b, "again", func(ctx context.Context, e event.Event[orderPaid]) error {
		_, err := l.publish(ctx, bus.New(bus.Config{}), e)
		return err
	})
	// One span around storing and delivering, as an app may do.
	ctx, done := l.BusHook().Publish(t.Context(), &e.Metadata)
	r, err := st.Registry().Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(ctx, store.Commit{Events: []event.Record{r}}); err != nil {
		t.Fatal(err)
	}
	_, inner := l.BusHook().Publish(ctx, &e.Metadata)
	if inner != nil {
		t.Error("publishing it within itself is observed again")
	}
	if err := b.Deliver(ctx, e); err != nil {
		t.Fatal(err)
	}
	done(nil)
	var publishes []tracetest.SpanStub
	for _, s := range l.spans.GetSpans() {
		if s.Name == "publish order.paid" {
			publishes = append(publishes, s)
		}
	}
	if len(publishes) != 2 { // the handler's comes first, because it ends first
		t.Fatalf("there are %d publishes, want the one and that of the handler", len(publishes))
	}
	l.expectChild(publishes[0], l.span("deliver order.paid"))
	l.expectChild(l.span("append order.paid"), publishes[1])
	l.expectKind(l.span("append order.paid"), trace.SpanKindInternal)
	if got, want := records(t, st)[0].TraceParent, spanText(publishes[1].SpanContext)+"-01"; got != want {
		t.Errorf("the stored trace is %s, want that of the publish, %s", got, want)
	}
}

func TestWhatIsNotSampledIsStillHandedOn(t *testing.T) {
	l := newLab(t, telemetry.Config{}, sdktrace.WithSampler(sdktrace.NeverSample()))
	e, err := l.publish(t.Context(), bus.New(bus.Config{}), orderPaid{"42"})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.spans.GetSpans()) != 0 || !strings.HasSuffix(e.TraceParent, "-00") {
		t.Errorf("there are %d spans, and the trace is %q", len(l.spans.GetSpans()), e.TraceParent)
	}
}

func TestWithoutProvidersNothingIsRecordedAndNoTraceIsChanged(t *testing.T) {
	for _, provider := range []trace.TracerProvider{nil, noop.NewTracerProvider()} {
		tel, err := telemetry.New(telemetry.Config{TracerProvider: provider})
		if err != nil {
			t.Fatal(err)
		}
		m := event.Metadata{ID: event.NewID(), Type: "a.b"}
		_, done := tel.BusHook().Publish(t.Context(), &m)
		done(nil)
		if m.TraceParent != "" {
			t.Errorf("the trace became %q", m.TraceParent)
		}
		ctx := event.WithCause(t.Context(), event.Cause{TraceParent: callerParent})
		m.TraceParent = callerParent
		_, done = tel.BusHook().Publish(ctx, &m)
		done(nil)
		if m.TraceParent != callerParent {
			t.Errorf("the trace became %q", m.TraceParent)
		}
		h := tel.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Traceparent"); got != callerParent {
				t.Errorf("the request's trace became %q", got)
			}
		}))
		serve(h, "GET", "/", "Traceparent", callerParent)
	}
}

func TestErrorsAreRecordedWithTheirKind(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st, b := l.store(), bus.New(bus.Config{})
	_, err := st.AppendTo(t.Context(), "s", []any{orderPaid{"1"}}, store.StreamExists("s"))
	if !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	l.expectFailed(l.span("append order.paid"), "conflict", err.Error())
	subscribe(l, b, "billing", func(context.Context, event.Event[orderPlaced]) error { return errors.New("no money") })
	if _, err := l.publish(t.Context(), b, orderPlaced{OrderID: "1"}); err == nil {
		t.Fatal("no error")
	}
	deliver := l.span("deliver order.placed")
	l.expectFailed(deliver, "*errors.errorString", "no money")
	if len(deliver.Events) != 1 || deliver.Events[0].Name != "exception" {
		t.Errorf("the span's events are %v, want the exception", deliver.Events)
	}
}

func TestTheKindOfAnErrorIsThatOfWhatWentWrong(t *testing.T) {
	for want, err := range map[string]error{
		"*errors.errorString":    &bus.HandlerError{Err: consumer.Permanent(fmt.Errorf("pay: %w", errNoMoney))},
		"panic":                  &bus.HandlerError{Err: &bus.PanicError{Value: "x"}},
		"canceled":               fmt.Errorf("read: %w", context.Canceled),
		"closed":                 &bus.HandlerError{Err: store.ErrClosed},
		"tombstone":              &store.TombstoneError{Stream: "s"},
		"invalid":                event.Invalid("stream", "is empty"),
		"*fs.PathError":          errors.Join(&fs.PathError{Err: errors.New("gone")}, errNoMoney),
		"kind-7":                 &bus.HandlerError{Err: failure(7)},
		"other":                  (*brokenError)(nil),
		"*telemetry_test.opaque": &opaque{},
	} {
		l := newLab(t, telemetry.Config{})
		_, done := l.BusHook().Deliver(t.Context(), "s", &event.Metadata{Type: "a.b"})
		done(err)
		l.expectAttrs(l.span("deliver a.b"), map[string]any{"error.type": want})
	}
}

// opaque is an error that says nothing of its kind.
type opaque struct{}

func (h *opaque) Error() string { return "opaque" }
