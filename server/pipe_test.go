package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/oxbow-events/oxbow/server"
)

// pipes is a listener on a network in memory, so that tests with fake time can talk to a server.
type pipes struct {
	dialled chan net.Conn
	closed  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialled:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.dialled <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("nobody listens")
	}
}

// piped is a server that Serve runs on a network in memory.
type piped struct {
	client *http.Client
	stop   context.CancelFunc
	served <-chan error
}

// servePiped starts the server. In a synctest bubble its time is the bubble's. The caller stops it and takes what Serve returned.
func servePiped(t *testing.T, cfg server.Config) piped {
	t.Helper()
	s := newServer(t, cfg)
	l := &pipes{dialled: make(chan net.Conn), closed: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(transport.CloseIdleConnections)
	return piped{client: &http.Client{Transport: transport}, stop: stop, served: served}
}

// get begins a request, which the caller ends by closing the body.
func (p piped) get(t *testing.T, target string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://oxbow"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
