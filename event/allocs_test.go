package event_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

// Consumers decode each event: its metadata, which is large, does not go through the heap for that.
func TestDecodingAllocatesWhatTheCodecDoes(t *testing.T) {
	r := &event.Registry{}
	e, err := event.New(context.Background(), benchPlaced{"42", 100})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := r.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	codec := testing.AllocsPerRun(100, func() {
		var into benchPlaced
		err = (event.JSON{}).Decode(encoded.Data, &into)
	})
	whole := testing.AllocsPerRun(100, func() { _, err = event.DecodeAs[benchPlaced](r, encoded) })
	if whole > codec || err != nil {
		t.Errorf("an event is decoded with %v allocations, its data alone with %v; error %v", whole, codec, err)
	}
}
