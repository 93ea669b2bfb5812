package httpevent

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// exchange is a request and its response. All that lives as long as they do is in this one allocation.
type exchange struct {
	m        *middleware
	ctx      event.CauseContext // the handler's
	response response
	body     body
	inner    *http.Request // what the handler gets
	start    time.Time
	took     time.Duration
	aborted  bool
	route    route
}

// begin finds out what the request is known by, and says so in the response's headers.
func (x *exchange) begin(w http.ResponseWriter, r *http.Request) {
	id := x.m.identify(r)
	x.ctx = event.CauseContext{Context: r.Context(), Cause: id.cause}
	x.response.own = [2]string{id.correlation, id.cause.TraceParent}
	x.response.under = w
	x.response.head = r.Method == http.MethodHead
	x.response.sign()
}

func (x *exchange) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	x.inner = r.WithContext(&x.ctx)
	if r.Body != nil && r.Body != http.NoBody {
		x.body.ReadCloser = r.Body
		x.inner.Body = &x.body
	}
	returned := false
	defer func() {
		handBack(r, x.inner)
		if returned {
			x.tell(nil)
			return
		}
		x.aborted = true
		value := recover() // nil when the handler ended its goroutine
		x.tell(value)
		if value != nil {
			panic(value)
		}
	}()
	x.start = time.Now()
	next.ServeHTTP(shape(&x.response, w), x.inner)
	returned = true
}

// body counts what is read of a request. A handler may have left a goroutine behind that still reads.
type body struct {
	io.ReadCloser
	n atomic.Int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// tell publishes what has happened.
func (x *exchange) tell(panicked any) {
	x.took = time.Since(x.start)
	failed := panicked != nil && panicked != http.ErrAbortHandler
	x.response.conclude(x.aborted, failed, x.inner)
	x.route = x.m.routeOf(x.inner)
	ctx := after{&x.ctx}
	x.publish(ctx, "publish http.request", requested{x})
	if !failed && x.response.status < 500 {
		return
	}
	e := Error{Request: x.request()}
	if failed {
		e.Panic, e.Where = fmt.Sprintf("%T", panicked), whereItPanicked()
	}
	x.publish(event.WithCause(ctx, x.ctx.Cause), "publish http.error", event.Event[any]{
		Metadata: event.Metadata{Source: x.m.Source}, Place: event.Place{Stream: x.route.stream}, Data: e,
	})
}

func (x *exchange) request() Request {
	return Request{
		Method:        x.route.method,
		Route:         x.route.text,
		Status:        x.response.status,
		Duration:      x.took,
		RequestBytes:  x.body.n.Load(),
		ResponseBytes: x.response.bytes,
		Scheme:        scheme(x.inner),
		Protocol:      protocol(x.inner),
		Hijacked:      x.response.hijacked,
		Aborted:       x.aborted,
	}
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func protocol(r *http.Request) string {
	switch {
	case r.ProtoMajor == 1 && r.ProtoMinor == 1:
		return "HTTP/1.1"
	case r.ProtoMajor == 1 && r.ProtoMinor == 0:
		return "HTTP/1.0"
	case r.ProtoMajor == 2 && r.ProtoMinor == 0:
		return "HTTP/2.0"
	}
	return fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor)
}

// requested is the event of the request. It has its id from the start, so that what the handler publishes could name it.
type requested struct{ *exchange }

// Untyped is what event.New asks an event for.
func (x requested) Untyped() event.Event[any] {
	cause := &x.ctx.Cause
	return event.Event[any]{
		Metadata: event.Metadata{
			ID: cause.ID, Source: x.m.Source, Time: x.start,
			CorrelationID: cause.CorrelationID, UserID: cause.UserID,
			TraceParent: cause.TraceParent, TraceState: cause.TraceState,
		},
		Place: event.Place{Stream: x.route.stream},
		Data:  x.request(),
	}
}

// publish guards the response against the publisher.
func (x *exchange) publish(ctx context.Context, what string, data any) {
	defer func() {
		if v := recover(); v != nil {
			x.m.report(ctx, what, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	if err := x.m.pub.Publish(ctx, data); err != nil {
		x.m.report(ctx, what, err)
	}
}
