package cloudevents_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// Any record that is one is the same after JSON, after a line of JSON, and after HTTP.
func FuzzRecord(f *testing.F) {
	for _, r := range records {
		var headers []string
		for name, value := range r.Headers {
			headers = append(headers, name+"\x1f"+value)
		}
		texts := strings.Join([]string{
			r.ID.String(), r.Type, r.Source, r.Subject, r.Topic, r.Stream, r.CorrelationID.String(), r.CausationID.String(), r.UserID,
			r.AggregateType, r.AggregateID, r.TraceParent, r.TraceState, r.ContentType, r.DataSchema,
		}, "\x1e")
		f.Add(texts, strings.Join(r.Tags, "\x1e"), strings.Join(headers, "\x1e"), r.Time.UnixNano(), r.Revision, r.Data, r.Data == nil)
	}
	f.Fuzz(func(t *testing.T, texts, tags, headers string, nanoseconds int64, n uint64, data []byte, noData bool) {
		r, ok := fuzzedRecord(texts, tags, headers, nanoseconds, n, data, noData)
		if !ok {
			return
		}
		written, err := cloudevents.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		read, err := cloudevents.Unmarshal(written)
		expectRecord(t, read, err, trimmed(r, false))
		line, err := cloudevents.AppendLine(nil, &r)
		if err != nil || bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("%v in line %q", err, line)
		}
		read, err = cloudevents.Unmarshal(line)
		expectRecord(t, read, err, trimmed(r, true))
		header := http.Header{}
		if cloudevents.SetHeader(header, &r) != nil {
			return // only structured mode carries it
		}
		read, err = cloudevents.FromHeader(header, r.Data)
		if r.ContentType == "" && len(r.Data) > 0 {
			r.ContentType = "application/json"
		}
		expectRecord(t, read, err, r)
	})
}

// fuzzedRecord makes a record of its parts; ok is false when it is none that a store would take.
func fuzzedRecord(texts, tags, headers string, nanoseconds int64, n uint64, data []byte, noData bool) (r event.Record, ok bool) {
	var ids [3]event.ID
	for i, field := range []*string{
		nil, &r.Type, &r.Source, &r.Subject, &r.Topic, &r.Stream, nil, nil, &r.UserID, &r.AggregateType, &r.AggregateID,
		&r.TraceParent, &r.TraceState, &r.ContentType, &r.DataSchema,
	} {
		var text string
		text, texts, _ = strings.Cut(texts, "\x1e")
		if field != nil {
			*field = text
			continue
		}
		parsed, err := event.ParseID(text)
		if err != nil {
			return r, false
		}
		ids[i%5] = parsed // 0, 6 and 7
	}
	r.ID, r.CorrelationID, r.CausationID = ids[0], ids[1], ids[2]
	if tags != "" {
		r.Tags = strings.Split(tags, "\x1e")
	}
	for header := range strings.SplitSeq(headers, "\x1e") {
		if name, value, ok := strings.Cut(header, "\x1f"); ok {
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			r.Headers[name] = value
		}
	}
	if nanoseconds != 0 {
		r.Time = time.Unix(0, nanoseconds).UTC()
	}
	r.Revision, r.Position, r.Version = n, event.Position(n/3), int(n%1000)
	if !noData {
		r.Data = append([]byte{}, data...)
	}
	return r, !r.ID.IsZero() && r.Check() == nil
}

// trimmed is the record without the white space that JSON data does not keep.
func trimmed(r event.Record, oneLine bool) event.Record {
	if r.ContentType != "" && !event.IsJSON(r.ContentType) || rawjson.Check(r.Data) != nil {
		return r
	}
	r.Data = bytes.Trim(r.Data, " \t\r\n")
	if oneLine && bytes.ContainsAny(r.Data, "\r\n") {
		r.Data = rawjson.AppendCompact(nil, r.Data)
	}
	return r
}

// Whatever is read is written with the same meaning, and whatever is not is refused with a reason.
func FuzzForeign(f *testing.F) {
	for _, members := range foreign {
		f.Add([]byte(required + members + "}"))
	}
	for _, c := range refused {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := cloudevents.Unmarshal(text)
		batch, batchErr := cloudevents.UnmarshalBatch(append(append([]byte{'['}, text...), ']'), 1)
		if err != nil {
			if !isInvalid(err) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
			return
		}
		if batchErr != nil {
			t.Fatalf("read alone, but not in a batch: %v", batchErr)
		}
		expectRecord(t, batch[0], nil, r)
		if err := r.Check(); err != nil || r.ID.IsZero() {
			t.Fatalf("read a record that is none: %v", err)
		}
		if isOurs(t, text, r) || r.Time.IsZero() && bytes.Contains(text, []byte("ime")) {
			return // what Oxbow packs has many spellings, and the first instant of year 1 is no time
		}
		roundTripForeign(t, text)
	})
}

// isOurs tells whether the event has what only Oxbow writes.
func isOurs(t *testing.T, text []byte, r event.Record) bool {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members["oxbowheaders"] != nil || members["oxbowdata"] != nil || r.Source == "" || strings.HasPrefix(r.Source, "oxbow:unknown")
}

func FuzzFromHTTP(f *testing.F) {
	f.Add("Content-Type\x1ftext/plain\x1ece-specversion\x1f1.0\x1ece-id\x1f1\x1ece-source\x1f%41\x1ece-type\x1f\"t\"", []byte("x"))
	f.Add("Content-Type\x1f"+cloudevents.ContentType, []byte(required+"}"))
	f.Add("Content-Type\x1f"+cloudevents.BatchContentType, []byte("["+required+"}]"))
	f.Fuzz(func(t *testing.T, fields string, body []byte) {
		header := http.Header{}
		for field := range strings.SplitSeq(fields, "\x1e") {
			name, value, _ := strings.Cut(field, "\x1f")
			header.Add(name, value)
		}
		read, err := cloudevents.FromHTTP(header, body, 3)
		if err != nil && !isInvalid(err) {
			t.Fatalf("%v is not ErrInvalid", err)
		}
		for _, r := range read {
			if err := r.Check(); err != nil || r.ID.IsZero() {
				t.Fatalf("read a record that is none: %v", err)
			}
			again := http.Header{}
			if cloudevents.SetHeader(again, &r) != nil {
				continue
			}
			second, err := cloudevents.FromHeader(again, r.Data)
			if r.ContentType == "" && len(r.Data) > 0 {
				r.ContentType = "application/json"
			}
			expectRecord(t, second, err, r)
		}
	})
}
