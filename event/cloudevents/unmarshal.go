package cloudevents

import (
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// Unmarshal returns the event that text, one JSON CloudEvent, holds. The record keeps no part of text.
//
// The place that an event claims (stream, revision, position) is returned as it says; whether to believe it is the caller's
// matter.
func Unmarshal(text []byte) (event.Record, error) {
	if err := checkJSON(text); err != nil {
		return event.Record{}, err
	}
	return decode(text)
}

// UnmarshalBatch returns the events of a JSON batch, at most limit of them: a longer one is refused, as is one with an event
// that is refused. An empty batch has no events and no error.
func UnmarshalBatch(text []byte, limit int) ([]event.Record, error) {
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	if kind := rawjson.KindOf(text); kind != rawjson.Array {
		return nil, event.Invalid("batch", "is %s; a batch is an array of events", kind)
	}
	var records []event.Record
	for element := range rawjson.Elements(text) {
		if len(records) == limit {
			return nil, event.Invalid("batch", "has more than %d events; split it", limit)
		}
		r, err := decode(element)
		if err != nil {
			return nil, inBatch(len(records), err)
		}
		records = append(records, r)
	}
	return records, nil
}

func checkJSON(text []byte) error {
	if err := rawjson.Check(text); err != nil {
		return event.Invalid("event", "is not JSON: %v", err)
	}
	return nil
}

// decode reads one event of text that is known to be JSON.
func decode(text []byte) (event.Record, error) {
	if kind := rawjson.KindOf(text); kind != rawjson.Object {
		return event.Record{}, event.Invalid("event", "is %s; a CloudEvent is an object", kind)
	}
	e := envelope{seen: make([]string, 0, 32)}
	for name, value := range rawjson.Members(text) {
		if err := e.member(name, value); err != nil {
			return event.Record{}, err
		}
	}
	data, err := readData(e.record.ContentType, e.data, e.encoded)
	if err != nil {
		return event.Record{}, err
	}
	return e.finish(data)
}

// envelope is the JSON object around one event.
type envelope struct {
	reading
	seen          []string
	data, encoded []byte // the members data and data_base64; nil when absent
}

func (e *envelope) member(rawName, value []byte) error {
	name, known := attributes[string(rawName)]
	if !known {
		name = string(rawName)
	}
	if slices.Contains(e.seen, name) {
		return event.Invalid("event", "has %q twice", clip(name))
	}
	if len(e.seen) == maxAttributes {
		return event.Invalid("event", "has more than %d attributes", maxAttributes)
	}
	e.seen = append(e.seen, name)
	switch kind := rawjson.KindOf(value); {
	case name == "data":
		e.data = value
		return nil
	case kind == rawjson.Null: // as good as absent: CloudEvents JSON 1.0.2, part 2.2
		return nil
	case name == "data_base64":
		e.encoded = value
		return nil
	case kind == rawjson.String:
		return e.quoted(name, value)
	default:
		return e.typed(name, string(value), kind)
	}
}

func (e *envelope) quoted(name string, value []byte) error {
	text, ok := rawjson.Unquote(value)
	if !ok {
		return event.Invalid(name, "has half of a surrogate pair, which is no text")
	}
	return e.set(name, string(text))
}

// typed takes an attribute that is not a string.
func (e *envelope) typed(name, value string, kind rawjson.Kind) error {
	switch {
	case name == "revision" || name == "position" || name == "schemaversion":
		return e.set(name, value)
	case attributes[name] != "":
		return event.Invalid(name, "is %s, not a string", kind)
	case jsonType(value) != "":
		e.types = append(e.types, name+"="+jsonType(value))
		return e.set(name, value)
	case kind == rawjson.Number:
		return event.Invalid(name, "is %s; the numbers of CloudEvents are whole and have at most 32 bits, send others as strings", clip(value))
	}
	return event.Invalid(name, "is %s; extensions are strings, booleans or integers", kind)
}
