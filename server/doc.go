// Package server offers a store over HTTP: events in, queries and live streams out, and a page that shows them.
//
// Events travel as CloudEvents 1.0 in JSON; errors are problem documents (RFC 9457). docs/server.md lists every endpoint.
//
// Guarantees:
//
//   - A POST is one commit: all of its events are stored, or none.
//   - Whatever is refused (bad event, unknown type, stale revision, too large a body) is refused before anything is written, and
//     the answer names the field or the cause.
//   - A follower of the event stream that resumes from the last id it saw misses nothing and sees nothing twice, wherever its
//     connection was cut.
//   - A follower holds one event in memory and one bounded read, however far behind it is; one that does not take its bytes in
//     time is cut off and may resume.
//   - Redriving and discarding dead letters does one bounded page a request: a connection that breaks harms nothing, and the request can be
//     sent again.
//   - Serve stops gracefully: running requests finish, streams end cleanly, and nothing it started outlives it.
//   - Bodies and headers have limits; no request can make the server read more.
//   - The page at /ui shows event data as text, whatever it holds: nothing in an event becomes markup or script.
//   - A web page of another origin cannot write, and cannot reach a server on a loopback address through a name of its own.
package server
