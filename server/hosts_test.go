package server_test

import (
	"net/http"
	"testing"

	"github.com/oxbow-events/oxbow/server"
)

func TestOtherOriginsMayNotWrite(t *testing.T) {
	st := newStore(t)
	h := newServer(t, server.Config{Store: st}).Handler()
	for name, c := range map[string]struct {
		header map[string]string
		status int
	}{
		"cross-site":  {map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"other name":  {map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"same origin": {map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			c.header["Content-Type"] = structured
			rep := send(t, h, request{method: http.MethodPost, target: "/v1/events", header: c.header, body: cloudEvent(name, "a.b", "")})
			if rep.status != c.status {
				t.Errorf("status %d, want %d: %s", rep.status, c.status, rep.body)
			}
			if rep.status == http.StatusForbidden {
				problem(t, rep, http.StatusForbidden)
			}
		})
	}
	if n := len(stored(t, st)); n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
}

// getAs fetches /health from a running server under the host's name.
func getAs(t *testing.T, url, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestALoopbackServerAnswersForThisMachineOnly(t *testing.T) {
	run := serve(t, server.Config{})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "app.localhost": 200, "127.0.0.1": 200, "127.1.2.3:80": 200, "[::1]:80": 200, "[::1]": 200,
		"evil.example": 421, "evil.example:80": 421, "10.0.0.1": 421, "localhost.evil.example": 421,
	} {
		if got := getAs(t, run.url, host); got != want {
			t.Errorf("host %s: status %d, want %d", host, got, want)
		}
	}
}

func TestHostsMayBeNamed(t *testing.T) {
	run := serve(t, server.Config{Hosts: []string{"events.example"}})
	for host, want := range map[string]int{"events.example": 200, "Events.Example:443": 200, "localhost": 421} {
		if got := getAs(t, run.url, host); got != want {
			t.Errorf("host %s: status %d, want %d", host, got, want)
		}
	}
}
