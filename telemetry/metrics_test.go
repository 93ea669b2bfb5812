package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestPublishingAndDeliveringAreMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, telemetry.Config{})
		b := bus.New(bus.Config{})
		subscribe(l, b, "billing", func(context.Context, event.Event[orderPlaced]) error {
			time.Sleep(time.Second)
			l.expectSum(1, "oxbow.in_flight", "oxbow.operation", "publish")
			l.expectSum(1, "oxbow.in_flight", "oxbow.operation", "deliver")
			return nil
		})
		subscribe(l, b, "paying", func(context.Context, event.Event[orderPaid]) error { return event.ErrInvalid })
		if _, err := l.publish(t.Context(), b, orderPlaced{OrderID: "42"}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.publish(t.Context(), b, orderPaid{"42"}); err == nil {
			t.Fatal("no error")
		}
		delivered := []string{"oxbow.operation", "deliver", "oxbow.handler", "billing", "oxbow.event.type", "order.placed"}
		l.expectSum(1, "oxbow.published", "oxbow.operation", "publish", "oxbow.event.type", "order.placed")
		l.expectSum(1, "oxbow.delivered", delivered...)
		l.expectSum(1, "oxbow.handle.duration", delivered...)
		l.expectSum(0, "oxbow.lag", delivered...)
		l.expectSum(1, "oxbow.failed", "oxbow.operation", "publish", "oxbow.event.type", "order.paid", "error.type", "invalid")
		l.expectSum(1, "oxbow.failed", "oxbow.operation", "deliver", "oxbow.handler", "paying",
			"oxbow.event.type", "order.paid", "error.type", "invalid")
		l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "publish")
		l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "deliver")
	})
}

func TestTheKindOfJoinedErrorsIsThatOfTheFirst(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	b := bus.New(bus.Config{})
	subscribe(l, b, "paying", func(context.Context, event.Event[orderPaid]) error { return &os.PathError{Err: errors.New("gone")} })
	subscribe(l, b, "billing", func(context.Context, event.Event[orderPaid]) error { return errors.New("another") })
	if _, err := l.publish(t.Context(), b, orderPaid{"42"}); err == nil {
		t.Fatal("no error")
	}
	l.expectSum(1, "oxbow.failed", "oxbow.operation", "publish", "oxbow.event.type", "order.paid", "error.type", "*fs.PathError")
}

