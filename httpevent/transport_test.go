package httpevent_test

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// sender remembers what it was asked to send.
type sender struct {
	sent   *http.Request
	closed bool
}

func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	s.sent = r
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
}

func (s *sender) CloseIdleConnections() { s.closed = true }

func TestTheTransportSendsTheCauseOfItsContext(t *testing.T) {
	id, err := event.ParseID("checkout/7")
	if err != nil {
		t.Fatal(err)
	}
	odd, err := event.ParseID("Überweisung 7")
	if err != nil {
		t.Fatal(err)
	}
	full := &event.Cause{CorrelationID: id, TraceParent: parent, TraceState: "congo=1"}
	for name, c := range map[string]struct {
		cause *event.Cause
		has   http.Header
		want  http.Header
	}{
		"all":           {full, nil, http.Header{"X-Correlation-Id": {"checkout/7"}, "Traceparent": {parent}, "Tracestate": {"congo=1"}}},
		"no cause":      {nil, http.Header{"Accept": {"*/*"}}, http.Header{"Accept": {"*/*"}}},
		"no trace":      {&event.Cause{CorrelationID: id}, nil, http.Header{"X-Correlation-Id": {"checkout/7"}}},
		"an event's id": {&event.Cause{ID: id}, nil, http.Header{"X-Correlation-Id": {"checkout/7"}}},
		"no correlation": {
			&event.Cause{TraceParent: parent}, http.Header{"Tracestate": {"rojo=2"}}, http.Header{"Traceparent": {parent}},
		},
		"what is no header": {&event.Cause{CorrelationID: odd, TraceParent: "00-x", TraceState: "congo=1"}, nil, nil},
		"a malformed state": {&event.Cause{TraceParent: parent, TraceState: "Congo"}, nil, http.Header{"Traceparent": {parent}}},
		"all are there": {
			full, http.Header{"X-Correlation-Id": {"mine"}, "Traceparent": {"mine"}}, http.Header{"X-Correlation-Id": {"mine"}, "Traceparent": {"mine"}},
		},
		"in other letters": {
			full, http.Header{"X-Correlation-ID": {"mine"}, "traceparent": {"mine"}}, http.Header{"X-Correlation-ID": {"mine"}, "traceparent": {"mine"}},
		},
		"one is there": {
			full,
			http.Header{"X-Correlation-Id": {"mine"}},
			http.Header{"X-Correlation-Id": {"mine"}, "Traceparent": {parent}, "Tracestate": {"congo=1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if c.cause != nil {
				ctx = event.WithCause(ctx, *c.cause)
			}
			r, err := http.NewRequestWithContext(ctx, "GET", "http://localhost", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header = maps.Clone(c.has)
			next := new(sender)
			resp, err := httpevent.Transport(next).RoundTrip(r)
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			if !sameHeaders(next.sent.Header, c.want) {
				t.Errorf("sent %v, want %v", next.sent.Header, c.want)
			}
			if !sameHeaders(r.Header, c.has) {
				t.Errorf("the caller's request now has %v", r.Header)
			}
		})
	}
}

func sameHeaders(a, b http.Header) bool {
	return maps.EqualFunc(a, b, func(a, b []string) bool { return len(a) == 1 && len(b) == 1 && a[0] == b[0] })
}

func TestTheTransportLeavesClosingToTheNext(t *testing.T) {
	next := new(sender)
	(&http.Client{Transport: httpevent.Transport(next)}).CloseIdleConnections()
	if !next.closed {
		t.Error("idle connections are not closed")
	}
}

func TestATraceGoesThroughTwoServers(t *testing.T) {
	inner, outer := newRecorder(), newRecorder()
	behind := serve(t, 1, inner, httpevent.Config{}, http.NotFoundHandler())
	client := http.Client{Transport: httpevent.Transport(nil)}
	defer client.CloseIdleConnections()
	front := serve(t, 1, outer, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequestWithContext(r.Context(), "GET", behind.URL, nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
	}))
	ask(t, front, "GET", "/", nil)
	inner.wait(t, 1)
	outer.wait(t, 1)
	a, b := outer.request(t), inner.request(t)
	if a.CorrelationID != b.CorrelationID || a.TraceParent[:36] != b.TraceParent[:36] || a.TraceParent == b.TraceParent {
		t.Errorf("%+v and %+v are not of one trace", a.Metadata, b.Metadata)
	}
}

func TestATransportMaySendManyRequestsAtOnce(t *testing.T) {
	rec := newRecorder()
	server := serve(t, 1, rec, httpevent.Config{}, http.NotFoundHandler())
	client := http.Client{Transport: httpevent.Transport(server.Client().Transport)}
	ctx := event.WithCause(context.Background(), event.Cause{TraceParent: parent})
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sent sync.WaitGroup
	for range 20 {
		sent.Go(func() {
			resp, err := client.Do(r) // the same request: whoever changed it would race
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	sent.Wait()
	rec.wait(t, 20)
}
