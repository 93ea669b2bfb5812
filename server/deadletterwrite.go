package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/store"
)

// LetterEdit is the body of PATCH /v1/deadletters/{consumer}/{position}.
type LetterEdit struct {
	Data     json.RawMessage   `json:"data,omitempty"`        // new data, when they are JSON
	Bytes    []byte            `json:"data_base64,omitempty"` // new data, whatever they are
	Headers  map[string]string `json:"headers,omitempty"`     // all of them
	By       string            `json:"by"`
	Why      string            `json:"why"`
	Revision uint64            `json:"revision,omitempty"` // of the letter that was read
}

// LetterAction is the body of POST /v1/deadletters/{consumer}/redrive and …/discard. The answer is a deadletter.Report of one page.
type LetterAction struct {
	Filter deadletter.Filter `json:"filter"`
	All    bool              `json:"all,omitempty"` // allows a filter that leaves nothing out
	By     string            `json:"by"`
	Why    string            `json:"why,omitempty"`
	DryRun bool              `json:"dry_run,omitempty"`
	Limit  int               `json:"limit,omitempty"`
	Cursor store.Position    `json:"cursor,omitempty"` // the report's next, to go on
}

// editLetter answers PATCH /v1/deadletters/{consumer}/{position}.
func (s *Server) editLetter(w http.ResponseWriter, r *http.Request) error {
	letters, at, err := s.letterAt(r)
	if err != nil {
		return err
	}
	var body LetterEdit
	if err := s.readJSON(w, r, &body); err != nil {
		return err
	}
	c := deadletter.Change{Data: body.Bytes, Headers: body.Headers, By: body.By, Why: body.Why, Revision: body.Revision}
	if body.Data != nil {
		if body.Bytes != nil {
			return invalidRequest(Fault{Field: "data", Reason: "and data_base64 exclude each other"})
		}
		c.Data = body.Data
	}
	letter, err := letters.Edit(r.Context(), at, c)
	if err != nil {
		return letterError(err)
	}
	return writeJSON(w, http.StatusOK, letter)
}

// redriveLetters answers POST /v1/deadletters/{consumer}/redrive.
func (s *Server) redriveLetters(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, (*deadletter.Letters).Redrive)
}

// discardLetters answers POST /v1/deadletters/{consumer}/discard.
func (s *Server) discardLetters(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, (*deadletter.Letters).Discard)
}

// act does one page, so that a request takes bounded time. What was done stays done when the connection breaks, and doing it again is safe.
func (s *Server) act(
	w http.ResponseWriter, r *http.Request,
	action func(*deadletter.Letters, context.Context, deadletter.Filter, deadletter.Options) (deadletter.Report, error),
) error {
	letters, err := s.lettersOf(r)
	if err != nil {
		return err
	}
	var body LetterAction
	if err := s.readJSON(w, r, &body); err != nil {
		return err
	}
	report, err := action(letters, r.Context(), body.Filter, deadletter.Options{
		All: body.All, By: body.By, Why: body.Why, DryRun: body.DryRun, Limit: body.Limit, Cursor: body.Cursor, Pages: 1,
	})
	if err != nil {
		return letterError(err)
	}
	return writeJSON(w, http.StatusOK, report)
}

// readJSON reads a body that is one JSON object with no members but those of into.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if err := parseParameters(r.URL.RawQuery).err(); err != nil {
		return err
	}
	if err := onlyJSON(r.Header); err != nil {
		return err
	}
	body, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return invalidRequest(bodyFault(err))
	}
	if _, err := dec.Token(); err != io.EOF {
		return invalidRequest(Fault{Field: "body", Reason: "goes on after its JSON object"})
	}
	return nil
}

func bodyFault(err error) Fault {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return Fault{Field: wrong.Field, Reason: "is a JSON " + wrong.Value + ", which it cannot be"}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return Fault{Field: strings.Trim(name, `"`), Reason: "is unknown"}
	}
	return Fault{Field: "body", Reason: "is not the JSON object that it should be: " + strings.TrimPrefix(err.Error(), "json: ")}
}

func onlyJSON(header http.Header) error {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err == nil && media == "application/json" && header.Get("Content-Encoding") == "" {
		return nil
	}
	return &Problem{
		Type: kindMediaType, Title: "Unsupported media type", Status: http.StatusUnsupportedMediaType,
		Detail: "the body is " + strconv.Quote(header.Get("Content-Type")) + "; send JSON as it is, uncompressed", Accepted: []string{"application/json"},
	}
}
