package main

import (
	"context"
	"net/http"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// prepareHTTP returns how long a small handler behind a mux takes with the middleware, which publishes on a bus, and without it.
func prepareHTTP(_ context.Context, e *env) ([]contender, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("order 42")) })
	around, err := httpevent.New(bus.New(bus.Config{}), httpevent.Config{})
	if err != nil {
		return nil, err
	}
	nobody := httpevent.PublisherFunc(func(context.Context, any, ...event.Option) error { return nil })
	alone, err := httpevent.New(nobody, httpevent.Config{})
	if err != nil {
		return nil, err
	}
	n := e.n(100_000, 100)
	return []contender{
		{name: oxbowName, events: n, side: all(n, repeat(n, serve(around(mux))))},
		{name: "bare handler", does: "the same mux and handler alone", events: n, side: all(n, repeat(n, serve(mux)))},
		{name: "not published", does: "the middleware, with a publisher that does nothing", events: n, side: all(n, repeat(n, serve(alone(mux))))},
	}, nil
}

// serve returns a call that has the handler serve one request.
func serve(h http.Handler) func(context.Context) error {
	w := &discarding{header: http.Header{}}
	var r *http.Request
	return func(ctx context.Context) (err error) {
		if r == nil {
			if r, err = http.NewRequestWithContext(ctx, http.MethodGet, "/orders/42", nil); err != nil {
				return err
			}
		}
		clear(w.header)
		h.ServeHTTP(w, r)
		return nil
	}
}

// discarding takes an answer as a server's own writer does, and forgets it.
type discarding struct{ header http.Header }

func (w *discarding) Header() http.Header         { return w.header }
func (w *discarding) Write(p []byte) (int, error) { return len(p), nil }
func (w *discarding) WriteHeader(int)             {}
func (w *discarding) Flush()                      {}
