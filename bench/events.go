package main

import (
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

const streams = 1000

// payload is 200 bytes of JSON.
var payload = fmt.Appendf(nil, `{"order":"000042","customer":"customer-000007","cents":1999,"note":%q}`, strings.Repeat("n", 130))

func streamName(n int) string { return fmt.Sprintf("order-%06d", n) }

// record returns an event with about 150 bytes of metadata.
func record(stream string) event.Record {
	r := event.Record{Data: payload}
	r.ID, r.Type, r.Version, r.Stream = event.NewID(), "order.placed", 1, stream
	r.AggregateType, r.AggregateID = "order", stream[len("order-"):]
	r.CorrelationID, r.CausationID = event.NewID(), event.NewID()
	r.Source, r.UserID, r.Tags = "/shop/berlin", "user-000042", []string{"customer:000007"}
	return r
}
