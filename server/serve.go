package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers requests from the listener until ctx ends, and then stops: it takes no new connection, ends event streams where
// their followers can resume, and lets running requests finish. Those that do not within Config.StopTimeout are cut off, which is
// the error it returns then. It closes the listener and returns when all it started has ended.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	requests, cutOff := context.WithCancel(context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx))
	defer cutOff()
	var running gate
	srv := s.httpServer(running.guard(s.handler(s.hostsFor(l.Addr()))))
	srv.BaseContext = func(net.Listener) context.Context { return requests }

	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serve %v: %w", l.Addr(), err), srv.Close())
	case <-ctx.Done():
	}

	deadline, cancel := context.WithTimeout(requests, s.cfg.StopTimeout)
	defer cancel()
	err := srv.Shutdown(deadline)
	<-served
	if err == nil {
		return nil
	}
	cutOff()
	err = errors.Join(fmt.Errorf("stop: requests still running after %v were cut off: %w", s.cfg.StopTimeout, err), srv.Close())
	running.close()
	return err
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: min(10*time.Second, s.cfg.RequestTimeout),
		ReadTimeout:       s.cfg.RequestTimeout,
		WriteTimeout:      s.cfg.RequestTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    s.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}
}

type stoppingKey struct{}

// stopping returns a context that ends when the server that carries the request begins to stop; outside of Serve, never.
func stopping(ctx context.Context) context.Context {
	if serving, ok := ctx.Value(stoppingKey{}).(context.Context); ok {
		return serving
	}
	return context.Background()
}

// gate knows which requests run. http.Server's Close does not wait for its handlers; this does.
type gate struct {
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
}

func (g *gate) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.enter() {
			return
		}
		defer g.running.Done()
		next.ServeHTTP(w, r)
	})
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.running.Add(1)
	}
	return !g.closed
}

// close lets no other request in and waits for those that run.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
