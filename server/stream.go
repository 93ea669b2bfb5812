package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/oxbow-events/oxbow/store"
)

// streamEvents answers GET /v1/events/stream: what the store has after a position, and then each event as it comes.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) error {
	q, err := s.parseFollow(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy that gathers bytes first would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	ctx, cancel := untilStopping(r.Context())
	defer cancel()
	s.metrics.followers.Inc()
	defer s.metrics.followers.Dec()

	err = s.follow(ctx, w, q)
	switch {
	case ctx.Err() != nil: // the caller or the server has ended it
	case errors.Is(err, errNotTaken):
		s.cfg.Logger.InfoContext(ctx, "event stream cut off", "request", w.Header().Get(requestID), "error", err)
	default:
		s.cfg.Logger.ErrorContext(ctx, "event stream failed", "request", w.Header().Get(requestID), "error", err)
	}
	return nil
}

// untilStopping returns a context that ends with ctx, or when the server begins to stop.
func untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	streaming, cancel := context.WithCancel(ctx)
	release := context.AfterFunc(stopping(ctx), cancel)
	return streaming, func() {
		release()
		cancel()
	}
}

// parseFollow reads where to begin: the Last-Event-ID of a caller that resumes, or else the parameter after.
func (s *Server) parseFollow(r *http.Request) (store.Query, error) {
	p := parseParameters(r.URL.RawQuery, slices.Concat(filterNames, []string{"after"})...)
	q := store.Where(p.filter())
	head, err := s.cfg.Store.Head(r.Context())
	if err != nil {
		return q, err
	}
	switch resumed := r.Header.Get("Last-Event-Id"); {
	case resumed != "":
		p.values["Last-Event-ID"] = []string{resumed}
		q.After = p.reached("Last-Event-ID", head)
	case p.values.Get("after") == "head":
		q.After = head
	default:
		q.After = p.reached("after", head)
	}
	return q, p.err()
}

// reached reads a position that the store must have reached: waiting for one of another store would miss everything until then.
func (p *parameters) reached(name string, head store.Position) store.Position {
	after := p.position(name)
	if after > head {
		p.fault(name, "is "+strconv.FormatUint(uint64(after), 10)+", but the store has only reached "+
			strconv.FormatUint(uint64(head), 10)+": this is another store than the one it is from")
	}
	return after
}

// follow sends events until ctx ends, the caller is too slow, or the store fails.
func (s *Server) follow(ctx context.Context, w http.ResponseWriter, q store.Query) error {
	f, err := beginFollow(w, s.cfg, q)
	for err == nil {
		err = f.step(ctx)
	}
	return err
}
