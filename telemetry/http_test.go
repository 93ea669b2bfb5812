package telemetry_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/telemetry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

func serve(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestARequestsSpanFollowsTheConventionsForHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, telemetry.Config{})
		mux := http.NewServeMux()
		mux.HandleFunc("GET example.com/orders/{id}", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusInternalServerError) // superfluous
		})
		serve(l.HTTP(mux), "GET", "http://example.com/orders/42")
		span := l.span("GET /orders/{id}")
		l.expectAttrs(span, map[string]any{
			"http.request.method": "GET", "http.route": "/orders/{id}", "http.response.status_code": int64(418),
			"url.scheme": "http", "network.protocol.version": "1.1",
		})
		if span.Status.Code != codes.Unset {
			t.Errorf("the status is %v, and the fault is the caller's", span.Status)
		}
		points := l.points("http.server.request.duration")
		if len(points) != 1 || points[0].sum != 1 {
			t.Fatalf("the duration is %v, want a second", points)
		}
		if got, _ := points[0].attrs.Value(attribute.Key("http.route")); got.AsString() != "/orders/{id}" {
			t.Errorf("the duration's route is %q", got.AsString())
		}
	})
}

func TestTheSpanSaysHowARequestEnded(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		method  string
		span    string
		attrs   map[string]any
		code    codes.Code
	}{
		"nothing written": {func(http.ResponseWriter, *http.Request) {}, "GET", "GET", map[string]any{"http.response.status_code": int64(200)}, codes.Unset},
		"a body only": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("x"))
			w.WriteHeader(500)
		}, "POST", "POST", map[string]any{"http.response.status_code": int64(200)}, codes.Unset},
		"a failure": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "GET", "GET", map[string]any{
			"http.response.status_code": int64(503), "error.type": "503",
		}, codes.Error},
		"an odd method": {func(http.ResponseWriter, *http.Request) {}, "BREW", "HTTP", map[string]any{"http.request.method": "_OTHER"}, codes.Unset},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, telemetry.Config{})
			serve(l.HTTP(c.handler), c.method, "/")
			span := l.span(c.span)
			l.expectAttrs(span, c.attrs)
			if span.Status.Code != c.code {
				t.Errorf("the status is %v, want %v", span.Status, c.code)
			}
		})
	}
}

func TestAPanicGoesOnAndIsRecorded(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want the handler's panic", v)
		}
		l.expectFailed(l.span("GET"), "panic", "the handler panicked")
	}()
	serve(l.HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })), "GET", "/")
}

// requestEvents is what package httpevent does with traces: the handler's cause names a span of its own, which nobody records, in the
// trace that the outer cause or else the header names; and the event of the request has it too.
func requestEvents(l *lab, b *bus.Bus, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cause, _ := event.CauseFrom(r.Context())
		if cause.TraceParent == "" {
			cause.TraceParent = strings.Replace(r.Header.Get("Traceparent"), "b7ad6b7169203331", "00000000000000aa", 1)
		}
		cause.UserID = "ann"
		inner := r.WithContext(event.WithCause(r.Context(), cause))
		next.ServeHTTP(w, inner)
		r.Pattern = inner.Pattern
		e := event.From("http.request", map[string]any{})
		e.TraceParent = cause.TraceParent
		if _, err := l.publish(r.Context(), b, e); err != nil {
			l.t.Error(err)
		}
	})
}

func TestRequestEventsAreLinkedInsideAndOutside(t *testing.T) {
	for _, inside := range []bool{true, false} {
		l := newLab(t, telemetry.Config{})
		b := bus.New(bus.Config{})
		mux := http.NewServeMux()
		mux.HandleFunc("/orders", func(_ http.ResponseWriter, r *http.Request) {
			e, err := l.publish(r.Context(), b, orderPaid{"1"})
			if err != nil || e.UserID != "ann" {
				t.Errorf("%v, the user is %q", err, e.UserID)
			}
		})
		var h http.Handler
		if inside {
			h = l.HTTP(requestEvents(l, b, mux))
		} else {
			h = requestEvents(l, b, l.HTTP(mux))
		}
		serve(h, "GET", "/orders", "Traceparent", callerParent)
		server, request := l.span("GET /orders"), l.span("publish http.request")
		l.expectChild(l.span("publish order.paid"), server)
		if got := server.Parent.SpanID().String(); got != "b7ad6b7169203331" {
			t.Errorf("inside %t: the parent is %s, want the caller", inside, got)
		}
		if inside {
			l.expectChild(request, server)
			l.expectLinks(request)
		} else {
			l.expectApart(request, remoteSpan(t, "00-"+callerTrace+"-00000000000000aa-01"))
		}
	}
}

