package telemetry

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Attributes of metrics, and of spans.
const (
	operationKey = attribute.Key("oxbow.operation")
	handlerKey   = attribute.Key("oxbow.handler")
	typeKey      = attribute.Key("oxbow.event.type")
)

// metrics are the instruments. Their names are Oxbow's own, because the conventions for messaging measure clients of brokers.
type metrics struct {
	published, delivered, failed, retries, deadLetters metric.Int64Counter
	inFlight                                           metric.Int64UpDownCounter
	appendSize                                         metric.Int64Histogram
	appendTime, handleTime, lag, httpTime              metric.Float64Histogram

	mu   sync.RWMutex
	sets map[labels]*attributes
}

// durations are the bounds of time histograms in seconds: a handler in this process takes microseconds, one that asks others seconds.
var durations = metric.WithExplicitBucketBoundaries(
	0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

// lags are likewise of the time from an event to its handling, which a replay makes long.
var lags = metric.WithExplicitBucketBoundaries(
	0.0001, 0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 21600, 86400, 604800)

var sizes = metric.WithExplicitBucketBoundaries(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)

// httpDurations are what the HTTP conventions want for http.server.request.duration.
var httpDurations = metric.WithExplicitBucketBoundaries(
	0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

func newMetrics(p metric.MeterProvider) (*metrics, error) {
	m := &metrics{sets: map[labels]*attributes{}}
	of := maker{meter: p.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))}
	m.published = of.counter("oxbow.published", "{event}", "Events that were published or appended.")
	m.delivered = of.counter("oxbow.delivered", "{event}", "Events, commands, queries and requests that a handler handled without an error.")
	m.failed = of.counter("oxbow.failed", "{operation}", "Operations that returned an error.")
	m.retries = of.counter("oxbow.retries", "{attempt}", "Failed attempts of consumers that will be repeated.")
	m.deadLetters = of.counter("oxbow.dead_letters", "{event}", "Records that consumers gave up.")
	m.inFlight = of.upDown("oxbow.in_flight", "{operation}", "Operations that are under way.")
	m.appendSize = of.integers("oxbow.append.events", "{event}", "Events in a commit.", sizes)
	m.appendTime = of.floats("oxbow.append.duration", "s", "Time that a commit took.", durations)
	m.handleTime = of.floats("oxbow.handle.duration", "s", "Time that a handler took.", durations)
	m.lag = of.floats("oxbow.lag", "s", "Time from when an event happened to when its handling began.", lags)
	m.httpTime = of.floats("http.server.request.duration", "s", "Duration of HTTP server requests.", httpDurations)
	return m, errors.Join(of.errs...)
}

// maker makes instruments and gathers what fails.
type maker struct {
	meter metric.Meter
	errs  []error
}

func (of *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := of.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	of.errs = append(of.errs, err)
	return c
}

func (of *maker) upDown(name, unit, description string) metric.Int64UpDownCounter {
	c, err := of.meter.Int64UpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	of.errs = append(of.errs, err)
	return c
}

func (of *maker) integers(name, unit, description string, bounds metric.HistogramOption) metric.Int64Histogram {
	h, err := of.meter.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description), bounds)
	of.errs = append(of.errs, err)
	return h
}

func (of *maker) floats(name, unit, description string, bounds metric.HistogramOption) metric.Float64Histogram {
	h, err := of.meter.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description), bounds)
	of.errs = append(of.errs, err)
	return h
}

// labels are the values of a measurement's attributes; what is empty is left out. Each is bounded.
type labels struct{ operation, handler, eventType, failure string }

// attributes are labels as the instruments want them, made once.
type attributes struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

// maxSets bounds how many attributes are kept; further ones are made each time.
const maxSets = 10_000

func (m *metrics) of(l labels) *attributes {
	m.mu.RLock()
	known, ok := m.sets[l]
	m.mu.RUnlock()
	if ok {
		return known
	}
	made := l.attributes()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sets) < maxSets {
		m.sets[l] = made
	}
	return made
}

func (l labels) attributes() *attributes {
	var kvs []attribute.KeyValue
	for _, kv := range [...]attribute.KeyValue{
		operationKey.String(l.operation), handlerKey.String(l.handler), typeKey.String(l.eventType),
		semconv.ErrorTypeKey.String(l.failure),
	} {
		if kv.Value.AsString() != "" {
			kvs = append(kvs, kv)
		}
	}
	set := metric.WithAttributeSet(attribute.NewSet(kvs...))
	return &attributes{add: []metric.AddOption{set}, record: []metric.RecordOption{set}}
}

func (m *metrics) count(ctx context.Context, c metric.Int64Counter, n int64, l labels) {
	if c.Enabled(ctx) {
		c.Add(ctx, n, m.of(l).add...)
	}
}

func (m *metrics) flight(ctx context.Context, n int64, operation string) {
	if m.inFlight.Enabled(ctx) {
		m.inFlight.Add(ctx, n, m.of(labels{operation: operation}).add...)
	}
}

func (m *metrics) time(ctx context.Context, h metric.Float64Histogram, seconds float64, l labels) {
	if h.Enabled(ctx) {
		h.Record(ctx, seconds, m.of(l).record...)
	}
}

func (m *metrics) size(ctx context.Context, events int) {
	if m.appendSize.Enabled(ctx) {
		m.appendSize.Record(ctx, int64(events))
	}
}
