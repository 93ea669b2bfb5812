package remotestore

import (
	"reflect"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// FuzzUnpackRecord finds bytes that end the process, or that become another record when they are packed again.
func FuzzUnpackRecord(f *testing.F) {
	for _, r := range []event.Record{
		{Metadata: event.Metadata{Time: time.Unix(1, 2).UTC()}},
		{
			Metadata: event.Metadata{
				ID: event.NewID(), Type: "order.placed", Version: 3, Time: time.Unix(1, 2).UTC(), Tags: []string{"a", ""}, Headers: map[string]string{"a": "b"},
			},
			Place: event.Place{Stream: "order-42", Revision: 7, Position: 1 << 40},
		},
	} {
		b, err := packRecord(&r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := unpackRecord(b)
		if err != nil {
			return
		}
		again, err := packRecord(&r)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := unpackRecord(again); err != nil || !reflect.DeepEqual(r, same) {
			t.Errorf("%+v became %+v, %v", r, same, err)
		}
	})
}
