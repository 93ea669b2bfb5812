package httpevent

import "time"

// Request tells of a request that was handled. Its event's metadata has the correlation id, the user and the trace; its time is
// when the handler was called.
type Request struct {
	Method        string        `json:"method"`             // as in RFC 9110 and RFC 5789; "OTHER" stands for all that are not known
	Route         string        `json:"route,omitempty"`    // the pattern that matched, without its method: /orders/{id}; empty when unknown
	Status        int           `json:"status"`             // the final status, see the package comment; 0 when the handler gave none
	Duration      time.Duration `json:"durationNanos"`      // from the call of the handler to its return
	RequestBytes  int64         `json:"requestBytes"`       // of the body, as read by the handler
	ResponseBytes int64         `json:"responseBytes"`      // of the body, as taken by the server; 0 for HEAD
	Scheme        string        `json:"scheme"`             // https when the connection to this server is encrypted, or else http
	Protocol      string        `json:"protocol"`           // HTTP/1.1
	Hijacked      bool          `json:"hijacked,omitempty"` // the handler took over the connection, as WebSockets do
	Aborted       bool          `json:"aborted,omitempty"`  // the handler did not return: it panicked, also with http.ErrAbortHandler
}

// EventType returns "http.request".
func (Request) EventType() string { return "http.request" }

// Error tells of a request that was answered with a 5xx status, or whose handler panicked other than with http.ErrAbortHandler.
// It follows the request's own event and names that as its cause.
type Error struct {
	Request
	Panic string `json:"panic,omitempty"` // the Go type of the panic's value; its text may hold what a client sent
	Where string `json:"where,omitempty"` // the function and line that panicked
}

// EventType returns "http.error".
func (Error) EventType() string { return "http.error" }
