package httpevent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

func TestA5xxIsAnErrorEventToo(t *testing.T) {
	for status, failed := range map[int]bool{200: false, 404: false, 499: false, 500: true, 503: true, 599: true} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			rec := newRecorder()
			handle(t, rec, httptest.NewRecorder(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			request := rec.request(t)
			e, ok := rec.failure(t)
			if ok != failed {
				t.Fatalf("an error event: %t, want %t", ok, failed)
			}
			if !failed {
				return
			}
			if e.Data.Request != request.Data || e.Data.Panic != "" || e.Data.Where != "" || e.Type != "http.error" {
				t.Errorf("%s says %+v, want what the request's says: %+v", e.Type, e.Data, request.Data)
			}
			if e.CausationID != request.ID || e.CorrelationID != request.CorrelationID || e.TraceParent != request.TraceParent {
				t.Errorf("the error %+v is not linked to the request %+v", e.Metadata, request.Metadata)
			}
		})
	}
}

type secretError struct{ text string }

func (e *secretError) Error() string { return e.text }

func explode(v any) { panic(v) }

func TestAPanicIsPublishedAndGoesOn(t *testing.T) {
	cause := &secretError{"hunter2"}
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		want   httpevent.Error
		value  any
	}{
		"before the status": {
			func(http.ResponseWriter, *http.Request) { explode(cause) },
			httpevent.Error{Request: httpevent.Request{Status: 500}, Panic: "*httpevent_test.secretError"},
			cause,
		},
		"after the status": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); explode("hunter2") },
			httpevent.Error{Request: httpevent.Request{Status: 202}, Panic: "string"},
			"hunter2",
		},
		"in what was deferred": {
			func(http.ResponseWriter, *http.Request) {
				defer func() { panic(recover()) }()
				explode(7)
			},
			httpevent.Error{Request: httpevent.Request{Status: 500}, Panic: "int"},
			7,
		},
		"with a value that cannot be compared": {
			func(http.ResponseWriter, *http.Request) { explode([]string{"a"}) },
			httpevent.Error{Request: httpevent.Request{Status: 500}, Panic: "[]string"},
			[]string{"a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder()
			value := panicOf(func() { handle(t, rec, httptest.NewRecorder(), c.handle) })
			if !reflect.DeepEqual(value, c.value) {
				t.Errorf("the panic went on with %v, want %v", value, c.value)
			}
			if data := rec.request(t).Data; !data.Aborted || data.Status != c.want.Status {
				t.Errorf("the request's event says %+v, want aborted and status %d", data, c.want.Status)
			}
			e, _ := rec.failure(t)
			if e.Data.Status != c.want.Status || e.Data.Panic != c.want.Panic || !e.Data.Aborted {
				t.Errorf("the event says %+v, want %+v", e.Data, c.want)
			}
			if !strings.HasPrefix(e.Data.Where, "httpevent_test.explode failure_test.go:") {
				t.Errorf("it panicked in %q, want explode", e.Data.Where)
			}
		})
	}
}

func TestAPanicOfTheRuntimeSaysWhere(t *testing.T) {
	rec := newRecorder()
	panicOf(func() {
		handle(t, rec, httptest.NewRecorder(), func(_ http.ResponseWriter, r *http.Request) {
			var missing *http.Request
			r.Method = missing.Method
		})
	})
	e, _ := rec.failure(t)
	if e.Data.Panic != "runtime.errorString" && e.Data.Panic != "runtime.errorAddressString" {
		t.Errorf("it panicked with a %s", e.Data.Panic)
	}
	if !strings.HasPrefix(e.Data.Where, "httpevent_test.TestAPanicOfTheRuntimeSaysWhere.") {
		t.Errorf("it panicked in %q", e.Data.Where)
	}
}

func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestAnAbortIsNoError(t *testing.T) {
	var logged bytes.Buffer
	rec := newRecorder()
	server := httptest.NewUnstartedServer(wrap(t, rec, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	})))
	server.Config.ErrorLog = log.New(&logged, "", 0)
	server.Start()
	for path, status := range map[string]int{"/early": 0, "/late": 200} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s was answered whole", path)
		}
		events := rec.wait(t, 1)
		if data := events[len(events)-1].Data.(httpevent.Request); !data.Aborted || data.Status != status {
			t.Errorf("%s: the event says %+v, want aborted and status %d", path, data, status)
		}
	}
	server.Close()
	if _, ok := rec.failure(t); ok {
		t.Error("there is an error event")
	}
	if logged.Len() > 0 {
		t.Errorf("the server logged %s", &logged)
	}
}

