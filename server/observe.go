package server

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// requestID names the header that tells a request's id, which problems and the log have too.
const requestID = "X-Request-ID"

// observe gives each request an id, counts it, and turns a panic into a 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w.Header().Set(requestID, event.NewID().String())
		w.Header().Set("X-Content-Type-Options", "nosniff")
		a := &answer{ResponseWriter: w}
		defer func() {
			s.metrics.countRequest(r, a.status, time.Since(began))
			s.cfg.Logger.DebugContext(r.Context(), "request", "request", w.Header().Get(requestID),
				"method", r.Method, "path", r.URL.Path, "status", a.status, "took", time.Since(began))
		}()
		defer s.recoverPanic(a, r)
		next.ServeHTTP(a, r)
	})
}

func (s *Server) recoverPanic(a *answer, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	err := fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
	if a.status == 0 {
		s.fail(a, r, err)
		return
	}
	s.cfg.Logger.ErrorContext(r.Context(), "request failed", "request", a.Header().Get(requestID), "error", err)
	panic(http.ErrAbortHandler) // half an answer is out: the caller must see that it is cut
}

// answer remembers the status that was sent.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
