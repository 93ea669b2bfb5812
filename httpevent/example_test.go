package httpevent_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// A service takes orders. What its handler publishes is linked to the request, and whoever listens sees both.
func Example() {
	b := bus.New(bus.Config{})
	bus.Subscribe(b, func(_ context.Context, e event.Event[OrderPlaced]) error {
		fmt.Printf("order %s, of %s in %s, caused by an event: %t\n", e.Data.OrderID, e.UserID, e.CorrelationID, !e.CausationID.IsZero())
		return nil
	})
	bus.Subscribe(b, func(_ context.Context, e event.Event[httpevent.Request]) error {
		fmt.Printf("%s %s, status %d, of %s in %s\n", e.Data.Method, e.Data.Route, e.Data.Status, e.UserID, e.CorrelationID)
		return nil
	})

	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := b.Publish(r.Context(), OrderPlaced{OrderID: r.PathValue("id")}); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	requests, err := httpevent.New(b, httpevent.Config{
		User: func(r *http.Request) string { name, _, _ := r.BasicAuth(); return name },
		Skip: func(r *http.Request) bool { return r.URL.Path == "/health" },
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	r := httptest.NewRequest("POST", "/orders/42?coupon=spring", nil)
	r.Header.Set("X-Correlation-ID", "checkout-7")
	r.SetBasicAuth("ann", "secret")
	w := httptest.NewRecorder()
	requests(mux).ServeHTTP(w, r) // or http.ListenAndServe(":8080", requests(mux))
	fmt.Println(w.Code, w.Header().Get("X-Correlation-ID"))
	// Output:
	// order 42, of ann in checkout-7, caused by an event: true
	// POST /orders/{id}, status 201, of ann in checkout-7
	// 201 checkout-7
}

// A client passes on what it was called with: here to a server that shows what arrives.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("X-Correlation-ID"), r.Header.Get("traceparent"))
	}))
	defer server.Close()
	client := http.Client{Transport: httpevent.Transport(nil)}

	// A handler of requests, events or commands has such a context.
	id, _ := event.ParseID("checkout-7")
	ctx := event.WithCause(context.Background(), event.Cause{
		CorrelationID: id, TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	})
	r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if resp, err := client.Do(r); err == nil {
		resp.Body.Close()
	}
	// Output: checkout-7 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
}

// Oxbow's App returns a receipt from Publish, which PublisherOf drops: httpevent.PublisherOf(app.Publish).
func ExamplePublisherOf() {
	store := func(_ context.Context, data any, _ ...event.Option) (position int, err error) {
		e, err := event.New(context.Background(), data)
		fmt.Println("stored", e.Type, "in", e.Stream)
		return 1, err
	}
	requests, err := httpevent.New(httpevent.PublisherOf(store), httpevent.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := requests(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/nowhere", nil))
	// Output: stored http.request in http-GET
}