func TestAppendsAreMeasured(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	st := l.store()
	batch := []any{orderPaid{"1"}, orderPaid{"2"}, orderPlaced{OrderID: "1"}, orderPaid{"3"}}
	if _, err := st.Append(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	again := event.From("order.paid", nil)
	again.ID = event.NewID()
	for range 2 { // the second time it is there already
		if _, err := st.Append(t.Context(), again); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.AppendTo(t.Context(), "s", []any{again}, store.StreamExists("none")); err == nil {
		t.Fatal("no error")
	}
	l.expectSum(4, "oxbow.published", "oxbow.operation", "append", "oxbow.event.type", "order.paid")
	l.expectSum(1, "oxbow.published", "oxbow.operation", "append", "oxbow.event.type", "order.placed")
	l.expectSum(7, "oxbow.append.events")
	l.expectCount(4, "oxbow.append.events")
	l.expectCount(3, "oxbow.append.duration")
	l.expectCount(1, "oxbow.append.duration", "error.type", "conflict")
	l.expectSum(1, "oxbow.failed", "oxbow.operation", "append", "oxbow.event.type", "order.paid", "error.type", "conflict")
	l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "append")
}

func TestNamesInMetricsHaveABound(t *testing.T) {
	l := newLab(t, telemetry.Config{MaxNames: 3})
	hook := l.BusHook()
	for i := range 50 {
		m := event.Metadata{ID: event.NewID(), Type: fmt.Sprintf("type.%d", i)}
		ctx, done := hook.Publish(t.Context(), &m)
		_, delivered := hook.Deliver(ctx, fmt.Sprintf("handler %d", i), &m)
		delivered(fmt.Errorf("%w", failure(i)))
		done(nil)
	}
	l.expectSum(1, "oxbow.published", "oxbow.operation", "publish", "oxbow.event.type", "type.2")
	l.expectSum(47, "oxbow.published", "oxbow.operation", "publish", "oxbow.event.type", "other")
	l.expectSum(47, "oxbow.failed", "oxbow.operation", "deliver", "oxbow.handler", "other", "oxbow.event.type", "other", "error.type", "other")
	if l.span("publish type.2").Name == "" || len(l.spans.GetSpans()) != 100 {
		t.Error("spans are missing")
	}
	for _, s := range l.spans.GetSpans() {
		if strings.Contains(s.Name, "type.3") {
			t.Errorf("a span is called %q", s.Name)
		}
	}
}

// failure is an error that says its kind itself.
type failure int

func (f failure) Error() string     { return "failure" }
func (f failure) ErrorType() string { return fmt.Sprintf("kind-%d", int(f)) }

func TestANameThatNoEventCanHaveDoesNotUseUpTheBound(t *testing.T) {
	l := newLab(t, telemetry.Config{MaxNames: 1})
	for _, bad := range []string{"a\nb", "\xff", strings.Repeat("x", 300)} {
		c := store.Commit{Events: []event.Record{{Metadata: event.Metadata{Type: bad}}}}
		_, done := l.StoreHook().Append(t.Context(), &c)
		done(store.Receipt{}, event.ErrInvalid)
	}
	if _, err := l.store().Append(t.Context(), orderPaid{"1"}); err != nil {
		t.Fatal(err)
	}
	l.expectSum(1, "oxbow.published", "oxbow.operation", "append", "oxbow.event.type", "order.paid")
	l.expectSum(3, "oxbow.failed", "oxbow.operation", "append", "oxbow.event.type", "other", "error.type", "invalid")
}

// documented is one row of the table of metrics.
type documented struct {
	kind, unit string
	attrs      []string
}

var metricRow = regexp.MustCompile("^\\| `([a-z._]+)` \\| ([a-z-]+) \\| `([^`]+)` \\| ([^|]*) \\|")

func documentedMetrics(t *testing.T) map[string]documented {
	t.Helper()
	text, err := os.ReadFile("../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]documented{}
	for line := range strings.Lines(string(text)) {
		m := metricRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var attrs []string
		for _, name := range strings.Split(m[4], ",") {
			if name = strings.Trim(name, " `"); name != "" {
				attrs = append(attrs, name)
			}
		}
		rows[m[1]] = documented{kind: m[2], unit: m[3], attrs: attrs}
	}
	return rows
}

func TestTheTableOfMetricsIsWhatIsMeasured(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	exercise(t, l)
	table, measured := documentedMetrics(t), l.measured()
	for name, m := range measured {
		row, ok := table[name]
		if !ok {
			t.Errorf("%s is measured and not in docs/telemetry.md", name)
			continue
		}
		if kind := kindOf(m.Data); kind != row.kind || m.Unit != row.unit {
			t.Errorf("%s is a %s in %s, the table says %s in %s", name, kind, m.Unit, row.kind, row.unit)
		}
		if m.Description == "" {
			t.Errorf("%s has no description", name)
		}
		var seen []string
		for _, p := range l.points(name) {
			for _, kv := range p.attrs.ToSlice() {
				seen = append(seen, string(kv.Key))
			}
		}
		slices.Sort(seen)
		slices.Sort(row.attrs)
		if seen = slices.Compact(seen); !slices.Equal(seen, row.attrs) {
			t.Errorf("%s has the attributes %v, the table says %v", name, seen, row.attrs)
		}
	}
	for name := range table {
		if _, ok := measured[name]; !ok {
			t.Errorf("%s is in docs/telemetry.md and not measured", name)
		}
	}
	if len(measured) != 11 {
		t.Errorf("there are %d metrics, want 11", len(measured))
	}
}

func kindOf(data metricdata.Aggregation) string {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		if data.IsMonotonic {
			return "counter"
		}
		return "up-down"
	case metricdata.Histogram[int64], metricdata.Histogram[float64]:
		return "histogram"
	}
	return fmt.Sprintf("%T", data)
}

// secret is in everything that may not be recorded.
const secret = "s3cr3t"

// exercise makes everything happen that telemetry observes, with secrets wherever events and requests may have them.
func exercise(t *testing.T, l *lab) {
	t.Helper()
	st, b := l.store(), bus.New(bus.Config{})
	ctx := event.WithCause(t.Context(), event.Cause{UserID: secret})
	opts := []event.Option{
		event.WithHeader("h", secret), event.WithTags("customer:" + secret), event.WithTopic("orders." + secret),
		event.WithStream("order-" + secret), event.WithSource("/" + secret),
	}
	fails := errors.New("no money")
	subscribe(l, b, "billing", func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Append(ctx, e, orderPaid{secret})
		return errors.Join(err, fails)
	})
	subscribe(l, b, "calm", func(context.Context, event.Event[orderPlaced]) error { return nil })
	handler := l.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = l.publish(event.WithCause(r.Context(), event.Cause{UserID: secret}), b, orderPlaced{OrderID: secret, Card: secret}, opts...)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	mux := http.NewServeMux()
	mux.Handle("/orders/{id}", handler)
	r := httptest.NewRequest("GET", "/orders/"+secret+"?token="+secret, strings.NewReader(secret))
	r.Header.Set("Authorization", secret)
	r.Header.Set("User-Agent", secret)
	r.RemoteAddr = secret
	mux.ServeHTTP(httptest.NewRecorder(), r)
	_, _ = l.publish(ctx, b, orderPaid{secret}, opts...)
	_, err := st.AppendTo(ctx, "order-"+secret, []any{orderPaid{secret}}, store.NoStream("other"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = st.AppendTo(ctx, "order", []any{orderPaid{secret}}, store.StreamExists("order"))
	for _, rec := range records(t, st) {
		attempt, done := l.ConsumerHook().Handle(ctx, "shipping", &rec, 1)
		l.ConsumerHook().Retry(attempt, "shipping", &rec, 1, time.Second, fails)
		done(fails)
		l.ConsumerHook().DeadLetter(attempt, "shipping", &rec, 1, fails)
	}
	for _, kind := range []middleware.Kind{middleware.Command, middleware.Query, middleware.Request} {
		_, _ = l.Middleware()(func(context.Context, *middleware.Call) (any, error) { return secret, nil })(ctx, &middleware.Call{
			Kind: kind, Name: "order.place", Handler: "orders", Data: secret, Attempt: 1,
			Metadata: &event.Metadata{ID: event.NewID(), Type: "order.place", UserID: secret, Headers: map[string]string{"h": secret}},
		})
	}
}

func TestNoSecretIsRecorded(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true})
	exercise(t, l)
	expectWithout(t, fmt.Sprintf("%+v", l.spans.GetSpans()), "spans")
	expectWithout(t, fmt.Sprintf("%+v", l.measured()), "metrics")
	expectWithout(t, l.lines.String(), "lines")
	if len(l.spans.GetSpans()) < 15 || len(l.written()) < 15 {
		t.Errorf("there are %d spans and %d lines: the test looks at nothing", len(l.spans.GetSpans()), len(l.written()))
	}
}

