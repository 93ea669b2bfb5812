package peertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// recorder keeps what is published.
type recorder struct{ events []event.Event[any] }

func (rec *recorder) Publish(ctx context.Context, data any, opts ...event.Option) error {
	e, err := event.New(ctx, data, opts...)
	rec.events = append(rec.events, e)
	return err
}

func chiRoute(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }

func use(t *testing.T, pub httpevent.Publisher, cfg httpevent.Config) func(http.Handler) http.Handler {
	t.Helper()
	requests, err := httpevent.New(pub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

func TestTheRouteOfChiIsThePatternThatMatched(t *testing.T) {
	for path, want := range map[string]string{
		"/":                        "/",
		"/orders/42":               "/orders/{id}",
		"/shops/3/orders/42":       "/shops/{shop}/orders/{id}",
		"/shops/3/orders/42/a/b/c": "/shops/{shop}/orders/{id}/*",
		"/admin/users/7":           "/admin/users/{id:[0-9]+}",
		"/nowhere":                 "",
	} {
		t.Run(path, func(t *testing.T) {
			rec := new(recorder)
			router := chi.NewRouter()
			router.Use(use(t, rec, httpevent.Config{Route: chiRoute}))
			done := func(http.ResponseWriter, *http.Request) {}
			router.Get("/", done)
			router.Get("/orders/{id}", done)
			router.Route("/shops/{shop}", func(shop chi.Router) {
				shop.Get("/orders/{id}", done)
				shop.Get("/orders/{id}/*", done)
			})
			admin := chi.NewRouter()
			admin.Get("/users/{id:[0-9]+}", done)
			router.Mount("/admin", admin)

			router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			if got := rec.events[0].Data.(httpevent.Request); got.Route != want {
				t.Errorf("the route is %q, want %q", got.Route, want)
			}
		})
	}
}

func TestARouterAloneNeedsNoRoute(t *testing.T) {
	rec := new(recorder)
	router := chi.NewRouter()
	router.Use(use(t, rec, httpevent.Config{}))
	router.Get("/orders/{id}", func(http.ResponseWriter, *http.Request) {})
	router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/orders/42", nil))
	if got := rec.events[0].Data.(httpevent.Request); got.Route != "/orders/{id}" {
		t.Errorf("the route is %q", got.Route)
	}
}

func TestMiddlewaresOfChiStandAround(t *testing.T) {
	rec := new(recorder)
	router := chi.NewRouter()
	router.Use(middleware.Recoverer, middleware.Compress(5, "text/plain"), use(t, rec, httpevent.Config{Route: chiRoute}))
	router.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("no") })
	router.Get("/text", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write([]byte(strings.Repeat("x", 10_000)))
	})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest("GET", "/panic", nil))
	failed := rec.events[1].Data.(httpevent.Error)
	if w.Code != 500 || failed.Status != 500 || failed.Route != "/panic" {
		t.Errorf("answered %d, and the event says %+v", w.Code, failed)
	}
	router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/text", nil))
	if got := rec.events[2].Data.(httpevent.Request); got.Status != 200 || got.ResponseBytes != 10_000 {
		t.Errorf("the event says %+v, want 10,000 bytes", got)
	}
}
