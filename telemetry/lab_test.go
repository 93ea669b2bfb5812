package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

type orderPlaced struct {
	OrderID string
	Card    string
}

func (o orderPlaced) AggregateID() string { return o.OrderID }

type orderPaid struct{ OrderID string }

// lab is a telemetry whose spans, metrics and lines can be looked at.
type lab struct {
	*telemetry.Telemetry
	t      *testing.T
	spans  *tracetest.InMemoryExporter
	tracer trace.Tracer
	reader *metric.ManualReader
	lines  *buffer
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func newLab(t *testing.T, cfg telemetry.Config, opts ...sdktrace.TracerProviderOption) *lab {
	t.Helper()
	l := &lab{t: t, spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader(), lines: &buffer{}}
	traces := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSyncer(l.spans))...)
	l.tracer = traces.Tracer("test")
	cfg.TracerProvider = traces
	cfg.MeterProvider = metric.NewMeterProvider(metric.WithReader(l.reader))
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewJSONHandler(l.lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	tel, err := telemetry.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.Telemetry = tel
	return l
}

// span returns the one span of that name.
func (l *lab) span(name string) tracetest.SpanStub {
	l.t.Helper()
	var found []tracetest.SpanStub
	var names []string
	for _, s := range l.spans.GetSpans() {
		names = append(names, s.Name)
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		l.t.Fatalf("there are %d spans %q among %q", len(found), name, names)
	}
	return found[0]
}

func (l *lab) expectChild(child, parent tracetest.SpanStub) {
	l.t.Helper()
	if child.Parent.SpanID() != parent.SpanContext.SpanID() || child.SpanContext.TraceID() != parent.SpanContext.TraceID() {
		l.t.Errorf("span %q is not a child of %q", child.Name, parent.Name)
	}
}

// expectApart checks that a span is the root of a trace and linked to others.
func (l *lab) expectApart(span tracetest.SpanStub, links ...trace.SpanContext) {
	l.t.Helper()
	if span.Parent.IsValid() {
		l.t.Errorf("span %q has a parent, want a trace of its own", span.Name)
	}
	l.expectLinks(span, links...)
}

func (l *lab) expectLinks(span tracetest.SpanStub, links ...trace.SpanContext) {
	l.t.Helper()
	var got, want []string
	for _, link := range span.Links {
		got = append(got, spanText(link.SpanContext))
	}
	for _, sc := range links {
		want = append(want, spanText(sc))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("span %q is linked to %v, want %v", span.Name, got, want)
	}
}

// spanText is how events name a span, without the flags.
func spanText(sc trace.SpanContext) string {
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String()
}

func (l *lab) expectKind(span tracetest.SpanStub, kind trace.SpanKind) {
	l.t.Helper()
	if span.SpanKind != kind {
		l.t.Errorf("span %q is of kind %v, want %v", span.Name, span.SpanKind, kind)
	}
}

func (l *lab) expectAttrs(span tracetest.SpanStub, want map[string]any) {
	l.t.Helper()
	got := map[string]any{}
	for _, kv := range span.Attributes {
		got[string(kv.Key)] = kv.Value.AsInterface()
	}
	for key, value := range want {
		if got[key] != value {
			l.t.Errorf("span %q has %s = %v, want %v", span.Name, key, got[key], value)
		}
	}
}

func (l *lab) expectFailed(span tracetest.SpanStub, errorType, text string) {
	l.t.Helper()
	if span.Status.Code != codes.Error || span.Status.Description != text {
		l.t.Errorf("span %q has status %v %q, want an error %q", span.Name, span.Status.Code, span.Status.Description, text)
	}
	l.expectAttrs(span, map[string]any{"error.type": errorType})
}

