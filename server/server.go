package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Publisher is what a POST commits through: a *store.Store, or an *oxbow.App, whose subscriptions then have the events.
type Publisher interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// Config is how a server works. Only the store is needed.
type Config struct {
	Store     *store.Store // what is read; needed
	Publisher Publisher    // what is written to; default: the store
	Types     []string     // the only event types that are taken; default: any
	Hosts     []string     // host names that requests may be for; default: on a loopback address localhost and loopback addresses, elsewhere any
	Logger    *slog.Logger // default: slog.Default()

	MaxBodyBytes   int64         // of a request; default 8 MiB
	MaxHeaderBytes int           // of a request; default 64 KiB
	RequestTimeout time.Duration // to read a request, and to take an answer; default 1 minute
	StreamTimeout  time.Duration // for a follower to take up to 16 KiB, before it is cut off; default 15 seconds
	Heartbeat      time.Duration // longest silence on an event stream; default 15 seconds
	StopTimeout    time.Duration // for running requests, once the server stops; default 10 seconds
}

// withDefaults returns the config with zero fields filled in, or which field is bad.
func (c Config) withDefaults() (Config, error) {
	if c.Store == nil {
		return c, event.Invalid("Store", "is missing")
	}
	if c.Publisher == nil {
		c.Publisher = c.Store
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	for _, name := range c.Types {
		if err := event.CheckType("Types", name); err != nil {
			return c, err
		}
	}
	if c.MaxBodyBytes < 0 || c.MaxHeaderBytes < 0 {
		return c, event.Invalid("MaxBodyBytes, MaxHeaderBytes", "must not be negative")
	}
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 8 << 20
	}
	if c.MaxHeaderBytes == 0 {
		c.MaxHeaderBytes = 64 << 10
	}
	return c.withDefaultTimes()
}

func (c Config) withDefaultTimes() (Config, error) {
	for _, d := range [...]struct {
		name     string
		value    *time.Duration
		fallback time.Duration
	}{
		{"RequestTimeout", &c.RequestTimeout, time.Minute},
		{"StreamTimeout", &c.StreamTimeout, 15 * time.Second},
		{"Heartbeat", &c.Heartbeat, 15 * time.Second},
		{"StopTimeout", &c.StopTimeout, 10 * time.Second},
	} {
		if *d.value < 0 {
			return c, event.Invalid(d.name, "is %v; it must not be negative", *d.value)
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return c, nil
}

// Server answers HTTP requests about one store. Make one with New; its methods may be called at the same time.
type Server struct {
	cfg     Config
	metrics *metrics
	mux     *http.ServeMux
}

// New returns a server, or an error that names the bad field of the config. It starts nothing.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, metrics: newMetrics(cfg.Store)}
	s.mux = s.routes()
	return s, nil
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, answer := range map[string]endpoint{
		"POST /v1/events":     s.publish,
		"GET /v1/events":      s.listEvents,
		"GET /v1/events/{id}": s.oneEvent,
		"GET " + streamRoute:  s.streamEvents,
		"GET /v1/streams":     s.listStreams,
		"GET /v1/stats":       s.stats,

		"GET /v1/deadletters":                            s.listConsumers,
		"GET /v1/deadletters/{consumer}":                 s.listLetters,
		"GET /v1/deadletters/{consumer}/journal":         s.letterJournal,
		"GET /v1/deadletters/{consumer}/{position}":      s.oneLetter,
		"GET /v1/deadletters/{consumer}/{position}/data": s.letterData,
		"PATCH /v1/deadletters/{consumer}/{position}":    s.editLetter,
		"POST /v1/deadletters/{consumer}/redrive":        s.redriveLetters,
		"POST /v1/deadletters/{consumer}/discard":        s.discardLetters,

		"GET /health":       s.health,
		"GET /ready":        s.ready,
		"GET /ui/{file...}": ui(),
	} {
		mux.Handle(pattern, s.serveEndpoint(answer))
	}
	mux.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusFound))
	mux.Handle("GET /metrics", s.metrics.handler(s.cfg.Logger))
	return mux
}

// endpoint answers a request, or returns the error that becomes a problem document.
type endpoint func(w http.ResponseWriter, r *http.Request) error

func (s *Server) serveEndpoint(answer endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := answer(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// Handler returns the server as a handler, to be mounted at the root of a server of your own. Serve adds timeouts and the graceful
// stop.
func (s *Server) Handler() http.Handler { return s.handler(hostsNamed(s.cfg.Hosts)) }

func (s *Server) handler(hosts hostCheck) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(s.serveEndpoint(func(http.ResponseWriter, *http.Request) error { return errCrossOrigin }))
	return s.observe(s.onlyFor(hosts, crossOrigin.Handler(http.HandlerFunc(s.route))))
}

// route lets the mux answer, except that what the mux would refuse in plain text becomes a problem document.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	refuse, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	refused := refusal{header: http.Header{}}
	refuse.ServeHTTP(&refused, r)
	if refused.status != http.StatusMethodNotAllowed {
		s.fail(w, r, notFound("there is nothing at "+r.URL.Path))
		return
	}
	w.Header().Set("Allow", refused.header.Get("Allow"))
	s.fail(w, r, &Problem{
		Status: http.StatusMethodNotAllowed,
		Detail: r.Method + " is not for " + r.URL.Path + "; it takes " + refused.header.Get("Allow"),
	})
}

// refusal learns what the mux would have answered.
type refusal struct {
	header http.Header
	status int
}

func (a *refusal) Header() http.Header         { return a.header }
func (a *refusal) WriteHeader(status int)      { a.status = status }
func (a *refusal) Write(b []byte) (int, error) { return len(b), nil }
