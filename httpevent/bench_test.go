package httpevent_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// BenchmarkRequest measures a handler alone, and in the middleware: over a publisher that does nothing, a bus without
// subscriptions, and a bus with one.
func BenchmarkRequest(b *testing.B) {
	listened := bus.New(bus.Config{})
	_, err := bus.Subscribe(listened, func(context.Context, event.Event[httpevent.Request]) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		pub  httpevent.Publisher
	}{
		{"bare", nil},
		{"nobody", httpevent.PublisherFunc(func(context.Context, any, ...event.Option) error { return nil })},
		{"bus", bus.New(bus.Config{})},
		{"bus+subscription", listened},
	} {
		for name, headers := range map[string]http.Header{"": {}, "/traced": {
			"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, "X-Correlation-Id": {"checkout-7"},
		}} {
			b.Run(c.name+name, func(b *testing.B) { measure(b, c.pub, headers) })
		}
	}
}

func measure(b *testing.B, pub httpevent.Publisher, headers http.Header) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(answer)
	})
	handler := http.Handler(mux)
	if pub != nil {
		handler = wrap(b, pub, httpevent.Config{}, mux)
	}
	r, err := http.NewRequestWithContext(b.Context(), "GET", "/orders/42", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = headers
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		handler.ServeHTTP(w, r)
	}
}

var answer = []byte("order 42")

// discard has the optional interface that most writers have.
type discard struct{ header http.Header }

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }
func (w *discard) WriteHeader(int)             {}
func (w *discard) Flush()                      {}
