package server

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// metrics are what /metrics tells.
type metrics struct {
	registry  *prometheus.Registry
	appended  *prometheus.CounterVec
	appends   prometheus.Histogram
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	followers prometheus.Gauge
	types     labels
}

func newMetrics(st *store.Store) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		appended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oxbow_events_appended_total",
			Help: "Events appended through this server, by type; types beyond the first 200 count as other.",
		}, []string{"type"}),
		appends: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "oxbow_append_duration_seconds", Help: "Time that the commit of a POST took, refused ones included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "oxbow_http_requests_total", Help: "HTTP requests answered, by route and status.",
		}, []string{"route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "oxbow_http_request_duration_seconds", Help: "Time to answer an HTTP request, by route; event streams excepted.",
		}, []string{"route"}),
		followers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "oxbow_sse_followers", Help: "Event streams open now.",
		}),
		types: labels{known: map[string]bool{}},
	}
	m.registry.MustRegister(m.appended, m.appends, m.requests, m.durations, m.followers, &headPosition{st},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling: promhttp.ContinueOnError,
	})
}

func (m *metrics) countRequest(r *http.Request, status int, took time.Duration) {
	_, route, _ := strings.Cut(r.Pattern, " ") // the pattern is a method, a space and the path
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(max(status, http.StatusOK))).Inc()
	if route != streamRoute {
		m.durations.WithLabelValues(route).Observe(took.Seconds())
	}
}

const streamRoute = "/v1/events/stream"

func (m *metrics) countAppended(records []event.Record) {
	for i := range records {
		m.appended.WithLabelValues(m.types.label(records[i].Type)).Inc()
	}
}

// labels bounds how many values a label takes: anybody can think up event types, and each would cost memory for ever.
type labels struct {
	mu    sync.Mutex
	known map[string]bool
}

const maxLabels = 200

func (l *labels) label(value string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[value] {
		return value
	}
	if len(l.known) == maxLabels {
		return "other"
	}
	l.known[value] = true
	return value
}

// headPosition asks the store when it is collected, and leaves the metric out when the store does not answer.
type headPosition struct{ store *store.Store }

var headDesc = prometheus.NewDesc("oxbow_head_position", "Position of the newest event in the store.", nil, nil)

func (h *headPosition) Describe(ch chan<- *prometheus.Desc) { ch <- headDesc }

func (h *headPosition) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout) // a collector is given no context
	defer cancel()
	if head, err := h.store.Head(ctx); err == nil {
		ch <- prometheus.MustNewConstMetric(headDesc, prometheus.GaugeValue, float64(head))
	}
}
