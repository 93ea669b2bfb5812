package cloudevents_test

import (
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

// typical is an event with 200 bytes of data, as a store returns it.
func typical() event.Record {
	r := full()
	r.Headers, r.DataSchema, r.Subject, r.Topic = nil, "", "", ""
	r.Data = []byte(`{"OrderID":"42","Customer":{"ID":7,"Name":"Zoë"},"Lines":[{"SKU":"a-100","Count":2,"Price":1999},{"SKU":"b-200","Count":1,"Price":250}],"Total":4248,"Currency":"EUR","Paid":false,"Note":null}`)
	return r
}

func BenchmarkAppend(b *testing.B) {
	r := typical()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = cloudevents.AppendLine(dst[:0], &r)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkUnmarshal(b *testing.B) {
	text, err := cloudevents.Marshal(typical())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cloudevents.Unmarshal(text); err != nil {
			b.Fatal(err)
		}
	}
}
