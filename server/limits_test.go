package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/server"
)

// zeros is a body without end that counts what was taken of it.
type zeros struct{ taken atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	z.taken.Add(int64(len(b)))
	return len(b), nil
}

func TestAHundredMegabytesAreRefusedUnread(t *testing.T) {
	st := newStore(t)
	run := serve(t, server.Config{Store: st, MaxBodyBytes: 1 << 20})
	const size = 100 << 20
	for name, length := range map[string]int64{"announced": size, "in chunks": -1} {
		t.Run(name, func(t *testing.T) {
			var body zeros
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, run.url+"/v1/events", io.LimitReader(&body, size))
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = length
			req.Header.Set("Content-Type", structured)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			p := problem(t, reply{res.StatusCode, res.Header, string(text)}, http.StatusRequestEntityTooLarge)
			if p.Limit != 1<<20 || !strings.Contains(p.Detail, "1048576") {
				t.Errorf("problem %+v does not name the limit", p)
			}
			if taken := body.taken.Load(); taken > size/4 {
				t.Errorf("%d bytes were taken", taken)
			}
			if n := len(stored(t, st)); n != 0 {
				t.Errorf("%d events stored", n)
			}
		})
	}
}

func TestABodyThatSaysItIsTooLargeIsNotBegun(t *testing.T) {
	var body zeros
	r := httptest.NewRequest(http.MethodPost, "/v1/events", &body)
	r.ContentLength = 100 << 20
	r.Header.Set("Content-Type", structured)
	w := httptest.NewRecorder()
	newServer(t, server.Config{}).Handler().ServeHTTP(w, r)
	problem(t, reply{w.Code, w.Header(), w.Body.String()}, http.StatusRequestEntityTooLarge)
	if n := body.taken.Load(); n > 0 {
		t.Errorf("%d bytes were read", n)
	}
}

func TestABodyOfExactlyTheLimitIsTaken(t *testing.T) {
	body := cloudEvent("1", "a.b", `,"data":"`+strings.Repeat("x", 1000)+`"`)
	s := newServer(t, server.Config{MaxBodyBytes: int64(len(body))})
	decode[server.Receipt](t, post(t, s, "/v1/events", structured, body), http.StatusCreated)
	problem(t, post(t, s, "/v1/events", structured, body+" "), http.StatusRequestEntityTooLarge)
}

func TestLongHeadersAreRefused(t *testing.T) {
	run := serve(t, server.Config{MaxHeaderBytes: 1 << 10})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, run.url+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %s", res.Status)
	}
}