func TestAHandlerThatEndsItsGoroutineIsAborted(t *testing.T) {
	rec := newRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		handle(t, rec, httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	}()
	<-done
	if data := rec.request(t).Data; !data.Aborted || data.Status != 0 {
		t.Errorf("the event says %+v, want aborted and no status", data)
	}
}

func TestAPublisherThatFailsLeavesTheResponseAlone(t *testing.T) {
	sorry := errors.New("disk is full")
	fail := func(context.Context, any, ...event.Option) error { return sorry }
	explodes := func(context.Context, any, ...event.Option) error { panic("no disk") }
	for name, c := range map[string]struct {
		pub     httpevent.PublisherFunc
		route   func(*http.Request) string
		onError func(context.Context, error)
		want    []string
	}{
		"an error":             {fail, nil, nil, []string{"publish http.request: disk is full", "publish http.error: disk is full"}},
		"a panic":              {explodes, nil, nil, []string{"publish http.request: panic: no disk", "publish http.error: panic: no disk"}},
		"a panic of Route":     {newRecorder().Publish, func(*http.Request) string { panic("no map") }, nil, []string{"find the route: panic: no map"}},
		"a panic of OnError":   {fail, nil, func(context.Context, error) { panic("no log") }, nil},
		"a panic of all three": {explodes, func(*http.Request) string { panic("no map") }, func(context.Context, error) { panic("no log") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []error
			cfg := httpevent.Config{Route: c.route, OnError: func(_ context.Context, err error) { got = append(got, err) }}
			logged := captureLog(t)
			if c.onError != nil {
				cfg.OnError = c.onError
			}
			server := serve(t, 1, c.pub, cfg, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(503)
				io.WriteString(w, "later")
			}))
			if resp, text := ask(t, server, "GET", "/", nil); resp.StatusCode != 503 || text != "later" {
				t.Errorf("answered %d %q", resp.StatusCode, text)
			}
			server.Close()
			if c.onError != nil && strings.Count(logged.String(), "ERROR httpevent: publish http.request: ") != 1 {
				t.Errorf("logged %q, want what OnError did not take", logged)
			}
			if len(got) != len(c.want) {
				t.Fatalf("OnError got %q, want %q", got, c.want)
			}
			for i, err := range got {
				if text, _, _ := strings.Cut(err.Error(), "\n"); text != c.want[i] {
					t.Errorf("OnError got %q, want %q", text, c.want[i])
				}
			}
			if name == "an error" && !errors.Is(got[0], sorry) {
				t.Errorf("%v does not wrap the publisher's error", got[0])
			}
		})
	}
}

// captureLog returns what slog.Default writes until the end of the test.
func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	logged, before := new(bytes.Buffer), log.Writer()
	log.SetOutput(logged)
	t.Cleanup(func() { log.SetOutput(before) })
	return logged
}

func TestErrorsAreLoggedByDefault(t *testing.T) {
	logged := captureLog(t)
	pub := httpevent.PublisherFunc(func(context.Context, any, ...event.Option) error { return errors.New("disk is full") })
	h := wrap(t, pub, httpevent.Config{}, http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if got := logged.String(); !strings.Contains(got, "ERROR httpevent: publish http.request: disk is full") {
		t.Errorf("logged %q", got)
	}
}

// The event is published when the handler has returned and before the server ends the response.
func TestTheEventIsPublishedBetweenTheHandlerAndTheEndOfTheResponse(t *testing.T) {
	var order []string
	note := func(what string) { order = append(order, what) }
	pub := httpevent.PublisherFunc(func(context.Context, any, ...event.Option) error { note("published"); return nil })
	inner := wrap(t, pub, httpevent.Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { note("handled") }))
	inner.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	note("returned to the server")
	if got := strings.Join(order, ", "); got != "handled, published, returned to the server" {
		t.Error(got)
	}
}

func TestTimeAndDurationAreThoseOfTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := newRecorder()
		start := time.Now()
		handle(t, rec, httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) { <-time.After(3 * time.Second) })
		e := rec.request(t)
		if e.Data.Duration != 3*time.Second || !e.Time.Equal(start) {
			t.Errorf("the event is of %v and took %v, want %v and 3s", e.Time, e.Data.Duration, start)
		}
	})
}
