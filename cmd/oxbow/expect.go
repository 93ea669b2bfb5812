package main

import (
	"strconv"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// expectation returns the condition that --expect asks for. It is about one stream.
func expectation(expect string, events []event.Record) (store.Condition, error) {
	stream := events[0].Stream
	for i := range events {
		if other := events[i].Stream; other != stream {
			return store.Condition{}, wrongFlag("expect", "is about one stream, and the events go to %q and %q", stream, other)
		}
	}
	switch expect {
	case "none":
		return store.NoStream(stream), nil
	case "exists":
		return store.StreamExists(stream), nil
	}
	revision, err := strconv.ParseUint(expect, 10, 64)
	if err != nil {
		return store.Condition{}, wrongFlag("expect", "%q is neither none nor exists nor a number of events", expect)
	}
	return store.AtRevision(stream, revision), nil
}
