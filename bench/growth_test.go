package main

import (
	"testing"

	"github.com/oxbow-events/oxbow/store"
)

func TestGrownStreamsHaveTheSameLength(t *testing.T) {
	dir, streams := t.TempDir(), grownCommit/8 // more than one commit
	if err := grow(t.Context(), dir, streams); err != nil {
		t.Fatal(err)
	}
	l, err := openOxbow(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	events := map[string]int{}
	for r, err := range l.(oxbowLog).store.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		events[r.Stream]++
	}
	for n := range streams {
		if got := events[streamName(n)]; got != grownEvents {
			t.Errorf("stream %d has %d events, want %d", n, got, grownEvents)
		}
	}
	if len(events) != streams {
		t.Errorf("there are %d streams, want %d", len(events), streams)
	}
}

func TestEventsOfAStreamAreScattered(t *testing.T) {
	const streams = 10_000
	last := map[string]int{}
	for n, r := range scattered(0, 2*streams, streams) {
		if before, ok := last[r.Stream]; ok != (n >= streams) || ok && n-before != streams {
			t.Fatalf("event %d is in %s, as event %d was", n, r.Stream, before)
		}
		last[r.Stream] = n
	}
}
