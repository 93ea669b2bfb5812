package backend_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

// flaky cuts every answer of the event stream off after some bytes, a few more each time.
func flaky(next http.Handler) http.Handler {
	var connections atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/stream") {
			w = &cutWriter{ResponseWriter: w, left: 1500 + 101*int(connections.Add(1))}
		}
		next.ServeHTTP(w, r)
	})
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.left)])
	if c.left -= n; c.left == 0 || err != nil {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (c *cutWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func TestFollowResumesWithoutGapOrDuplicate(t *testing.T) {
	p := newPair(t, server.Config{})
	web := httptest.NewServer(flaky(p.handler.Handler()))
	defer web.Close()
	defer web.CloseClientConnections()
	fill(t, p.near, 20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var expected store.Position
	for r, err := range dial(t, web.URL).Follow(ctx, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if expected++; r.Position != expected {
			t.Fatalf("position %d, want %d", r.Position, expected)
		}
		if expected == 20 {
			fill(t, p.near, 10)
		}
		if expected == 30 {
			break
		}
	}
	if expected != 30 {
		t.Errorf("followed to %d, want 30", expected)
	}
}

func TestFollowBeginsBehindThePosition(t *testing.T) {
	p := newPair(t, server.Config{})
	fill(t, p.near, 9)
	q := store.Query{After: 4, Any: []store.Filter{{Stream: "order-0"}}}
	for r, err := range p.remote.Follow(t.Context(), q) {
		if err != nil || r.Position != 7 {
			t.Errorf("position %d, %v; want 7", r.Position, err)
		}
		break
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	p := newPair(t, server.Config{})
	fill(t, p.near, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range p.remote.Follow(ctx, store.Query{}) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("ended with %v; want context.Canceled", last)
	}
}

func TestFollowDoesNotHammerOnARefusal(t *testing.T) {
	p := newPair(t, server.Config{})
	var last error
	for _, err := range p.remote.Follow(t.Context(), store.Query{After: 99}) { // of another store: it has no event 99
		last = err
	}
	if !errors.Is(last, event.ErrInvalid) || !strings.Contains(last.Error(), "another store") {
		t.Errorf("%v; want ErrInvalid about another store", last)
	}
	for _, err := range dial(t, "http://127.0.0.1:1").Follow(t.Context(), store.Query{}) {
		last = err
	}
	if !errors.Is(last, backend.ErrUnreachable) {
		t.Errorf("%v; want ErrUnreachable", last)
	}
}
