package cloudevents_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

// full has every field that a record can have.
func full() event.Record {
	return event.Record{
		Metadata: event.Metadata{
			ID:            id("01936a3e-6c1f-7e2b-9d4c-5b8f2a1c7d90"),
			Type:          "order.placed",
			Version:       2,
			Topic:         "orders.eu.placed",
			Source:        "https://shop.example/orders",
			Subject:       "order 42, “first”",
			Time:          time.Date(2026, 11, 22, 8, 30, 0, 123456789, time.UTC),
			CorrelationID: id("checkout/7"),
			CausationID:   id("01936a3e-6c1f-7e2b-9d4c-5b8f2a1c7d8f"),
			UserID:        "zoë@shop.example",
			AggregateType: "order",
			AggregateID:   "42",
			Tags:          []string{"customer:7", "country:de", `odd "tag"`},
			TraceParent:   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			TraceState:    "congo=t61rcWkgMzE",
			ContentType:   "application/json",
			DataSchema:    "https://shop.example/schemas/order.placed/2",
			Headers: map[string]string{
				"region": "eu", "empty": "", "X-Request-Id": "r-1", "id": "not the id", "note": "two\nlines", "tags": "a,b",
			},
		},
		Place: event.Place{Stream: "order-42", Revision: 3, Position: 1 << 40},
		Data:  []byte(`{"OrderID":"42","Total":12345678901234567890.10,"Total":1}`),
	}
}

func id(text string) event.ID {
	parsed, err := event.ParseID(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

// change returns a small record with one thing changed.
func change(with func(*event.Record)) event.Record {
	r := event.Record{Metadata: event.Metadata{ID: id("1"), Type: "note.taken"}}
	with(&r)
	return r
}

var records = map[string]event.Record{
	"every field":              full(),
	"nothing but id and type":  change(func(*event.Record) {}),
	"nil uuid":                 change(func(r *event.Record) { r.ID = event.UUID([16]byte{}) }),
	"source like the stand-in": change(func(r *event.Record) { r.Source = "oxbow:unknown" }),
	"source like an escaped":   change(func(r *event.Record) { r.Source = "oxbow:unknown##" }),
	"topic like the type":      change(func(r *event.Record) { r.Topic = r.Type }),
	"largest numbers":          change(func(r *event.Record) { r.Revision, r.Position, r.Version = 1<<64-1, 1<<64-1, 1<<62 }),
	"null data":                change(func(r *event.Record) { r.Data = []byte("null") }),
	"empty data":               change(func(r *event.Record) { r.Data = []byte{} }),
	"empty text": change(func(r *event.Record) {
		r.ContentType, r.Data = "text/plain", []byte{}
	}),
	"string data":     change(func(r *event.Record) { r.ContentType, r.Data = "application/json", []byte(`"<\u00e9 \/ \ud800>"`) }),
	"layout of old":   change(func(r *event.Record) { r.ContentType, r.Data = "application/json", []byte("{\"a\":\r[1,2]}") }),
	"layout in data":  change(func(r *event.Record) { r.ContentType, r.Data = "application/json", []byte("{\n\t\"a\": [1,\r\n2]}") }),
	"percent signs":   change(func(r *event.Record) { r.Subject, r.Source = "100% of %41", "/a%20b" }),
	"text":            change(func(r *event.Record) { r.ContentType, r.Data = "text/xml", []byte("<a b=\"c\">\x00\u0085é\n</a>") }),
	"text in latin 1": change(func(r *event.Record) { r.ContentType, r.Data = "text/plain; charset=iso-8859-1", []byte("ol\xe9") }),
	"broken text":     change(func(r *event.Record) { r.ContentType, r.Data = "text/plain", []byte("ol\xe9") }),
	"bytes":           change(func(r *event.Record) { r.ContentType, r.Data = "application/octet-stream", []byte("\x00\xff{}") }),
	"foreign types": change(func(r *event.Record) {
		r.Headers = map[string]string{"flag": "true", "count": "-7", cloudevents.TypesHeader: "count=integer flag=boolean"}
	}),
	"types that do not hold": change(func(r *event.Record) {
		r.Headers = map[string]string{"flag": "yes", "count": "007", cloudevents.TypesHeader: "flag=boolean count=integer gone=boolean"}
	}),
	"types out of order": change(func(r *event.Record) {
		r.Headers = map[string]string{"flag": "true", "count": "1", cloudevents.TypesHeader: "flag=boolean count=integer"}
	}),
	"no types": change(func(r *event.Record) { r.Headers = map[string]string{cloudevents.TypesHeader: ""} }),
	"headers named like attributes": change(func(r *event.Record) {
		r.Headers = map[string]string{
			"data": "x", "data_base64": "x", "specversion": "2", "time": "now", "oxbowheaders": "{}", "oxbowdata": "full", "Ce-Id": "9",
		}
	}),
}

func TestARecordOfTheTestsHasEveryField(t *testing.T) {
	r := full()
	for _, part := range []any{r.Metadata, r.Place} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s is not set; set it in full(), so that its round trip is tested", v.Type().Field(i).Name)
			}
		}
	}
}

