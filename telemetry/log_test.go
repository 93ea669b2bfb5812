package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/slogtest"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/attribute"
)

var shop = telemetry.Service{
	Name: "shop", Version: "1.4.0", Instance: "shop-7", Environment: "production",
	Stack: "retail", Layer: "domain", Cluster: "eu-1", Mesh: "main",
}

var shopAttrs = map[string]string{
	"service.name": "shop", "service.version": "1.4.0", "service.instance.id": "shop-7",
	"deployment.environment.name": "production",
	"oxbow.stack":                 "retail", "oxbow.layer": "domain", "oxbow.cluster": "eu-1", "oxbow.mesh": "main",
}

func TestTheResourceHasTheServicesContext(t *testing.T) {
	set := telemetry.Resource(shop).Set()
	for key, want := range shopAttrs {
		if got, _ := set.Value(attribute.Key(key)); got.AsString() != want {
			t.Errorf("%s is %q, want %q", key, got.AsString(), want)
		}
	}
	if _, ok := set.Value("telemetry.sdk.language"); !ok {
		t.Error("what the SDK says of itself is missing")
	}
	name, _ := telemetry.Resource(telemetry.Service{}).Set().Value("service.name")
	if _, ok := telemetry.Resource(telemetry.Service{}).Set().Value("oxbow.stack"); ok || name.AsString() == "" {
		t.Errorf("an empty service has a stack: %t, and the name %q", ok, name.AsString())
	}
}

func TestALineSaysWhatHappenedAndWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, telemetry.Config{LogEvents: true, Service: shop})
		b := bus.New(bus.Config{})
		subscribe(l, b, "billing", func(context.Context, event.Event[orderPlaced]) error {
			time.Sleep(time.Second)
			return errNoMoney
		})
		ctx := event.WithCause(t.Context(), event.Cause{CorrelationID: foreignID(t, "request-1")})
		e, err := l.publish(ctx, b, orderPlaced{OrderID: "42"})
		if err == nil {
			t.Fatal("no error")
		}
		span := l.span("deliver order.placed")
		expectLine(t, l.line("deliver failed"), map[string]any{
			"level": "WARN", "handler": "billing", "type": "order.placed", "id": e.ID.String(), "error": "no money",
			"duration": float64(time.Second), "correlation_id": "request-1",
			"trace_id": span.SpanContext.TraceID().String(), "span_id": span.SpanContext.SpanID().String(),
			"service.name": "shop", "oxbow.mesh": "main", "deployment.environment.name": "production",
		})
		if n := strings.Count(l.lines.String(), `"correlation_id"`); n != 2 {
			t.Errorf("correlation_id is in two lines %d times:\n%s", n, l.lines)
		}
	})
}

func expectLine(t *testing.T, line, want map[string]any) {
	t.Helper()
	for key, value := range want {
		if line[key] != value {
			t.Errorf("line %q has %s = %v, want %v", line["msg"], key, line[key], value)
		}
	}
}

func TestTheLevelOfALineTellsHowItWent(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true})
	st, r := l.store(), placed(time.Now())
	if _, err := st.Append(t.Context(), orderPaid{"1"}); err != nil {
		t.Fatal(err)
	}
	ctx, done := l.ConsumerHook().Handle(t.Context(), "billing", r, 2)
	l.ConsumerHook().Retry(ctx, "billing", r, 2, time.Second, errNoMoney)
	done(errNoMoney)
	l.ConsumerHook().DeadLetter(ctx, "billing", r, 2, errNoMoney)
	expectLine(t, l.line("append"), map[string]any{"level": "DEBUG", "type": "order.paid", "position": 1.0, "events": nil})
	expectLine(t, l.line("handle failed"), map[string]any{"level": "WARN", "attempt": 2.0, "position": 7.0, "error": "no money"})
	expectLine(t, l.line("retry"), map[string]any{"level": "WARN", "attempt": 2.0, "after": float64(time.Second), "handler": "billing"})
	expectLine(t, l.line("dead_letter"), map[string]any{"level": "ERROR", "attempt": 2.0, "error": "no money"})
}

func TestTheLineOfABatchTellsHowManyEvents(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true})
	if _, err := l.store().Append(t.Context(), orderPaid{"1"}, orderPaid{"2"}); err != nil {
		t.Fatal(err)
	}
	expectLine(t, l.line("append"), map[string]any{"events": 2.0, "position": 1.0, "type": nil})
}

func TestWithoutLogEventsThereIsNoLine(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	exercise(t, l)
	if l.lines.Len() > 0 {
		t.Errorf("there are lines:\n%s", l.lines)
	}
}

func TestALineBelowTheLevelIsNotMade(t *testing.T) {
	var lines bytes.Buffer
	l := newLab(t, telemetry.Config{
		LogEvents: true,
		Logger:    slog.New(slog.NewTextHandler(&lines, nil)), // from Info on
		ErrorText: func(error) string { return "asked" },
	})
	if _, err := l.store().Append(t.Context(), orderPaid{"1"}); err != nil {
		t.Fatal(err)
	}
	if lines.Len() > 0 {
		t.Errorf("there are lines:\n%s", &lines)
	}
}

func TestALoggerThatHasTheServiceDoesNotGetItTwice(t *testing.T) {
	var lines bytes.Buffer
	l := newLab(t, telemetry.Config{
		LogEvents: true, Service: shop,
		Logger: slog.New(telemetry.Handler(slog.NewJSONHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}), shop)).With("room", "store"),
	})
	if _, err := l.store().Append(t.Context(), orderPaid{"1"}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(lines.String(), `"service.name"`); n != 1 {
		t.Errorf("service.name is there %d times: %s", n, &lines)
	}
}

