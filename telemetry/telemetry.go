package telemetry

import (
	"cmp"
	"log/slog"

	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names this package as what records.
const scope = "github.com/oxbow-events/oxbow/telemetry"

// Telemetry makes the hooks. Its methods may be called at the same time.
type Telemetry struct {
	cfg     Config
	tracer  trace.Tracer
	logger  *slog.Logger // nil without LogEvents
	metrics *metrics
	silent  bool // the provider makes no spans, so that there is no need to describe them

	types, handlers, routes, failures names
	attempts                          attempts
}

// New returns the hooks' maker. It starts nothing. The providers stay the caller's to flush and to shut down.
func New(cfg Config) (*Telemetry, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.TracerProvider == nil {
		cfg.TracerProvider = otel.GetTracerProvider()
	}
	if cfg.MeterProvider == nil {
		cfg.MeterProvider = otel.GetMeterProvider()
	}
	cfg.MaxNames = cmp.Or(cfg.MaxNames, defaultMaxNames)
	t := &Telemetry{cfg: cfg, tracer: cfg.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))}
	_, t.silent = cfg.TracerProvider.(noop.TracerProvider)
	for _, n := range []*names{&t.types, &t.handlers, &t.routes, &t.failures} {
		n.max = cfg.MaxNames
	}
	if cfg.LogEvents {
		t.logger = logger(cfg)
	}
	var err error
	t.metrics, err = newMetrics(cfg.MeterProvider)
	return t, err
}

// logger returns what gets the lines. One whose handler is a Handler's already says everything.
func logger(cfg Config) *slog.Logger {
	to := cfg.Logger
	if to == nil {
		to = slog.Default()
	}
	if _, ok := to.Handler().(*handler); ok {
		return to
	}
	return slog.New(Handler(to.Handler(), cfg.Service))
}