func TestARecordWrittenAndReadIsTheSame(t *testing.T) {
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			written, err := cloudevents.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(written) {
				t.Errorf("not JSON: %s", written)
			}
			read, err := cloudevents.Unmarshal(written)
			expectRecord(t, read, err, r)
		})
	}
}

func TestARecordOnOneLineIsTheSame(t *testing.T) {
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			line, err := cloudevents.AppendLine([]byte("data: "), &r)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.ContainsAny(line, "\r\n") {
				t.Errorf("more than one line: %q", line)
			}
			if strings.Contains(name, "layout") {
				r.Data = []byte(`{"a":[1,2]}`)
			}
			read, err := cloudevents.Unmarshal(bytes.TrimPrefix(line, []byte("data: ")))
			expectRecord(t, read, err, r)
		})
	}
}

func TestRecordsInABatchAreTheSame(t *testing.T) {
	var all []event.Record
	for _, r := range records {
		all = append(all, r)
	}
	batch, err := cloudevents.AppendBatch(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	read, err := cloudevents.UnmarshalBatch(batch, len(all))
	if err != nil || len(read) != len(all) {
		t.Fatalf("read %d of %d, %v", len(read), len(all), err)
	}
	for i := range all {
		expectRecord(t, read[i], nil, all[i])
	}
}

// Over a real connection: net/http would change fields that are not fit for it.
func TestARecordOverHTTPIsTheSame(t *testing.T) {
	received := make(chan []event.Record, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(request.Body); err != nil {
			t.Error(err)
		}
		read, err := cloudevents.FromHTTP(request.Header, body.Bytes(), 1)
		if err != nil {
			t.Error(err)
		}
		received <- read
	}))
	defer server.Close()
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequest("POST", server.URL, bytes.NewReader(r.Data))
			if err != nil {
				t.Fatal(err)
			}
			if err := cloudevents.SetHeader(request.Header, &r); err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if r.ContentType == "" && len(r.Data) > 0 {
				r.ContentType = "application/json"
			}
			read := <-received
			if len(read) != 1 {
				t.Fatalf("read %d records, want 1", len(read))
			}
			expectRecord(t, read[0], nil, r)
		})
	}
}

func expectRecord(t *testing.T, got event.Record, err error, want event.Record) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if (got.Data == nil) != (want.Data == nil) || !bytes.Equal(got.Data, want.Data) {
		t.Errorf("data is %q (nil: %v), want %q (nil: %v)", got.Data, got.Data == nil, want.Data, want.Data == nil)
	}
	if !maps.Equal(got.Headers, want.Headers) {
		t.Errorf("headers are %q, want %q", got.Headers, want.Headers)
	}
	got.Data, got.Headers, want.Data, want.Headers = nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read  %+v\nwrote %+v", got, want)
	}
}

func TestAppendRefusesWhatNoReaderTakes(t *testing.T) {
	for name, c := range map[string]struct {
		record event.Record
		want   string
	}{
		"no id":       {change(func(r *event.Record) { r.ID = event.ID{} }), "id: is missing; every CloudEvent has one"},
		"no type":     {change(func(r *event.Record) { r.Type = "" }), "type: is empty"},
		"broken text": {change(func(r *event.Record) { r.Subject = "\xff" }), "subject: is not UTF-8"},
		"comma":       {change(func(r *event.Record) { r.Tags = []string{"a,b"} }), "tags[0]: "},
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := cloudevents.Append([]byte("before"), &c.record)
			expectRefused(t, err, c.want)
			if string(dst) != "before" {
				t.Errorf("dst is %q", dst)
			}
			expectRefused(t, cloudevents.SetHeader(map[string][]string{}, &c.record), c.want)
			dst, err = cloudevents.AppendBatch([]byte("before"), []event.Record{full(), c.record})
			expectRefused(t, err, "event 2 of the batch: "+c.want)
			if string(dst) != "before" {
				t.Errorf("dst is %q", dst)
			}
		})
	}
}

func TestSetHeaderRefusesWhatOnlyStructuredModeCarries(t *testing.T) {
	for name, c := range map[string]struct {
		record event.Record
		want   string
	}{
		"broken JSON": {change(func(r *event.Record) { r.Data = []byte("{") }), "data: is not JSON, as its content type says"},
		"an envelope": {
			change(func(r *event.Record) { r.ContentType = "Application/CloudEvents+JSON" }),
			"datacontenttype: Application/CloudEvents+JSON is taken for structured mode",
		},
		"not ASCII": {change(func(r *event.Record) { r.ContentType = "text/é" }), "datacontenttype: "},
		"space":     {change(func(r *event.Record) { r.ContentType = "text/plain " }), "datacontenttype: "},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			expectRefused(t, cloudevents.SetHeader(header, &c.record), c.want)
			if len(header) != 0 {
				t.Errorf("header has %v", header)
			}
			written, err := cloudevents.Marshal(c.record)
			if err != nil {
				t.Fatal(err)
			}
			read, err := cloudevents.Unmarshal(written)
			expectRecord(t, read, err, c.record)
		})
	}
}

func expectRefused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that begins with %q", want)
	}
	if !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %q, want it to begin with %q", err, want)
	}
	if !isInvalid(err) {
		t.Errorf("%v does not answer errors.Is(err, event.ErrInvalid)", err)
	}
}
