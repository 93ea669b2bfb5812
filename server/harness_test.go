package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// newStore returns an empty store that the test's end closes.
func newStore(t *testing.T) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { st.Close() })
	return st
}

// newServer returns a server over the config's store, or over an empty one.
func newServer(t *testing.T, cfg server.Config) *server.Server {
	t.Helper()
	if cfg.Store == nil {
		cfg.Store = newStore(t)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running is a server that Serve runs on a free port of the loopback address.
type running struct {
	url    string
	stop   context.CancelFunc
	ended  <-chan struct{} // closed when Serve has returned
	result func() error    // what Serve returned
}

// serve starts the server. The test's end stops it and wants a graceful end unless the test has stopped it itself.
func serve(t *testing.T, cfg server.Config) running {
	t.Helper()
	s := newServer(t, cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		result = s.Serve(ctx, l)
	}()
	run := running{url: "http://" + l.Addr().String(), stop: stop, ended: ended, result: func() error { <-ended; return result }}
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return run
}

// request is sent to a handler without a network.
type request struct {
	method, target string
	header         map[string]string
	body           string
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func send(t *testing.T, h http.Handler, req request) reply {
	t.Helper()
	if req.method == "" {
		req.method = http.MethodGet
	}
	r := httptest.NewRequest(req.method, req.target, strings.NewReader(req.body))
	for name, value := range req.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// get fetches a page of a running server.
func get(t *testing.T, url string) reply {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(body)}
}

// decode reads the reply's JSON and wants the status.
func decode[T any](t *testing.T, rep reply, status int) (value T) {
	t.Helper()
	if rep.status != status {
		t.Fatalf("status %d, want %d; body: %s", rep.status, status, rep.body)
	}
	if err := json.Unmarshal([]byte(rep.body), &value); err != nil {
		t.Fatalf("%v in %s", err, rep.body)
	}
	return value
}

// problem reads the reply's problem document and wants its form to be right.
func problem(t *testing.T, rep reply, status int) server.Problem {
	t.Helper()
	p := decode[server.Problem](t, rep, status)
	if got := rep.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q, want application/problem+json", got)
	}
	if p.Status != status || p.Type == "" || p.Title == "" {
		t.Errorf("incomplete problem: %+v", p)
	}
	if want := "urn:uuid:" + rep.header.Get("X-Request-ID"); p.Instance != want {
		t.Errorf("instance %q, want %q", p.Instance, want)
	}
	return p
}
