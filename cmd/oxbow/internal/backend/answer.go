package backend

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// AnswerError is an answer that is no success.
type AnswerError struct {
	URL    string
	Status int
	Type   string // of the problem document; empty when it was none
	Detail string // the server's words; empty when it had none
	Field  string // what the server found wrong, when it named one thing
}

func (e *AnswerError) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s answered %d %s", e.URL, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s answered %d: %s", e.URL, e.Status, e.Detail)
}

// Is makes the answer what the same mistake would be on a folder.
func (e *AnswerError) Is(target error) bool {
	switch e.Status {
	case http.StatusConflict:
		return target == store.ErrConflict
	case http.StatusGone: // which others say of addresses
		return target == store.ErrTombstone && e.Type == tombstoneType
	case http.StatusInternalServerError:
		return target == store.ErrDamaged && e.Type == damagedLetterType
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return target == event.ErrInvalid
	}
	return false
}

// tombstoneType is the type of the problem document about a stream that was deleted for good.
const tombstoneType = "/docs/server.md#stream-tombstoned"

// damagedLetterType is the type of the problem document about a dead letter that cannot be read.
const damagedLetterType = "/docs/server.md#damaged-dead-letter"

const (
	maxProblem = 64 << 10 // bytes read of an answer that is an error
	maxDetail  = 1000     // bytes shown of it
)

// problem is what an answer by RFC 9457 says, as far as it is shown.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Field     string `json:"field"`
		Parameter string `json:"parameter"`
	} `json:"errors"`
}

// answerError reads what a failed answer says.
func answerError(req *http.Request, resp *http.Response, body []byte) error {
	e := &AnswerError{URL: origin(req.URL), Status: resp.StatusCode}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var p problem
	switch {
	case strings.HasSuffix(media, "json") && json.Unmarshal(body, &p) == nil:
		e.Type, e.Detail = p.Type, p.Detail
		if e.Detail == "" {
			e.Detail = p.Title
		}
		if len(p.Errors) == 1 {
			e.Field = p.Errors[0].Field + p.Errors[0].Parameter
		}
	case media == "text/plain":
		e.Detail = strings.TrimSpace(string(body))
	}
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "") + "…"
	}
	return e
}
