package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 60 * time.Second // from the request to the answer's header
	wholeTimeout  = 2 * time.Minute  // from the request to the last byte of the answer
)

// newClient returns a client that follows no redirects: a POST that is redirected would arrive as something else.
func newClient() *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  answerTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// parseURL reads the address of an HTTP server.
func parseURL(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		return nil, fmt.Errorf("%q has no scheme; write it as http://%s", address, address)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%q is not a URL", address)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not a URL as in http://127.0.0.1:7070", address)
	}
	return u, nil
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// do sends a request and returns the body of a successful answer, which may have limit bytes.
func do(client *http.Client, req *http.Request, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(req.Context(), wholeTimeout)
	defer cancel()
	req = req.WithContext(ctx)
	resp, err := send(client, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, unreachable(req, err)
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("%s answered with more than %d bytes; is it an Oxbow?", origin(req.URL), limit)
	}
	return body, nil
}

// send sends a request and returns a successful answer, whose body the caller closes.
func send(client *http.Client, req *http.Request) (*http.Response, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, unreachable(req, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return resp, nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	return nil, answerError(req, resp, body)
}

// unreachable says that there was no whole answer. The end of the caller's context is not the server's fault.
func unreachable(req *http.Request, err error) error {
	if ctxErr := req.Context().Err(); ctxErr != nil && !errors.Is(ctxErr, context.DeadlineExceeded) {
		return ctxErr
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the method and URL around it are said already
	}
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "dial" {
		return fmt.Errorf("%w at %s: %v; is it running?", ErrUnreachable, origin(req.URL), refused.Err)
	}
	return fmt.Errorf("%w at %s: %v", ErrUnreachable, origin(req.URL), err)
}
