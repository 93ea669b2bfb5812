package telemetry_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/telemetry"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// setups are what a program may have told OpenTelemetry.
func setups(b *testing.B) map[string]*telemetry.Telemetry {
	b.Helper()
	all := map[string]*telemetry.Telemetry{}
	for name, cfg := range map[string]telemetry.Config{
		"providers=none": {TracerProvider: tracenoop.NewTracerProvider(), MeterProvider: metricnoop.NewMeterProvider()},
		"providers=metrics": {
			TracerProvider: tracenoop.NewTracerProvider(),
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
		},
		"providers=traces": {TracerProvider: sdktrace.NewTracerProvider(), MeterProvider: metricnoop.NewMeterProvider()},
	} {
		tel, err := telemetry.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		all[name] = tel
	}
	return all
}

func BenchmarkPublishAndDeliver(b *testing.B) {
	for name, tel := range setups(b) {
		b.Run(name, func(b *testing.B) {
			hook, m := tel.BusHook(), event.Metadata{ID: event.NewID(), Type: "order.placed"}
			b.ReportAllocs()
			for b.Loop() {
				mine := m
				ctx, done := hook.Publish(context.Background(), &mine)
				_, delivered := hook.Deliver(ctx, "billing", &mine)
				delivered(nil)
				done(nil)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	all := setups(b)
	all["hook=none"] = nil
	for name, tel := range all {
		b.Run(name, func(b *testing.B) {
			cfg := store.Config{}
			if tel != nil {
				cfg.Hook = tel.StoreHook()
			}
			st := store.New(memory.New(), cfg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := st.Append(context.Background(), orderPaid{"42"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
