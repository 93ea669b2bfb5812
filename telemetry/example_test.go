package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// setUp sends traces to an exporter and metrics to a reader. The caller calls stop before the program ends.
func setUp(exporter sdktrace.SpanExporter, reader metric.Reader) (tel *telemetry.Telemetry, stop func(context.Context) error, err error) {
	service := telemetry.Service{Name: "shop", Version: "1.4.0", Environment: "production", Stack: "retail", Layer: "domain"}
	traces := sdktrace.NewTracerProvider(
		sdktrace.WithResource(telemetry.Resource(service)),
		sdktrace.WithBatcher(exporter),
	)
	meters := metric.NewMeterProvider(metric.WithResource(telemetry.Resource(service)), metric.WithReader(reader))
	otel.SetTracerProvider(traces) // telemetry.New finds them there, and so do other libraries
	otel.SetMeterProvider(meters)
	tel, err = telemetry.New(telemetry.Config{Service: service, LogEvents: true})
	stop = func(ctx context.Context) error {
		return errors.Join(traces.Shutdown(ctx), meters.Shutdown(ctx))
	}
	return tel, stop, err
}

func Example() {
	ctx := context.Background()
	tel, stop, err := setUp(printer{}, metric.NewManualReader())
	if err != nil {
		fmt.Println(err)
		return
	}
	st := store.New(memory.New(), store.Config{Hook: tel.StoreHook()})
	defer st.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := st.Append(r.Context(), orderPaid{OrderID: r.PathValue("id")}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	tel.HTTP(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/orders/42", nil))

	fmt.Println(stop(ctx))
	// Output:
	// append order.paid: kind producer, with a parent: true
	// POST /orders/{id}: kind server, with a parent: false
	// <nil>
}

// printer is an exporter that prints.
type printer struct{}

func (printer) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		fmt.Printf("%s: kind %s, with a parent: %t\n", s.Name(), s.SpanKind(), s.Parent().IsValid())
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

func ExampleHandler() {
	service := telemetry.Service{Name: "shop", Environment: "test"}
	text := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	logger := slog.New(telemetry.Handler(text, service))

	correlation, _ := event.ParseID("request-7")
	ctx := event.WithCause(context.Background(), event.Cause{CorrelationID: correlation})
	logger.InfoContext(ctx, "order refused", "order", 42)
	// Output:
	// level=INFO msg="order refused" service.name=shop deployment.environment.name=test order=42 correlation_id=request-7
}

func ExampleTelemetry_Middleware() {
	tel, err := telemetry.New(telemetry.Config{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(printer{}))})
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := tel.Middleware()(func(context.Context, *middleware.Call) (any, error) { return "opened", nil })
	fmt.Println(handle(context.Background(), &middleware.Call{Kind: middleware.Command, Name: "account.open", Handler: "accounts"}))
	// Output:
	// command account.open: kind internal, with a parent: false
	// opened <nil>
}
