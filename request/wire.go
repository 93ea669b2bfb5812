package request

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// AnswerType is the type of the records that answers travel in between processes.
const AnswerType = "oxbow.answer"

// The headers of a record that is an answer.
const (
	headerKind      = "oxbow-answer"
	headerResponder = "oxbow-responder"
	headerType      = "oxbow-data-type"
	headerVersion   = "oxbow-data-version"
)

// What kinds of answers there are.
const (
	kindValue  = "value"  // more may come
	kindLast   = "last"   // the last value
	kindEnd    = "end"    // the end of a stream
	kindError  = "error"  // what the handler returned, as JSON of an Error
	kindAbsent = "absent" // busy or gone, likewise
)

// EncodeAnswer returns an answer to the request q as a record, for drivers that carry it to another process. Its cause is the request, and
// its correlation the request's. Which responder of the request it came from is the driver's to carry.
func EncodeAnswer(reg *event.Registry, q *event.Metadata, a Answer) (event.Record, error) {
	e := event.Event[any]{Data: a.Data}
	e.ID, e.Type, e.Version, e.Time = event.NewID(), AnswerType, 1, time.Now().UTC()
	e.CausationID, e.CorrelationID, e.UserID = q.ID, q.CorrelationID, q.UserID
	e.TraceParent, e.TraceState, e.ContentType = q.TraceParent, q.TraceState, a.ContentType
	e.Headers = map[string]string{headerKind: a.kind(), headerResponder: a.Responder}
	if a.Err != nil {
		e.Data = a.Err
	} else if d := answerType(&a); d.Type != "" {
		e.Headers[headerType], e.Headers[headerVersion] = d.Type, strconv.Itoa(d.Version)
	}
	rec, err := reg.Encode(e)
	if err != nil {
		return event.Record{}, fmt.Errorf("answer of %s: %w", a.Responder, err)
	}
	return rec, nil
}

func (a *Answer) kind() string {
	switch {
	case a.NoAnswer:
		return kindAbsent
	case a.Err != nil:
		return kindError
	case a.Empty:
		return kindEnd
	case a.Last:
		return kindLast
	}
	return kindValue
}

// DecodeAnswer returns the answer that a record is. Data stay bytes until the asker says what they should be.
func DecodeAnswer(rec event.Record) (Answer, error) {
	a := Answer{Responder: rec.Headers[headerResponder], ContentType: rec.ContentType}
	if rec.Type != AnswerType {
		return Answer{}, event.Invalid("type", "of an answer is %s, not %q", AnswerType, rec.Type)
	}
	kind := rec.Headers[headerKind]
	a.Last = kind != kindValue
	switch kind {
	case kindValue, kindLast:
		return a, a.decodeData(rec)
	case kindEnd:
		a.Empty = true
	case kindError, kindAbsent:
		a.NoAnswer = kind == kindAbsent
		return a, a.decodeError(rec)
	default:
		return Answer{}, event.Invalid("header "+headerKind, "is %q; it is value, last, end, error or absent", kind)
	}
	return a, nil
}

func (a *Answer) decodeData(rec event.Record) error {
	if name := rec.Headers[headerType]; name != "" {
		version, err := strconv.Atoi(rec.Headers[headerVersion])
		if err != nil || version < 1 || event.CheckType("type", name) != nil {
			return event.Invalid("header "+headerType, "is %q with version %q", name, rec.Headers[headerVersion])
		}
		a.Type, a.Version = name, version
	}
	switch {
	case rec.Data == nil:
		a.ContentType = ""
	case event.IsJSON(rec.ContentType):
		a.Data, a.ContentType = json.RawMessage(rec.Data), cmp.Or(rec.ContentType, "application/json")
	default:
		a.Data = rec.Data
	}
	return nil
}

func (a *Answer) decodeError(rec event.Record) error {
	a.ContentType = ""
	a.Err = new(Error)
	if err := json.Unmarshal(rec.Data, a.Err); err != nil {
		return fmt.Errorf("answer of %s: decode its error: %w", a.Responder, err)
	}
	a.Err.Code = cmp.Or(a.Err.Code, CodeFailed)
	a.Err.Responder = cmp.Or(a.Err.Responder, a.Responder)
	return nil
}
