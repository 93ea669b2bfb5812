package telemetry

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// HTTP makes a span of kind server around each request, by OpenTelemetry's semantic conventions for HTTP spans 1.43
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/), but for addresses, user agent and path, which may say who asks for
// what. Its parent is the span in the request's context, else the one that the context's cause names, else the one in the header
// traceparent. next gets a request whose context and header name the new span; its Pattern is handed back.
//
// It stands best outside of package httpevent, whose events are then children of the request. Inside of it, they are linked to the
// request's trace. Without next, it is around http.DefaultServeMux.
func (t *Telemetry) HTTP(next http.Handler) http.Handler {
	if next == nil {
		next = http.DefaultServeMux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := t.beginRequest(r)
		served := q.request
		returned := false
		defer func() {
			r.Pattern = served.Pattern
			q.end(returned)
		}()
		next.ServeHTTP(q.observe(w), served)
		returned = true
	})
}

// request is one HTTP request under way.
type request struct {
	t        *Telemetry
	request  *http.Request // as next gets it
	span     trace.Span
	began    time.Time
	status   int // 0 until a header is written
	hijacked bool
}

func (t *Telemetry) beginRequest(r *http.Request) *request {
	ctx, links := t.caller(r)
	q := &request{t: t, began: time.Now()}
	ctx, q.span = t.tracer.Start(ctx, methodName(r),
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithLinks(links...),
		trace.WithAttributes(aboutRequest(r)...))
	if t.cfg.Names && r.URL != nil {
		q.span.SetAttributes(semconv.URLPath(clip(r.URL.Path)))
	}
	q.request = withTrace(causing(ctx), r)
	return q
}

// caller returns the context with the parent of the request's span, or links when strangers may not give one.
func (t *Telemetry) caller(r *http.Request) (context.Context, []trace.Link) {
	ctx := r.Context()
	if trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	parent := trace.SpanContextFromContext(withParent(ctx))
	header := remote(r.Header.Get("Traceparent"), strings.Join(r.Header.Values("Tracestate"), ","))
	// In the same trace the header's span is the better parent: that of the cause was made up by a middleware, and nobody records it.
	if !parent.IsValid() || parent.TraceID() == header.TraceID() {
		parent = header
	}
	if t.cfg.PublicHTTP {
		return ctx, link(parent)
	}
	if !parent.IsValid() {
		return ctx, nil
	}
	return trace.ContextWithRemoteSpanContext(ctx, parent), nil
}

// withTrace returns the request with ctx, whose span its header names too, for whoever looks there.
func withTrace(ctx context.Context, r *http.Request) *http.Request {
	served := r.WithContext(ctx)
	parent, state := texts(ctx)
	if parent == "" {
		return served
	}
	served.Header = r.Header.Clone()
	if served.Header == nil {
		served.Header = http.Header{}
	}
	served.Header.Set("Traceparent", parent)
	served.Header.Del("Tracestate")
	if state != "" {
		served.Header.Set("Tracestate", state)
	}
	return served
}

// observe returns w, with what it has of optional interfaces, noting the status.
func (q *request) observe(w http.ResponseWriter) http.ResponseWriter {
	return httpsnoop.Wrap(w, httpsnoop.Hooks{
		WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(code int) {
				if q.status == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
					q.status = code
				}
				next(code)
			}
		},
		Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(b []byte) (int, error) {
				if q.status == 0 {
					q.status = http.StatusOK
				}
				return next(b)
			}
		},
		Hijack: func(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
			return func() (net.Conn, *bufio.ReadWriter, error) {
				q.hijacked = true
				return next()
			}
		},
	})
}

// end ends the span, after next has returned or panicked.
func (q *request) end(returned bool) {
	if q.status == 0 && returned && !q.hijacked {
		q.status = http.StatusOK
	}
	known := q.outcome(returned)
	if route := q.route(); route != "" {
		q.span.SetName(methodName(q.request) + " " + route)
		known = append(known, semconv.HTTPRoute(route))
	}
	q.span.SetAttributes(known...)
	q.span.End()
	ctx := q.request.Context()
	if h := q.t.metrics.httpTime; h.Enabled(ctx) {
		set := attribute.NewSet(append(aboutRequest(q.request), known...)...)
		h.Record(ctx, time.Since(q.began).Seconds(), metric.WithAttributeSet(set))
	}
}

// outcome returns the status and the error, and sets the span's status: by the conventions only what the server failed at is an error.
func (q *request) outcome(returned bool) (known []attribute.KeyValue) {
	if q.status != 0 {
		known = append(known, semconv.HTTPResponseStatusCode(q.status))
	}
	switch {
	case !returned:
		q.span.SetStatus(codes.Error, errPanicked.Error())
		known = append(known, failureAttr(panicked))
	case q.status >= 500:
		q.span.SetStatus(codes.Error, "")
		known = append(known, failureAttr(strconv.Itoa(q.status)))
	}
	return known
}

// route returns the route that was taken, as one of a bounded number.
func (q *request) route() (route string) {
	defer func() {
		if recover() != nil { // a Route that panics is no reason to fail a request that was served
			route = ""
		}
	}()
	if q.t.cfg.Route != nil {
		return q.t.routes.bound(q.t.cfg.Route(q.request))
	}
	// A pattern of http.ServeMux is [METHOD ][HOST]/[PATH].
	if at := strings.IndexByte(q.request.Pattern, '/'); at >= 0 {
		return q.t.routes.bound(q.request.Pattern[at:])
	}
	return ""
}

// aboutRequest returns what is known of a request from the start and has few values.
func aboutRequest(r *http.Request) []attribute.KeyValue {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return []attribute.KeyValue{
		method(r),
		semconv.URLScheme(scheme),
		semconv.NetworkProtocolVersion(protocol(r)),
	}
}

// protocol is the version of HTTP: 1.1, 2.
func protocol(r *http.Request) string {
	if r.ProtoMajor >= 2 {
		return strconv.Itoa(r.ProtoMajor)
	}
	return strconv.Itoa(r.ProtoMajor) + "." + strconv.Itoa(r.ProtoMinor)
}

// method returns the method, _OTHER for one that is not in RFC 9110 or RFC 5789.
func method(r *http.Request) attribute.KeyValue {
	switch r.Method {
	case "": // means GET
		return semconv.HTTPRequestMethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return semconv.HTTPRequestMethodKey.String(r.Method)
	}
	return semconv.HTTPRequestMethodOther
}

// methodName is the first word of the span's name.
func methodName(r *http.Request) string {
	if m := method(r); m != semconv.HTTPRequestMethodOther {
		return m.Value.AsString()
	}
	return "HTTP"
}
