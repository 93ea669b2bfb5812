package cloudevents

import (
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// Marshal returns the record as a JSON CloudEvent.
func Marshal(r event.Record) ([]byte, error) {
	return Append(make([]byte, 0, 512+len(r.Data)), &r)
}

// Append appends the record as a JSON CloudEvent, its data as it stands. A record without an id, or one that
// event.Record.Check refuses, is refused, and dst returned as it was.
func Append(dst []byte, r *event.Record) ([]byte, error) {
	return appendEvent(dst, r, rawData)
}

// AppendLine is Append on one line, without a line break at its end: JSON data with line breaks between its tokens is written
// without white space.
func AppendLine(dst []byte, r *event.Record) ([]byte, error) {
	return appendEvent(dst, r, dataOnOneLine)
}

// AppendBatch appends the records as a JSON batch. Each is on a line of its own unless its data has line breaks.
func AppendBatch(dst []byte, records []event.Record) ([]byte, error) {
	batch := append(dst, '[')
	for i := range records {
		if i > 0 {
			batch = append(batch, ",\n"...)
		}
		var err error
		if batch, err = Append(batch, &records[i]); err != nil {
			return dst, inBatch(i, err)
		}
	}
	return append(batch, ']'), nil
}

func appendEvent(dst []byte, r *event.Record, data dataForm) ([]byte, error) {
	if err := checkWritable(r); err != nil {
		return dst, err
	}
	dst = append(dst, `{"specversion":"1.0"`...)
	dst = appendID(dst, "id", r.ID)
	dst = appendText(dst, "source", writtenSource(r.Source))
	dst = appendText(dst, "type", r.Type)
	dst = appendText(dst, "subject", r.Subject)
	dst = appendTime(dst, "time", r.Time)
	dst = appendText(dst, "datacontenttype", r.ContentType)
	dst = appendText(dst, "dataschema", r.DataSchema)
	dst = appendText(dst, "stream", r.Stream)
	dst = appendNumber(dst, "revision", r.Revision)
	dst = appendNumber(dst, "position", uint64(r.Position))
	dst = appendNumber(dst, "schemaversion", uint64(r.Version))
	dst = appendText(dst, "topic", r.Topic)
	dst = appendID(dst, "correlationid", r.CorrelationID)
	dst = appendID(dst, "causationid", r.CausationID)
	dst = appendText(dst, "userid", r.UserID)
	dst = appendText(dst, "aggregatetype", r.AggregateType)
	dst = appendText(dst, "aggregateid", r.AggregateID)
	dst = appendTags(dst, r.Tags)
	dst = appendText(dst, "traceparent", r.TraceParent)
	dst = appendText(dst, "tracestate", r.TraceState)
	dst = appendHeaders(dst, r.Headers)
	dst = appendData(dst, r, data)
	return append(dst, '}'), nil
}

func appendName(dst []byte, name string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendText(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return rawjson.AppendQuoted(appendName(dst, name), text)
}

func appendID(dst []byte, name string, id event.ID) []byte {
	if _, uuid := id.Bytes(); !uuid {
		return appendText(dst, name, id.String())
	}
	dst = append(appendName(dst, name), '"')
	dst, _ = id.AppendText(dst)
	return append(dst, '"')
}

func appendTime(dst []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	dst = append(appendName(dst, name), '"')
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"')
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	if n == 0 {
		return dst
	}
	dst = append(appendName(dst, name), '"')
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, '"')
}

func appendTags(dst []byte, tags []string) []byte {
	if len(tags) == 0 {
		return dst
	}
	dst = append(appendName(dst, "tags"), '"')
	for i, tag := range tags {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendEscaped(dst, tag)
	}
	return append(dst, '"')
}

func appendHeaders(dst []byte, headers map[string]string) []byte {
	for _, e := range extensions(headers, true) {
		dst = appendName(dst, e.name)
		if e.verbatim {
			dst = append(dst, e.value...)
			continue
		}
		dst = rawjson.AppendQuoted(dst, e.value)
	}
	return dst
}
