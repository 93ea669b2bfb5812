package cloudevents

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// reading gathers the attributes of one event.
type reading struct {
	record      event.Record
	specVersion string
	types       []string          // of extensions that are no strings: "flag=boolean"
	loose       map[string]string // what oxbowheaders held
	emptyData   bool
}

// set takes the value of one attribute, which the caller gives once. An empty one counts as absent.
func (r *reading) set(name, value string) error {
	if _, known := attributes[name]; !known && !isLegal(name) {
		return event.Invalid("event", "has an attribute %q; names of attributes are lower-case letters and digits", clip(name))
	}
	if err := event.CheckText(name, value); err != nil {
		return err
	}
	if isExtension(name) {
		r.setHeader(name, value)
		return nil
	}
	if value == "" {
		return nil
	}
	if text := r.text(name); text != nil {
		*text = value
		return nil
	}
	var err error
	rec := &r.record
	switch name {
	case "specversion":
		r.specVersion = value
	case "source":
		rec.Source = value
	case "id":
		rec.ID, err = parseID(name, value)
	case "correlationid":
		rec.CorrelationID, err = parseID(name, value)
	case "causationid":
		rec.CausationID, err = parseID(name, value)
	case "time":
		rec.Time, err = parseTime(name, value)
	case "revision":
		rec.Revision, err = parseNumber(name, value, 64)
	case "position":
		var n uint64
		n, err = parseNumber(name, value, 64)
		rec.Position = event.Position(n)
	case "schemaversion":
		var n uint64
		n, err = parseNumber(name, value, strconv.IntSize-1)
		rec.Version = int(n)
	case "tags":
		rec.Tags = strings.Split(value, ",")
	case looseHeaders:
		r.loose, err = unpackHeaders(value)
	case dataMarker:
		err = r.markData(value)
	default:
		err = event.Invalid(name, "is no attribute; the payload is the member data or data_base64")
	}
	return err
}

// text returns the field that holds the attribute as it is.
func (r *reading) text(name string) *string {
	switch name {
	case "type":
		return &r.record.Type
	case "subject":
		return &r.record.Subject
	case "datacontenttype":
		return &r.record.ContentType
	case "dataschema":
		return &r.record.DataSchema
	case "stream":
		return &r.record.Stream
	case "topic":
		return &r.record.Topic
	case "userid":
		return &r.record.UserID
	case "aggregatetype":
		return &r.record.AggregateType
	case "aggregateid":
		return &r.record.AggregateID
	case "traceparent":
		return &r.record.TraceParent
	case "tracestate":
		return &r.record.TraceState
	}
	return nil
}

func (r *reading) setHeader(name, value string) {
	if r.record.Headers == nil {
		r.record.Headers = map[string]string{}
	}
	r.record.Headers[name] = value
}

func (r *reading) markData(value string) error {
	if value != emptyData {
		return event.Invalid(dataMarker, "is %q; the only value is %q", clip(value), emptyData)
	}
	r.emptyData = true
	return nil
}

func parseID(name, value string) (event.ID, error) {
	id, err := event.ParseID(value)
	return id, renamed(err, name)
}

func parseTime(name, value string) (t time.Time, err error) {
	// RFC 3339 allows a small t and z, which time does not read.
	if err := t.UnmarshalText([]byte(strings.ToUpper(value))); err != nil {
		return t, event.Invalid(name, "%q is not a time of RFC 3339; write it as 2006-01-02T15:04:05Z", clip(value))
	}
	return t.UTC(), nil
}

func parseNumber(name, value string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(value, 10, bits)
	if err != nil || strconv.FormatUint(n, 10) != value {
		return 0, event.Invalid(name, "%q is not a whole number from 0 on in plain digits", clip(value))
	}
	return n, nil
}

// finish returns the record with its data, when it is whole.
func (r *reading) finish(data []byte) (event.Record, error) {
	if err := r.checkRequired(); err != nil {
		return event.Record{}, err
	}
	r.record.Source = readSource(r.record.Source)
	if r.emptyData {
		if len(data) > 0 {
			return event.Record{}, event.Invalid(dataMarker, "says that the data is empty, but it is not")
		}
		data = []byte{}
	}
	r.record.Data = data
	if err := r.mergeHeaders(); err != nil {
		return event.Record{}, err
	}
	if err := r.record.Check(); err != nil {
		return event.Record{}, inAttributes(err)
	}
	return r.record, nil
}

func (r *reading) checkRequired() error {
	for _, required := range [...]struct {
		name string
		lack bool
	}{
		{"specversion", r.specVersion == ""},
		{"id", r.record.ID.IsZero()},
		{"source", r.record.Source == ""},
		{"type", r.record.Type == ""},
	} {
		if required.lack {
			return event.Invalid(required.name, "is missing; every CloudEvent has specversion, id, source and type")
		}
	}
	if r.specVersion != specVersion {
		return event.Invalid("specversion", "is %q; Oxbow reads %s", r.specVersion, specVersion)
	}
	return nil
}

// mergeHeaders adds the headers that travelled packed, and what is to be remembered of types.
func (r *reading) mergeHeaders() error {
	if len(r.types) > 0 {
		slices.Sort(r.types)
		r.record.Headers[TypesHeader] = strings.Join(r.types, " ") // there are headers: those that have types
	}
	for name, value := range r.loose {
		if _, twice := r.record.Headers[name]; twice && name != TypesHeader {
			return event.Invalid(looseHeaders, "has %q, which is an attribute of its own too", name)
		}
		if r.record.Headers == nil {
			r.record.Headers = r.loose
			return nil
		}
		r.record.Headers[name] = value
	}
	return nil
}

// inAttributes names the attribute where the error of event.Record.Check names the field.
func inAttributes(err error) error {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	names := map[string]string{
		"version": "schemaversion", "user id": "userid", "aggregate type": "aggregatetype", "aggregate id": "aggregateid",
		"content type": "datacontenttype", "data schema": "dataschema", "headers": "extensions", "header name": looseHeaders,
	}
	if name, ok := names[invalid.Field]; ok {
		return renamed(err, name)
	}
	return renamed(err, strings.TrimPrefix(invalid.Field, "header "))
}

// renamed is err with another name for the field it refuses.
func renamed(err error, field string) error {
	if err == nil {
		return nil
	}
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	return &event.InvalidError{Field: field, Reason: invalid.Reason}
}

func inBatch(index int, err error) error {
	return fmt.Errorf("event %d of the batch: %w", index+1, err)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
