package httpevent

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/oxbow-events/oxbow/event"
)

// Config is how requests become events. The zero Config works. The functions may be called at the same time. A panic of those
// that are called before the handler is one of the request, of which there is no event then.
type Config struct {
	// Source is who publishes: a URI reference. Default: none, which an oxbow.App replaces with its own.
	Source string

	// Edge says that clients are strangers: the ids in their headers are ignored, and every request begins a trace and a
	// correlation of its own. Default: traceparent, tracestate and X-Correlation-ID are taken over.
	Edge bool

	// Skip says which requests make no events, such as health checks. They have correlation and trace all the same.
	// It is called before the handler. Default: none.
	Skip func(*http.Request) bool

	// User returns who sends the request, or "" when that is not known. It is called before the handler. What no event can
	// hold (control characters, bytes that are not UTF-8, more than 255 bytes) goes to OnError and counts as unknown. Default, and
	// for the unknown: the user of the cause in the request's context, as an outer middleware may have set it with event.WithCause.
	User func(*http.Request) string

	// Route returns the route that the request took. It is called after the handler, with the request that the handler had.
	// It should be one of few: it becomes a part of the stream's name. Default: the request's Pattern, without its method.
	Route func(*http.Request) string

	// OnError gets what went wrong with an event, which the response does not feel. Default: an error line to slog.Default.
	OnError func(ctx context.Context, err error)
}

// New returns a middleware that publishes an event of each request, and of each failed one a second. Put it around a mux, or
// around single handlers. The error is an *event.InvalidError.
func New(pub Publisher, cfg Config) (func(http.Handler) http.Handler, error) {
	if pub == nil {
		return nil, event.Invalid("publisher", "is nil; pass a bus, or httpevent.PublisherOf(app.Publish)")
	}
	probe := event.Metadata{Type: Request{}.EventType(), Source: cfg.Source}
	if err := probe.Check(); err != nil {
		return nil, err
	}
	if cfg.OnError == nil {
		cfg.OnError = logError
	}
	m := &middleware{Config: cfg, pub: pub}
	return func(next http.Handler) http.Handler {
		if next == nil {
			panic("httpevent: the handler is nil")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(next, w, r) })
	}, nil
}

func logError(ctx context.Context, err error) {
	slog.ErrorContext(ctx, "httpevent: "+err.Error())
}

type middleware struct {
	Config
	pub    Publisher
	routes routes
}

func (m *middleware) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	x := &exchange{m: m}
	x.begin(w, r)
	if m.Skip != nil && m.Skip(r) {
		x.ctx.Cause.ID = event.ID{} // there will be no such event
		inner := r.WithContext(&x.ctx)
		defer handBack(r, inner)
		next.ServeHTTP(w, inner)
		return
	}
	x.serve(next, w, r)
}

// handBack gives the server's own request what handlers set on the copy: the pattern, which outer middlewares read, and the form,
// whose files the server removes.
func handBack(r, inner *http.Request) {
	r.Pattern = inner.Pattern
	if r.MultipartForm == nil {
		r.MultipartForm = inner.MultipartForm
	}
}
