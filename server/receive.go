package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/rawjson"
	"github.com/oxbow-events/oxbow/store"
)

// accepted are the forms that events may come in.
var accepted = []string{
	cloudevents.ContentType,
	cloudevents.BatchContentType,
	"any other type, with the event's attributes in ce-* headers",
}

// receive reads the events of a request: one CloudEvent, a batch, or one in binary mode.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) ([]event.Record, error) {
	decode, err := decoderFor(r.Header)
	if err != nil {
		w.Header().Set("Accept-Post", cloudevents.ContentType+", "+cloudevents.BatchContentType)
		return nil, err
	}
	body, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	return decode(r.Header, body)
}

// decoder turns a body into events, or returns the problem with every fault in it.
type decoder func(header http.Header, body []byte) ([]event.Record, error)

func decoderFor(header http.Header) (decoder, error) {
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, unsupportedMedia("the body is encoded as " + strconv.Quote(encoding) + "; send it as it is")
	}
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case media == cloudevents.ContentType:
		return decodeOne, nil
	case media == cloudevents.BatchContentType:
		return decodeBatch, nil
	case hasAttributes(header) && !strings.HasPrefix(media, "application/cloudevents"):
		return decodeBinary, nil
	case err != nil && header.Get("Content-Type") != "":
		return nil, unsupportedMedia("the content type is malformed: " + err.Error())
	case media == "":
		return nil, unsupportedMedia("the content type is missing")
	}
	return nil, unsupportedMedia(strconv.Quote(media) + " is no form of CloudEvents, and there are no ce-* headers")
}

// hasAttributes reports whether the header has an attribute of an event.
func hasAttributes(header http.Header) bool {
	for name := range header {
		if strings.HasPrefix(name, "Ce-") {
			return true
		}
	}
	return false
}

func unsupportedMedia(detail string) *Problem {
	return &Problem{
		Type: kindMediaType, Title: "Unsupported media type", Status: http.StatusUnsupportedMediaType,
		Detail: detail, Accepted: accepted,
	}
}

// readBody reads at most as much as is allowed, and nothing of a body that says it is larger.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > s.cfg.MaxBodyBytes {
		return nil, bodyTooLarge(s.cfg.MaxBodyBytes)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil || errors.As(err, &tooLarge):
		return body, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Problem{Status: http.StatusRequestTimeout, Detail: "the body did not arrive in time"}
	}
	return nil, &Problem{Status: http.StatusBadRequest, Detail: "the body cannot be read: " + err.Error()}
}

func decodeOne(_ http.Header, body []byte) ([]event.Record, error) {
	r, err := cloudevents.Unmarshal(body)
	if err != nil {
		return nil, invalidEvent(faultAt(0, err))
	}
	return []event.Record{r}, nil
}

func decodeBinary(header http.Header, body []byte) ([]event.Record, error) {
	r, err := cloudevents.FromHeader(header, body)
	if err != nil {
		return nil, invalidEvent(faultAt(0, err))
	}
	return []event.Record{r}, nil
}

// maxFaults is how many bad events of one batch are told.
const maxFaults = 20

// decodeBatch decodes each event on its own, so that the answer names every bad one.
func decodeBatch(_ http.Header, body []byte) ([]event.Record, error) {
	events, err := splitBatch(body)
	if err != nil {
		return nil, err
	}
	records := make([]event.Record, len(events))
	var faults []Fault
	for i, text := range events {
		if records[i], err = cloudevents.Unmarshal(text); err != nil && len(faults) < maxFaults {
			faults = append(faults, faultAt(i, err))
		}
	}
	if len(faults) > 0 {
		return nil, invalidEvent(faults...)
	}
	return records, nil
}

// splitBatch returns the text of each event, which is part of body.
func splitBatch(body []byte) (events [][]byte, err error) {
	refuse := func(reason string) error { return invalidEvent(Fault{Field: "batch", Reason: reason}) }
	if err := rawjson.Check(body); err != nil {
		return nil, refuse("is not JSON: " + err.Error())
	}
	if kind := rawjson.KindOf(body); kind != rawjson.Array {
		return nil, refuse("is " + string(kind) + ", not an array of events")
	}
	for text := range rawjson.Elements(body) {
		if len(events) == store.MaxEvents {
			return nil, refuse("has more than " + strconv.Itoa(store.MaxEvents) + " events; split it")
		}
		events = append(events, text)
	}
	if len(events) == 0 {
		return nil, refuse("has no events")
	}
	return events, nil
}
