package peertest

import (
	"bytes"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	peer "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

// records are what the peer can hold too: it reads any time as UTC, and no empty data.
func records() map[string]event.Record {
	id := func(text string) event.ID {
		parsed, err := event.ParseID(text)
		if err != nil {
			panic(err)
		}
		return parsed
	}
	full := event.Record{
		Metadata: event.Metadata{
			ID: id("01936a3e-6c1f-7e2b-9d4c-5b8f2a1c7d90"), Type: "order.placed", Version: 2, Topic: "orders.eu.placed",
			Source: "https://shop.example/orders", Subject: "order 42, “first” 100%", Time: time.Date(2026, 11, 22, 8, 30, 0, 123456789, time.UTC),
			CorrelationID: id("checkout/7"), CausationID: id("01936a3e-6c1f-7e2b-9d4c-5b8f2a1c7d8f"), UserID: "zoë@shop.example",
			AggregateType: "order", AggregateID: "42", Tags: []string{"customer:7", `odd "tag"`},
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TraceState: "congo=t61rcWkgMzE",
			ContentType: "application/json", DataSchema: "https://shop.example/schemas/order.placed/2",
			Headers: map[string]string{"region": "eu", "X-Request-Id": "r-1", "id": "not the id", "note": "two\nlines \u0085"},
		},
		Place: event.Place{Stream: "order-42", Revision: 3, Position: 1 << 40},
		Data:  []byte(`{"OrderID":"42","Total":12345678901234567890.10}`),
	}
	minimal := event.Record{Metadata: event.Metadata{ID: id("1"), Type: "note.taken"}}
	text, binary, typed := minimal, minimal, minimal
	text.ContentType, text.Data = "text/xml", []byte("<a b=\"c\">é\n</a>")
	binary.ContentType, binary.Data = "application/octet-stream", []byte("\x00\xff{}")
	typed.Headers = map[string]string{"flag": "true", "count": "-7", "text": "5", cloudevents.TypesHeader: "count=integer flag=boolean"}
	return map[string]event.Record{"full": full, "minimal": minimal, "text": text, "binary": binary, "typed": typed}
}

func TestThePeerReadsWhatOxbowWrites(t *testing.T) {
	for name, r := range records() {
		t.Run(name, func(t *testing.T) {
			text, err := cloudevents.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var e peer.Event
			if err := e.UnmarshalJSON(text); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			expectValid(t, e, r)
			text, err = e.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			back, err := cloudevents.Unmarshal(text)
			expectRecord(t, back, err, r)
		})
	}
}

// The peer leaves percent signs in headers as they are (the HTTP binding 1.0.2 says to decode them), so that what must be
// encoded comes to it encoded, and back.
func TestThePeerReadsWhatOxbowSendsOverHTTP(t *testing.T) {
	for name, r := range records() {
		t.Run(name, func(t *testing.T) {
			r.Subject, r.UserID, r.Tags = "order-42", "zoe", []string{"customer:7", "odd"}
			delete(r.Headers, "note")
			header := http.Header{}
			if err := cloudevents.SetHeader(header, &r); err != nil {
				t.Fatal(err)
			}
			e, err := binding.ToEvent(t.Context(), cehttp.NewMessage(header, nopCloser{bytes.NewReader(r.Data)}))
			if err != nil {
				t.Fatal(err)
			}
			expectValid(t, *e, r)
			request, err := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := cehttp.WriteRequest(binding.WithForceBinary(t.Context()), (*binding.EventMessage)(e), request); err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if request.Body != nil {
				if _, err := body.ReadFrom(request.Body); err != nil {
					t.Fatal(err)
				}
			}
			back, err := cloudevents.FromHeader(request.Header, body.Bytes())
			expectRecord(t, back, err, r)
		})
	}
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }

func expectValid(t *testing.T, e peer.Event, r event.Record) {
	t.Helper()
	if err := e.Validate(); err != nil {
		t.Errorf("the peer calls it invalid: %v", err)
	}
	if e.ID() != r.ID.String() || e.Type() != r.Type || e.Subject() != r.Subject || !e.Time().Equal(r.Time) || !bytes.Equal(e.Data(), r.Data) {
		t.Errorf("the peer read %v", e)
	}
}

func expectRecord(t *testing.T, got event.Record, err error, want event.Record) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as %+v\nwant %+v", got, want)
	}
}
