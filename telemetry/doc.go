// Package telemetry turns what Oxbow's rooms do into OpenTelemetry traces and metrics, and into structured log lines.
//
//	tel, err := telemetry.New(telemetry.Config{Service: telemetry.Service{Name: "shop", Version: "1.4.0"}})
//	st := store.New(driver, store.Config{Hook: tel.StoreHook()})
//	http.ListenAndServe(addr, tel.HTTP(mux))
//
// docs/telemetry.md lists every span, attribute, metric and line, and shows a whole set-up.
//
// # Promises
//
//  1. A request, what it publishes, what handlers in the publisher's goroutine do with that, and what they append are one trace.
//  2. What happens later or apart (deliveries out of queues, consumers, replays) is a trace of its own with a link to the span that
//     published, so that no trace grows for ever.
//  3. Events carry the span that published them, in TraceParent and TraceState, so that a link is found again after a restart. An
//     event that came with a trace of its own keeps it. Malformed ones are passed over.
//  4. No payload, user id, address, URL, topic or stream name is in a span, a metric or a line, unless Config.Names asks for names.
//     Error texts are, shortened, unless Config.ErrorText says otherwise.
//  5. Attributes of metrics have a bounded number of values, whatever the types of events.
//  6. Without a provider, nothing is recorded; without LogEvents, no line is made. A room without a hook pays nothing.
//  7. All may be called at the same time; a nil argument is no reason to panic, and telemetry never changes a result.
package telemetry
