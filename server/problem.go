package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Problem is the body of every answer that is an error: RFC 9457, application/problem+json. Members that do not apply are left out.
type Problem struct {
	Type     string `json:"type"` // a place in the documentation, or about:blank when the status says it all
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"` // this occurrence: the request's id, which the log has too

	Errors   []Fault        `json:"errors,omitempty"`   // what is wrong where
	Limit    int64          `json:"limit,omitempty"`    // bytes that a body may have
	Accepted []string       `json:"accepted,omitempty"` // media types that would be taken
	Stream   string         `json:"stream,omitempty"`   // of a conflict, or the one that is tombstoned
	ID       string         `json:"id,omitempty"`       // of an event that is stored elsewhere already
	Want     string         `json:"want,omitempty"`     // what a conflict's condition wanted
	Found    string         `json:"found,omitempty"`    // what it found
	Revision uint64         `json:"revision,omitempty"` // which the stream has now
	Position store.Position `json:"position,omitempty"` // of the record that is in the way, or of the dead letter
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Index     *int     `json:"index,omitempty"`     // of the event in the request, from 0
	Field     string   `json:"field,omitempty"`     // of the event
	Parameter string   `json:"parameter,omitempty"` // of the URL
	Reason    string   `json:"reason"`
	Nearest   []string `json:"nearest,omitempty"` // known types that look alike
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// The kinds of problem, which are headings in docs/server.md.
const (
	kindInvalidEvent     = "/docs/server.md#invalid-event"
	kindInvalidParameter = "/docs/server.md#invalid-parameter"
	kindInvalidRequest   = "/docs/server.md#invalid-request"
	kindDamagedLetter    = "/docs/server.md#damaged-dead-letter"
	kindUnknownType      = "/docs/server.md#unknown-type"
	kindConflict         = "/docs/server.md#conflict"
	kindTombstone        = "/docs/server.md#stream-tombstoned"
	kindTooLarge         = "/docs/server.md#body-too-large"
	kindMediaType        = "/docs/server.md#unsupported-media-type"
	kindCrossOrigin      = "/docs/server.md#cross-origin"
	kindUnknownHost      = "/docs/server.md#unknown-host"
	kindNotAvailable     = "/docs/server.md#not-available"
)

var errCrossOrigin = &Problem{
	Type: kindCrossOrigin, Title: "Cross-origin request", Status: http.StatusForbidden,
	Detail: "a web page of another origin may not write here",
}

func notFound(detail string) *Problem { return &Problem{Status: http.StatusNotFound, Detail: detail} }

// notAvailable is for what the store's driver is not able to do.
func notAvailable(what string) *Problem {
	return &Problem{
		Type: kindNotAvailable, Title: "Not available", Status: http.StatusNotImplemented,
		Detail: "this server's store cannot " + what,
	}
}

// problemOf says what the caller is told about an error. What it cannot know becomes a 500 that tells nothing of the inside.
func problemOf(err error) *Problem {
	var (
		p         *Problem
		conflict  *store.ConflictError
		tombstone *store.TombstoneError
		invalid   *event.InvalidError
		tooLarge  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &conflict):
		return conflictProblem(conflict)
	case errors.As(err, &tombstone):
		return tombstoneProblem(tombstone)
	case errors.As(err, &invalid):
		return invalidEvent(faultOf(invalid))
	case errors.As(err, &tooLarge):
		return bodyTooLarge(tooLarge.Limit)
	case errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrFailed):
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the store does not answer; try again"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Problem{Status: http.StatusServiceUnavailable, Detail: "the request was cut off before its answer was known; send it again"}
	}
	return &Problem{Status: http.StatusInternalServerError, Detail: "something went wrong here; the log has more under this instance"}
}

func conflictProblem(c *store.ConflictError) *Problem {
	return &Problem{
		Type: kindConflict, Title: "Conflict", Status: http.StatusConflict, Detail: c.Error() + "; nothing was written",
		Stream: c.Stream, ID: c.ID, Want: c.Want, Found: c.Got, Revision: c.GotRevision, Position: c.GotPosition,
	}
}

// tombstoneProblem is no 409: that says a caller may mend the request and send it again, and nothing brings the stream back.
func tombstoneProblem(t *store.TombstoneError) *Problem {
	return &Problem{
		Type: kindTombstone, Title: "Stream tombstoned", Status: http.StatusGone, Detail: t.Error() + "; nothing was written",
		Stream: t.Stream,
	}
}

func bodyTooLarge(limit int64) *Problem {
	return &Problem{
		Type: kindTooLarge, Title: "Body too large", Status: http.StatusRequestEntityTooLarge, Limit: limit,
		Detail: "the body may have " + strconv.FormatInt(limit, 10) + " bytes; send the events in smaller batches",
	}
}

func invalidEvent(faults ...Fault) *Problem {
	return &Problem{
		Type: kindInvalidEvent, Title: "Invalid event", Status: http.StatusBadRequest, Errors: faults,
		Detail: describeFaults(faults) + "; nothing was written",
	}
}

func invalidParameter(faults ...Fault) *Problem {
	return &Problem{
		Type: kindInvalidParameter, Title: "Invalid parameter", Status: http.StatusBadRequest, Errors: faults,
		Detail: describeFaults(faults),
	}
}

func describeFaults(faults []Fault) string {
	var b strings.Builder
	for i, f := range faults {
		if i == 3 {
			return b.String() + "; and " + strconv.Itoa(len(faults)-i) + " more"
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.String())
	}
	return b.String()
}

func (f Fault) String() string {
	switch {
	case f.Parameter != "":
		return f.Parameter + " " + f.Reason
	case f.Index != nil:
		return "event " + strconv.Itoa(*f.Index) + ": " + f.Field + " " + f.Reason
	}
	return f.Field + " " + f.Reason
}

// faultOf takes the index out of a field such as events[3].stream.
func faultOf(e *event.InvalidError) Fault {
	rest, ok := strings.CutPrefix(e.Field, "events[")
	number, field, found := strings.Cut(rest, "].")
	if index, err := strconv.Atoi(number); ok && found && err == nil {
		return Fault{Index: &index, Field: field, Reason: e.Reason}
	}
	return Fault{Field: e.Field, Reason: e.Reason}
}

// fail answers with the problem that the error is. Errors that are the server's own go to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := *problemOf(err)
	id := w.Header().Get(requestID)
	if p.Status >= 500 && !errors.Is(err, context.Canceled) {
		s.cfg.Logger.ErrorContext(r.Context(), "request failed", "request", id, "method", r.Method, "path", r.URL.Path, "error", err)
	}
	if p.Type == "" {
		p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	}
	p.Instance = "urn:uuid:" + id
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a Problem has nothing in it that cannot be JSON
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a caller that has gone needs no answer
}