func TestAHandlerKeepsTheRulesOfSlog(t *testing.T) {
	var lines bytes.Buffer
	next := slog.NewJSONHandler(&lines, nil)
	err := slogtest.TestHandler(telemetry.Handler(next, telemetry.Service{}), func() (all []map[string]any) {
		for text := range strings.Lines(lines.String()) {
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
			all = append(all, line)
		}
		return all
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAHandlerAddsWhatTheContextSaysOutsideOfGroups(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	ctx, span := l.tracer.Start(t.Context(), "s")
	ctx = event.WithCause(ctx, event.Cause{ID: foreignID(t, "event-1")})
	var lines bytes.Buffer
	logger := slog.New(telemetry.Handler(slog.NewJSONHandler(&lines, nil), shop))
	logger.InfoContext(ctx, "plain", "trace_id", "mine")
	grouped := logger.With("a", 1).WithGroup("g").With("b", 2)
	grouped.InfoContext(ctx, "grouped", "c", 3)
	grouped.WithGroup("h").Info("without context", "d", 4)
	var got []map[string]any
	for text := range strings.Lines(lines.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	ids := map[string]any{"span_id": span.SpanContext().SpanID().String(), "correlation_id": "event-1", "oxbow.stack": "retail"}
	expectLine(t, got[0], ids)
	expectLine(t, got[0], map[string]any{"trace_id": "mine"})
	expectLine(t, got[1], ids)
	expectLine(t, got[1], map[string]any{"a": 1.0, "trace_id": span.SpanContext().TraceID().String()})
	if inner, _ := got[1]["g"].(map[string]any); len(inner) != 2 || inner["b"] != 2.0 || inner["c"] != 3.0 {
		t.Errorf("the group is %v", inner)
	}
	if keys := slices.Sorted(maps.Keys(got[2])); slices.Contains(keys, "trace_id") || slices.Contains(keys, "correlation_id") {
		t.Errorf("a line without context has %v", keys)
	}
	if n := strings.Count(lines.String(), `"trace_id"`); n != 2 {
		t.Errorf("trace_id is there %d times, want once in each of two lines", n)
	}
}

func TestLoggersMadeOfOneDoNotShareWhatIsAdded(t *testing.T) {
	var lines bytes.Buffer
	logger := slog.New(telemetry.Handler(slog.NewTextHandler(&lines, nil), telemetry.Service{}))
	shared := logger.WithGroup("g").With("x", 1).With("y", 2)
	first, second := shared.With("first", 1), shared.With("second", 2)
	first.Info("m")
	second.Info("m")
	for text := range strings.Lines(lines.String()) {
		if strings.Contains(text, "first") == strings.Contains(text, "second") {
			t.Errorf("the line has both or neither: %s", text)
		}
	}
	if first, _, _ := strings.Cut(lines.String(), "\n"); !strings.HasSuffix(first, "g.x=1 g.y=2 g.first=1") {
		t.Errorf("the first line is %s", first)
	}
}

func TestALineMayGoToSeveralHandlers(t *testing.T) {
	var lines bytes.Buffer
	h := telemetry.Handler(slog.NewTextHandler(&lines, nil), telemetry.Service{})
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	for i := range 8 { // more than a record holds in itself
		r.AddAttrs(slog.Int("n", i))
	}
	ctx := event.WithCause(t.Context(), event.Cause{ID: foreignID(t, "event-1")})
	for range 2 {
		if err := h.Handle(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	first, second, _ := strings.Cut(lines.String(), "\n")
	if first+"\n" != second || strings.Contains(second, "BUG") {
		t.Errorf("the lines are\n%s\n%s", first, second)
	}
}

func TestErrorTextsAreShortenedAndCanBeReplaced(t *testing.T) {
	long := errors.New(strings.Repeat("ä", 2000) + "\xff")
	l := newLab(t, telemetry.Config{})
	commit := func(l *lab, err error) string {
		c := store.Commit{Events: []event.Record{{Metadata: event.Metadata{Type: "a.b", ID: event.NewID()}}}}
		_, done := l.StoreHook().Append(t.Context(), &c)
		done(store.Receipt{}, err)
		return l.span("append a.b").Status.Description
	}
	if got := commit(l, long); got != strings.Repeat("ä", 512)+"…" {
		t.Errorf("the text has %d bytes: %q", len(got), got)
	}
	l = newLab(t, telemetry.Config{})
	if got := commit(l, errors.New("x"+strings.Repeat("ä", 2000))); got != "x"+strings.Repeat("ä", 511)+"…" {
		t.Errorf("the text has %d bytes, and ends with %q", len(got), got[len(got)-8:])
	}
	l = newLab(t, telemetry.Config{})
	if got := commit(l, errors.New("bad \xff byte")); got != "bad \uFFFD byte" {
		t.Errorf("the text is %q", got)
	}
	l = newLab(t, telemetry.Config{ErrorText: func(err error) string { return "hidden" }})
	if got := commit(l, long); got != "hidden" {
		t.Errorf("the text is %q, want what ErrorText returns", got)
	}
	l = newLab(t, telemetry.Config{})
	if got := commit(l, (*brokenError)(nil)); got != "*telemetry_test.brokenError, whose text panics" {
		t.Errorf("the text is %q", got)
	}
}

type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func (e *brokenError) ErrorType() string { return e.text }
