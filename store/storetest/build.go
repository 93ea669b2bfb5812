package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// The buckets that tests write to, and that contents looks into.
const (
	things = "things"
	others = "others"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// record returns a plain event for a stream, with an id of its own.
func record(stream string) event.Record {
	id := event.NewID()
	return event.Record{
		Metadata: event.Metadata{
			ID: id, Type: "thing.happened", Version: 1, Time: noon, CorrelationID: id, ContentType: "application/json",
		},
		Place: event.Place{Stream: stream},
		Data:  []byte(`{"stream":` + strconv.Quote(stream) + `}`),
	}
}

// records returns n events for a stream; their data tells them apart.
func records(stream string, n int) []event.Record {
	rs := make([]event.Record, n)
	for i := range rs {
		rs[i] = record(stream)
		rs[i].Data = fmt.Appendf(nil, `{"n":%d}`, i)
	}
	return rs
}

func typed(stream, name string) event.Record {
	r := record(stream)
	r.Type = name
	return r
}

func tagged(stream string, tags ...string) event.Record {
	r := record(stream)
	r.Tags = tags
	return r
}

// events returns the commit of these events.
func events(rs ...event.Record) store.Commit { return store.Commit{Events: rs} }

// given returns the commit of one event in a stream of its own, on conditions.
func given(conditions ...store.Condition) store.Commit {
	return store.Commit{Events: []event.Record{record("given")}, Conditions: conditions}
}

// puts returns the commit of these items.
func puts(writes ...store.ItemWrite) store.Commit { return store.Commit{Items: writes} }

// random returns a source of chance, and prints what to set to have the same again.
func (t *trial) random() *rand.Rand {
	seed := rand.Uint64()
	if text := os.Getenv("OXBOW_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("OXBOW_SEED: %v", err)
		}
	}
	t.Logf("OXBOW_SEED=%d repeats this", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// jitter lets others run, for a moment of random length.
func jitter(rng *rand.Rand) {
	if rng.IntN(4) > 0 {
		return
	}
	<-time.After(time.Duration(rng.IntN(300)) * time.Microsecond)
}

func ids(rs []event.Record) []string {
	out := make([]string, len(rs))
	for i := range rs {
		out[i] = rs[i].ID.String()
	}
	return out
}

func backward(rs []event.Record) []event.Record {
	out := slices.Clone(rs)
	slices.Reverse(out)
	return out
}
