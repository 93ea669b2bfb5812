package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

const streams = 1000

// order is what an event's data is.
type order struct {
	Order    string `json:"order"`
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
	Note     string `json:"note"`
}

// EventType returns the name that is stored.
func (order) EventType() string { return eventType }

const eventType = "order.placed"

// payloads are different ones of 200 bytes of JSON each. Their notes are random, so that a peer that compresses finds in them
// about what it finds in text.
var payloads = makePayloads(1024)

func makePayloads(n int) [][]byte {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ."
	random := rand.New(rand.NewPCG(1, 2))
	payloads, note := make([][]byte, n), make([]byte, 130)
	for i := range payloads {
		for at := range note {
			note[at] = letters[random.IntN(len(letters))]
		}
		payloads[i] = fmt.Appendf(nil, `{"order":"%06d","customer":"customer-%06d","cents":%d,"note":%q}`,
			i, random.IntN(1_000_000), 1000+random.IntN(9000), note)
	}
	return payloads
}

var made atomic.Uint64 // records

func streamName(n int) string { return fmt.Sprintf("order-%07d", n) }

// record returns an event with about 150 bytes of metadata.
func record(stream string) event.Record {
	n := made.Add(1)
	r := event.Record{Data: payloads[n%uint64(len(payloads))]}
	r.ID, r.Type, r.Version, r.Stream = event.NewID(), eventType, 1, stream
	r.Time = time.Now().UTC()
	r.AggregateType, r.AggregateID = "order", stream[len("order-"):]
	r.CorrelationID, r.CausationID = event.NewID(), event.NewID()
	r.Source, r.UserID, r.Tags = "/shop/berlin", "user-000042", []string{"customer:000007"}
	return r
}
