package httpevent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

func TestTheRouteIsThePatternThatMatched(t *testing.T) {
	rec := newRecorder()
	around := func(h http.Handler) http.Handler { return wrap(t, rec, httpevent.Config{}, h) }
	mux := func(pattern string, h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(pattern, h)
		return m
	}
	done := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct {
		handler http.Handler
		want    string
	}{
		"around a mux":           {around(mux("GET /api/orders/{id}", done)), "/api/orders/{id}"},
		"around a handler":       {mux("GET /api/orders/{id}", around(done)), "/api/orders/{id}"},
		"with a host":            {around(mux("GET example.com/api/orders/{id...}", done)), "example.com/api/orders/{id...}"},
		"without a method":       {around(mux("/api/orders/{id}", done)), "/api/orders/{id}"},
		"a mux in a mux":         {around(mux("/api/", mux("GET /api/orders/{id}", done))), "/api/orders/{id}"},
		"around a mux in a mux":  {mux("/api/", around(mux("/api/orders/{id}", done))), "/api/orders/{id}"},
		"outside of StripPrefix": {around(mux("/api/", http.StripPrefix("/api", mux("/orders/{id}", done)))), "/api/"},
		"inside of StripPrefix":  {mux("/api/", http.StripPrefix("/api", around(mux("/orders/{id}", done)))), "/orders/{id}"},
		"around StripPrefix":     {mux("/api/", around(http.StripPrefix("/api", mux("/orders/{id}", done)))), "/api/"},
		"not found":              {around(mux("/other", done)), ""},
		"no mux":                 {around(done), ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec.events = nil
			c.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/orders/42", nil))
			e := rec.request(t)
			if e.Data.Route != c.want {
				t.Errorf("the route is %q, want %q", e.Data.Route, c.want)
			}
			if want := strings.TrimSuffix("http-GET "+c.want, " "); e.Stream != want || e.RoutingKey() != "http.request" {
				t.Errorf("the event is in stream %q on topic %q, want %q and its type", e.Stream, e.RoutingKey(), want)
			}
		})
	}
}

func TestOuterMiddlewaresSeeThePattern(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/orders/{id}", func(http.ResponseWriter, *http.Request) { panic("no") })
	r := httptest.NewRequest("GET", "/orders/42", nil)
	panicOf(func() { wrap(t, newRecorder(), httpevent.Config{}, mux).ServeHTTP(httptest.NewRecorder(), r) })
	if r.Pattern != "/orders/{id}" {
		t.Errorf("the pattern is %q", r.Pattern)
	}
}

func TestRouteMayBeGiven(t *testing.T) {
	long := strings.Repeat("é", 150)
	for given, want := range map[string]string{
		"/by path":     "/by path",
		"POST /x":      "/x",
		"":             "",
		"/a\nb\xffc":   "/a_b_c",
		long:           long[:200],
		"GET\t /tab":   "/tab",
		" /with space": " /with space",
	} {
		rec := newRecorder()
		h := wrap(t, rec, httpevent.Config{Route: func(*http.Request) string { return given }}, http.NotFoundHandler())
		for range 2 { // the second one is remembered
			rec.events = nil
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			if e := rec.request(t); e.Data.Route != want {
				t.Errorf("%q became %q, want %q", given, e.Data.Route, want)
			}
		}
	}
}

func TestMethodsThatAreNotKnownAreOther(t *testing.T) {
	rec := newRecorder()
	h := wrap(t, rec, httpevent.Config{}, http.NotFoundHandler())
	for method, want := range map[string]string{
		"GET": "GET", "HEAD": "HEAD", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE", "CONNECT": "CONNECT",
		"OPTIONS": "OPTIONS", "TRACE": "TRACE", "": "GET", "get": "OTHER", "HUNTER2": "OTHER",
	} {
		rec.events = nil
		r := httptest.NewRequest("GET", "/", nil)
		r.Method = method
		h.ServeHTTP(httptest.NewRecorder(), r)
		if e := rec.request(t); e.Data.Method != want || e.Stream != "http-"+want {
			t.Errorf("%q became %q in stream %q, want %q", method, e.Data.Method, e.Stream, want)
		}
	}
}

func TestRoutesBeyondTheLimitAreStillRight(t *testing.T) {
	rec := newRecorder()
	h := wrap(t, rec, httpevent.Config{Route: func(r *http.Request) string { return r.URL.Path }}, http.NotFoundHandler())
	for n := range 1100 {
		rec.events = nil
		path := fmt.Sprintf("/%d", n)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		<-rec.came
		if e := rec.request(t); e.Data.Route != path {
			t.Fatalf("%s became %q", path, e.Data.Route)
		}
	}
}

func TestWhatIsPublishedCanBeStored(t *testing.T) {
	var registry event.Registry
	if err := event.Register[httpevent.Request](&registry); err != nil {
		t.Fatal(err)
	}
	if err := event.Register[httpevent.Error](&registry); err != nil {
		t.Fatal(err)
	}
	rec := newRecorder()
	handle(t, rec, httptest.NewRecorder(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	for _, e := range rec.all() {
		stored, err := registry.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := registry.Decode(stored)
		if err != nil || back.Data != e.Data {
			t.Errorf("%+v came back as %+v, %v", e.Data, back.Data, err)
		}
	}
}
