package server

import (
	"context"
	"net/http"
	"time"
)

// probeTimeout is how long the store may take to prove that it answers.
const probeTimeout = 2 * time.Second

// health answers GET /health: the process lives.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready answers GET /ready: the store answers. A server that is stopping takes no connection, which a probe sees as well.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), probeTimeout)
	defer cancel()
	head, err := s.cfg.Store.Head(ctx)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "not ready", "error", err)
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the store does not answer"}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"status": "ready", "head": head})
}
