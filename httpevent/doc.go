// Package httpevent makes events of HTTP requests, and links what their handlers publish to them.
//
//	requests, err := httpevent.New(b, httpevent.Config{}) // b is a *bus.Bus
//	http.ListenAndServe(":8080", requests(mux))
//
// When a handler has returned, a [Request] is published ("http.request"); when it answered with a 5xx status or panicked, an
// [Error] ("http.error") follows. Events hold no body, query, path, header or address: nothing that a client sent but
// its ids, and those only when clients are trusted.
//
// # Ids
//
// X-Correlation-ID and traceparent with tracestate (W3C Trace Context, level 1) are taken from the request and returned with the
// response: the same trace with a new span. A correlation id has 1 to 128 letters, digits and - _ . : / + = @ ~. Whatever is missing or
// malformed is made anew: the request's event is then the first of its correlation and gives it its id. New traces are marked as sampled.
// A server at the edge sets [Config.Edge], and takes no id from strangers. Before the headers comes the cause in the
// request's context, which an outer middleware may have set with event.WithCause.
//
// The handler's context carries the correlation, the user, the trace and the id of the request's event, so that what it publishes
// with r.Context() names the request as its cause. A client made with [Transport] passes correlation and trace on.
//
// # When
//
// Events are published in the request's goroutine: after the handler and before the server ends the response. An answer of up to 2 kB
// that was not flushed leaves only then, so that a slow publisher delays it; larger ones are under way. An event per request in an
// oxbow.App costs each request a commit. Where that is too slow, publish to a bus of its own, and store in a queued subscription; the
// empty cause keeps the event from naming itself as its cause:
//
//	bus.Subscribe(b, func(ctx context.Context, e event.Event[httpevent.Request]) error {
//		_, err := app.Publish(event.WithCause(ctx, event.Cause{}), e)
//		return err
//	}, bus.Queued(bus.Queue{Size: 10_000, WhenFull: bus.DropNewest}))
//
// What is published then is not cancelled when the client goes. The event's time is when the handler was called. A connection that
// was taken over, such as a WebSocket, makes its event when the handler returns: usually at its end.
//
// # Streams
//
// The topic is the type. The stream is named after method and route, http-GET /orders/{id}, so that consumers work on routes in
// parallel, and each route can be limited with SetStreamMeta. There are as many streams as routes. For another one, wrap the publisher:
//
//	httpevent.PublisherFunc(func(ctx context.Context, data any, opts ...event.Option) error {
//		return b.Publish(ctx, data, append(opts, event.WithStream("http"))...)
//	})
//
// # Routes
//
// The route is the Pattern that the mux set on the request, be the middleware around the mux or around one handler; of a mux in a
// mux it is the inner one's. http.StripPrefix, and any middleware that copies the request, hides the pattern that is set within it:
// then the route is the outer pattern, unless the middleware stands within. [Config.Route] replaces all this. For chi, pass the
// middleware to Use, not around the router, and:
//
//	httpevent.Config{Route: func(r *http.Request) string {
//		return chi.RouteContext(r.Context()).RoutePattern()
//	}}
//
// # Status and size
//
// The status is the final one that the handler gave: informational ones do not count, 200 is implied by a body, a flush or a return,
// 101 by taking over a connection whose request has an Upgrade, and 500 by a panic before any of it. It is 0 when nothing
// was said: after an abort, or on a connection that was taken over otherwise. Sizes are of bodies: what the handler read, and
// what the server took, which is nothing for HEAD and 304. What goes over a connection after it was taken over is not counted.
//
// The handler's writer has the optional interfaces http.Flusher, http.Hijacker, io.ReaderFrom and http.Pusher exactly when the server's
// has them, and http.ResponseController finds the rest. Two things of the server's are lost, as in every middleware that wraps
// the writer: the deprecated http.CloseNotifier, and that http.MaxBytesReader has the connection closed at once.
//
// Guarantees:
//
//   - Each request makes one request event, unless it is skipped, also when its client is gone. A 5xx status or a panic makes an
//     error event besides.
//   - Status and sizes are those that the server sends, over HTTP/1 and HTTP/2, with files, streams and connections taken over.
//   - A handler finds the optional interfaces of the writer under it, and no others.
//   - A publisher that fails or panics leaves the response as it is, and so does Config.Route; OnError is told.
//   - A panic goes on with its value when it has been published. http.ErrAbortHandler is no error.
//   - What a handler publishes with its context names the request's event as its cause, and shares its correlation, user and trace.
//   - Malformed ids are ignored; ids of untrusted clients all are. No header of a request makes an event that is refused.
//   - Nothing else that a client sent is in an event.
//   - Beyond the bare handler and the event itself, a request costs at most three allocations.
//   - Transport adds what is absent and leaves the caller's request alone.
package httpevent