func TestWhatIsMadeWithoutAHookIsLinkedToTheRequestToo(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	var e event.Event[any]
	var header string
	serve(l.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Get("Traceparent")
		var err error
		if e, err = event.New(r.Context(), orderPaid{"1"}); err != nil {
			t.Error(err)
		}
	})), "GET", "/", "Traceparent", callerParent, "Tracestate", "a=1", "Tracestate", "b=2")
	want := spanText(l.span("GET").SpanContext) + "-01"
	if e.TraceParent != want || header != want || e.TraceState != "a=1,b=2" {
		t.Errorf("the event has %s %s and the header %s, want %s", e.TraceParent, e.TraceState, header, want)
	}
}

func TestThePatternIsHandedBack(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/orders/{id}", func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("GET", "/orders/42", nil)
	l.HTTP(mux).ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "/orders/{id}" {
		t.Errorf("an outer middleware finds the pattern %q", r.Pattern)
	}
}

func TestTheCallersRequestIsNotChanged(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Traceparent", callerParent)
	l.HTTP(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	if got := r.Header.Get("Traceparent"); got != callerParent {
		t.Errorf("the header became %s", got)
	}
	r = &http.Request{Method: "GET"} // no header, no URL
	telemetryOf(t, telemetry.Config{Names: true}).HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), r)
}

func telemetryOf(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	return newLab(t, cfg).Telemetry
}

func TestAStrangersTraceIsOnlyLinkedWhenHTTPIsPublic(t *testing.T) {
	l := newLab(t, telemetry.Config{PublicHTTP: true})
	serve(l.HTTP(http.NotFoundHandler()), "GET", "/", "Traceparent", callerParent)
	l.expectApart(l.span("GET"), remoteSpan(t, callerParent))

	l = newLab(t, telemetry.Config{PublicHTTP: true})
	serve(requestEvents(l, bus.New(bus.Config{}), l.HTTP(http.NotFoundHandler())), "GET", "/", "Traceparent", callerParent)
	l.expectApart(l.span("GET"), remoteSpan(t, callerParent))
}

func TestTheRouteOfAnotherMux(t *testing.T) {
	l := newLab(t, telemetry.Config{MaxNames: 1, Route: func(r *http.Request) string {
		if r.Header.Get("X") != "" {
			panic("no route")
		}
		return r.URL.Path
	}})
	h := l.HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	serve(h, "GET", "/a")
	serve(h, "GET", "/b")
	serve(h, "GET", "/c", "X", "1")
	l.expectAttrs(l.span("GET /a"), map[string]any{"http.route": "/a"})
	l.expectAttrs(l.span("GET other"), map[string]any{"http.route": "other"})
	l.expectAttrs(l.span("GET"), map[string]any{"http.route": nil})
}

func TestAResponseWriterKeepsItsAbilities(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	served := make(chan struct{}, 2)
	h := l.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			if _, ok := w.(http.Flusher); !ok {
				t.Error("it cannot flush any more")
			}
			if _, ok := w.(io.ReaderFrom); !ok {
				t.Error("it cannot read from any more")
			}
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			return
		}
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		_ = rw.Flush()
	}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r)
		served <- struct{}{}
	}))
	res, err := http.Get(srv.URL + "/plain")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("POST /hijack HTTP/1.1\r\nHost: x\r\n\r\n"))
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "101") {
		t.Errorf("got %q, %v", line, err)
	}
	_ = conn.Close()
	<-served // the server does not wait for what took over its connection
	<-served
	srv.Close()
	l.expectAttrs(l.span("POST"), map[string]any{"http.response.status_code": nil})
	bare := struct{ http.ResponseWriter }{httptest.NewRecorder()}
	l.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(http.Flusher); ok {
			t.Error("it can flush, which what is below cannot")
		}
	})).ServeHTTP(bare, httptest.NewRequest("PUT", "/", nil))
}

func TestARequestWithinASpanIsItsChild(t *testing.T) {
	l := newLab(t, telemetry.Config{})
	ctx, outer := l.tracer.Start(context.Background(), "outer")
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("Traceparent", callerParent)
	l.HTTP(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	outer.End()
	l.expectChild(l.span("GET"), l.span("outer"))
}