// measured returns the metrics by name.
func (l *lab) measured() map[string]metricdata.Metrics {
	l.t.Helper()
	var all metricdata.ResourceMetrics
	if err := l.reader.Collect(context.Background(), &all); err != nil {
		l.t.Fatal(err)
	}
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// point is what was measured under a set of attributes.
type point struct {
	attrs attribute.Set
	sum   float64
	count uint64
}

func (l *lab) points(name string) (points []point) {
	l.t.Helper()
	switch data := l.measured()[name].Data.(type) {
	case nil:
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{attrs: p.Attributes, sum: float64(p.Value)})
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{attrs: p.Attributes, sum: float64(p.Sum), count: p.Count})
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{attrs: p.Attributes, sum: p.Sum, count: p.Count})
		}
	default:
		l.t.Fatalf("%s is a %T", name, data)
	}
	return points
}

// at returns the point whose attributes are exactly these: key, value, key, value…
func (l *lab) at(name string, pairs ...string) point {
	l.t.Helper()
	var kvs []attribute.KeyValue
	for pair := range slices.Chunk(pairs, 2) {
		kvs = append(kvs, attribute.String(pair[0], pair[1]))
	}
	want := attribute.NewSet(kvs...)
	var others []string
	for _, p := range l.points(name) {
		if p.attrs.Equals(&want) {
			return p
		}
		others = append(others, p.attrs.Encoded(attribute.DefaultEncoder()))
	}
	l.t.Errorf("%s has no point with %v, but with %v", name, pairs, others)
	return point{}
}

func (l *lab) expectSum(want float64, name string, pairs ...string) {
	l.t.Helper()
	if got := l.at(name, pairs...).sum; got != want {
		l.t.Errorf("%s with %v is %v, want %v", name, pairs, got, want)
	}
}

func (l *lab) expectCount(want uint64, name string, pairs ...string) {
	l.t.Helper()
	if got := l.at(name, pairs...).count; got != want {
		l.t.Errorf("%s with %v was measured %d times, want %d", name, pairs, got, want)
	}
}

// written returns the lines.
func (l *lab) written() (lines []map[string]any) {
	l.t.Helper()
	for text := range strings.Lines(l.lines.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			l.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// line returns the one line with that message.
func (l *lab) line(message string) map[string]any {
	l.t.Helper()
	var found []map[string]any
	for _, line := range l.written() {
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	if len(found) != 1 {
		l.t.Fatalf("there are %d lines %q in:\n%s", len(found), message, l.lines)
	}
	return found[0]
}

func (l *lab) store() *store.Store {
	st := store.New(memory.New(), store.Config{Hook: l.StoreHook()})
	l.t.Cleanup(func() {
		if err := st.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return st
}

// publish is what a bus does with its hook.
func (l *lab) publish(ctx context.Context, b *bus.Bus, data any, opts ...event.Option) (event.Event[any], error) {
	l.t.Helper()
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, done := l.BusHook().Publish(ctx, &e.Metadata)
	err = b.Deliver(ctx, e)
	if done != nil {
		done(err)
	}
	return e, err
}

// observed is what a bus makes of a subscription's handler with its hook.
func observed[T any](l *lab, name string, fn func(context.Context, event.Event[T]) error) func(context.Context, event.Event[T]) error {
	return func(ctx context.Context, e event.Event[T]) error {
		ctx, done := l.BusHook().Deliver(ctx, name, &e.Metadata)
		err := fn(ctx, e)
		done(err)
		return err
	}
}

func subscribe[T any](l *lab, b *bus.Bus, name string, fn func(context.Context, event.Event[T]) error, opts ...bus.Option) {
	l.t.Helper()
	if _, err := bus.Subscribe(b, observed(l, name, fn), opts...); err != nil {
		l.t.Fatal(err)
	}
}

func idle(t *testing.T, b *bus.Bus) {
	t.Helper()
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func records(t *testing.T, st *store.Store) (rs []event.Record) {
	t.Helper()
	for r, err := range st.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, r)
	}
	return rs
}

func foreignID(t *testing.T, text string) event.ID {
	t.Helper()
	id, err := event.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
