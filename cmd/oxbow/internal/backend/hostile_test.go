package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// answering returns what a server that always answers so is to a client.
func answering(t *testing.T, answer http.HandlerFunc) *backend.Remote {
	t.Helper()
	web := httptest.NewServer(answer)
	t.Cleanup(web.Close)
	return dial(t, web.URL)
}

func readError(t *testing.T, b backend.Backend) (last error) {
	t.Helper()
	n := 0
	for _, err := range b.Read(t.Context(), store.Query{}) {
		if last = err; err == nil {
			n++
		}
		if n > 2000 {
			t.Fatal("the reader goes round in circles")
		}
	}
	return last
}

func TestAWrongServerIsToldApart(t *testing.T) {
	one := `{"specversion":"1.0","id":"a","source":"s","type":"t","stream":"t","revision":"1","position":"1"}`
	for name, c := range map[string]struct {
		status  int
		media   string
		body    string
		says    string
		invalid bool
	}{
		"a page":            {200, "text/html", "<html>", "is it an Oxbow?", false},
		"nothing":           {200, "application/json", "", "is it an Oxbow?", false},
		"a redirect":        {302, "text/html", "", "answered 302 Found", false},
		"an error page":     {500, "text/html", "<html>secret", "answered 500 Internal Server Error", false},
		"an error in words": {503, "text/plain", "under water\n", "answered 503: under water", false},
		"a problem":         {400, "application/problem+json", `{"title":"Bad","detail":"stream is odd","errors":[{"field":"stream"}]}`, "answered 400: stream is odd", true},
		"half a problem":    {400, "application/problem+json", `{"title":"Bad`, "answered 400 Bad Request", true},
		"endless problem":   {400, "text/plain", strings.Repeat("x", 100_000), "xxx…", true},
		"the same event":    {200, "application/json", `{"events":[` + one + `,` + one + `],"next":"/x","head":9}`, "out of order", false},
		"the same page":     {200, "application/json", `{"events":[` + one + `],"next":"/x","head":9}`, "out of order", false},
		"no event":          {200, "application/json", `{"events":[{"id":"a"}],"next":null,"head":9}`, "an event that is none", false},
		"too many events":   {200, "application/json", `{"events":[` + strings.Repeat(one+",", 600) + one + `],"next":null,"head":9}`, "instead of 500", false},
	} {
		t.Run(name, func(t *testing.T) {
			remote := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.media)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			err := readError(t, remote)
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, event.ErrInvalid) != c.invalid {
				t.Errorf("%.300v; want one that says %q, invalid: %v", err, c.says, c.invalid)
			}
			if err != nil && len(err.Error()) > 1200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	remote := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		chunk := bytes.Repeat([]byte{' '}, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := remote.Stats(t.Context()); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%v; want one about too large an answer", err)
	}
}

func TestABrokenAnswerIsUnreachable(t *testing.T) {
	remote := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	if _, err := remote.Stats(t.Context()); !errors.Is(err, backend.ErrUnreachable) {
		t.Errorf("%v; want ErrUnreachable", err)
	}
}

func TestStreamsThatRepeatAreRefused(t *testing.T) {
	remote := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"streams":[{"name":"a"}],"next":"/v1/streams"}`)
	})
	var last error
	for _, err := range remote.Streams(t.Context(), "") {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "out of order") {
		t.Errorf("%v; want one about order", last)
	}
}

func TestAnEventStreamThatLiesIsRefused(t *testing.T) {
	const envelope = `data: {"specversion":"1.0","id":"a","source":"s","type":"t","position":"%d"}`
	for name, c := range map[string]struct{ body, says string }{
		"twice the same": {fmt.Sprintf(envelope+"\n\n"+envelope+"\n\n", 5, 5), "position 5 again"},
		"no event":       {"data: {}\n\n", "an event that is none"},
		"a page":         {"<html>\n\n", "ended it"},
	} {
		t.Run(name, func(t *testing.T) {
			served := 0
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var notices []string
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if served++; served == 2 {
					cancel()
				}
				_, _ = io.WriteString(w, c.body)
			}))
			defer web.Close()
			remote, err := backend.Dial(web.URL, func(text string) { notices = append(notices, text) })
			if err != nil {
				t.Fatal(err)
			}
			defer remote.Close()
			var last error
			for _, err := range remote.Follow(ctx, store.Query{}) {
				last = err
			}
			if told := fmt.Sprint(last, notices); !strings.Contains(told, c.says) {
				t.Errorf("%s; want %q", told, c.says)
			}
		})
	}
}

func TestAHookTriesAgainWhatMayPass(t *testing.T) {
	statuses := []int{503, 429, 202}
	served := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents+json" {
			t.Errorf("content type %q", got)
		}
		w.WriteHeader(statuses[served])
		served++
	}))
	defer web.Close()
	hook, err := backend.NewHook(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Send(t.Context(), &orders(1)[0]); err != nil || served != 3 {
		t.Errorf("%d requests, %v; want 3", served, err)
	}
	statuses, served = []int{422}, 0
	if err := hook.Send(t.Context(), &orders(1)[0]); !errors.Is(err, event.ErrInvalid) || served != 1 {
		t.Errorf("%d requests, %v; want 1 and ErrInvalid", served, err)
	}
}
