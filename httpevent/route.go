package httpevent

import (
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// route is what a request's event says of its method and route, and the stream it goes to.
type route struct {
	method, text, stream string
}

// routes remembers them, because there are few in a program and each takes some cutting and joining.
type routes struct {
	known atomic.Pointer[map[routeKey]route]
	mu    sync.Mutex // held while known is replaced
}

type routeKey struct{ method, pattern string }

const maxRoutes = 1024 // beyond that the function Config.Route returns more than routes, and nothing is gained

func (m *middleware) routeOf(r *http.Request) route {
	pattern := r.Pattern
	if m.Route != nil {
		pattern = m.askRoute(r)
	}
	key := routeKey{r.Method, pattern}
	if known := m.routes.known.Load(); known != nil {
		if found, ok := (*known)[key]; ok {
			return found
		}
	}
	made := newRoute(key)
	if made.method == r.Method && len(pattern) <= maxRoute { // a client could make up any number of others
		m.routes.add(routeKey{made.method, strings.Clone(pattern)}, made)
	}
	return made
}

// askRoute calls Config.Route, which must not break the response: by now it may be on its way.
func (m *middleware) askRoute(r *http.Request) (pattern string) {
	defer func() {
		if v := recover(); v != nil {
			m.report(r.Context(), "find the route", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	return m.Route(r)
}

func (s *routes) add(key routeKey, made route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grown := map[routeKey]route{}
	if known := s.known.Load(); known != nil {
		if len(*known) >= maxRoutes {
			return
		}
		grown = maps.Clone(*known)
	}
	grown[key] = made
	s.known.Store(&grown)
}

const otherMethod = "OTHER"

// newRoute names the stream http-GET /orders/{id}.
func newRoute(key routeKey) route {
	made := route{method: otherMethod}
	switch key.method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		made.method = key.method
	case "":
		made.method = http.MethodGet // as net/http reads it
	}
	made.text = routeText(key.pattern)
	made.stream = strings.TrimSuffix("http-"+made.method+" "+made.text, " ")
	return made
}

const maxRoute = 200 // bytes

// routeText cuts the method off a pattern and makes a name of what is left, whatever Config.Route may have returned.
func routeText(pattern string) string {
	if i := strings.IndexAny(pattern, " \t"); i > 0 && !strings.Contains(pattern[:i], "/") {
		pattern = strings.TrimLeft(pattern[i:], " \t")
	}
	pattern = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(pattern, "_"))
	if len(pattern) > maxRoute {
		pattern = strings.ToValidUTF8(pattern[:maxRoute], "")
	}
	return pattern
}