func expectWithout(t *testing.T, text, what string) {
	t.Helper()
	if at := strings.Index(text, secret); at >= 0 {
		t.Errorf("a secret is in the %s: …%s…", what, text[max(0, at-200):min(len(text), at+20)])
	}
}

func TestNamesAreRecordedWhenTheyAreAskedFor(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true, Names: true})
	b := bus.New(bus.Config{})
	if _, err := l.publish(t.Context(), b, orderPaid{"1"}, event.WithTopic("orders.7")); err != nil {
		t.Fatal(err)
	}
	l.expectAttrs(l.span("publish order.paid"), map[string]any{"oxbow.topic": "orders.7"})
	if got := l.line("publish")["topic"]; got != "orders.7" {
		t.Errorf("the line has the topic %v", got)
	}
	if _, err := l.store().AppendTo(t.Context(), "order-7", []any{orderPaid{"1"}}); err != nil {
		t.Fatal(err)
	}
	l.expectAttrs(l.span("append order.paid"), map[string]any{"oxbow.stream": "order-7"})
	if got := l.line("append")["stream"]; got != "order-7" {
		t.Errorf("the line has the stream %v", got)
	}
	r := placed(time.Now())
	_, done := l.ConsumerHook().Handle(t.Context(), "c", r, 1)
	done(nil)
	l.expectAttrs(l.span("handle order.placed"), map[string]any{"oxbow.stream": "order-42"})
	l.HTTP(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/7", nil))
	l.expectAttrs(l.span("GET"), map[string]any{"url.path": "/orders/7"})
}
