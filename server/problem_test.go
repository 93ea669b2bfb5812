package server_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	problem(t, send(t, h, request{target: "/v2/events"}), http.StatusNotFound)
	rep := send(t, h, request{method: http.MethodDelete, target: "/v1/events"})
	problem(t, rep, http.StatusMethodNotAllowed)
	if got := rep.header.Get("Allow"); got != "GET, HEAD, POST" {
		t.Errorf("Allow %q", got)
	}
}

// brokenDriver fails or panics when it is asked for its head.
type brokenDriver struct {
	store.Driver
	err error // nil: panic
}

func (d brokenDriver) Head(context.Context) (store.Position, error) {
	if d.err == nil {
		panic("secret of the inside")
	}
	return 0, d.err
}

func TestErrorsOfTheInsideAreLoggedAndNotTold(t *testing.T) {
	for name, cause := range map[string]error{"error": errors.New("secret of the inside"), "panic": nil} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			h := newServer(t, server.Config{
				Store:  store.New(brokenDriver{memory.New(), cause}, store.Config{}),
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}).Handler()
			rep := send(t, h, request{target: "/v1/events"})
			problem(t, rep, http.StatusInternalServerError)
			if strings.Contains(rep.body, "secret") {
				t.Errorf("the answer tells of the inside: %s", rep.body)
			}
			if id := rep.header.Get("X-Request-ID"); !strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), id) {
				t.Errorf("the log has not the error and the id %s: %s", id, log.String())
			}
		})
	}
}

func TestReadyAsksTheStore(t *testing.T) {
	st := newStore(t)
	h := newServer(t, server.Config{Store: st}).Handler()
	if rep := send(t, h, request{target: "/ready"}); rep.status != http.StatusOK {
		t.Errorf("ready: %d %s", rep.status, rep.body)
	}
	st.Close()
	problem(t, send(t, h, request{target: "/ready"}), http.StatusServiceUnavailable)
	problem(t, send(t, h, request{target: "/v1/events"}), http.StatusServiceUnavailable)
	if rep := send(t, h, request{target: "/health"}); rep.status != http.StatusOK {
		t.Errorf("health of a process without a store: %d %s", rep.status, rep.body)
	}
}

func TestProblemTypesAreDocumented(t *testing.T) {
	source, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`"/docs/server\.md#([a-z-]+)"`).FindAllSubmatch(source, -1)
	if len(kinds) == 0 {
		t.Fatal("there are no kinds of problem")
	}
	for _, kind := range kinds {
		heading := "\n### " + strings.ReplaceAll(string(kind[1]), "-", " ") + "\n"
		if !strings.Contains(strings.ToLower(string(docs)), heading) {
			t.Errorf("docs/server.md has no heading %q", strings.TrimSpace(heading))
		}
	}
}
