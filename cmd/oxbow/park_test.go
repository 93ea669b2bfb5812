package main

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// park makes a folder with dead letters of a consumer, at the positions 1, 2, 3…, one for each key: park DIR CONSUMER KEY…
func park(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: park DIR CONSUMER KEY…")
	}
	l, err := filelog.Open(ts.MkAbs(args[0]), filelog.Config{})
	ts.Check(err)
	s := store.New(l, store.Config{})
	var c parked.Change
	seen := map[string]bool{}
	for i, key := range args[2:] {
		letter := parked.Letter{
			Record: event.Record{
				Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, Time: time.Date(2026, 1, 2, 11, 0, 0, 0, time.UTC), Headers: map[string]string{"region": "eu"}},
				Place:    event.Place{Stream: key, Revision: 1, Position: event.Position(i + 1)},
				Data:     []byte(`{"total":"12,50","who":"<ann>"}`),
			},
			Key: key, State: parked.Failed, Error: "total: 12,50 is \x1b[31mno number", Stack: "goroutine 7 [running]:\n\tmain.go:12", Attempts: 10,
			First: time.Date(2026, 1, 2, 12, i, 0, 0, time.UTC), Last: time.Date(2026, 1, 2, 13, i, 0, 0, time.UTC),
		}
		letter.Slot = int(parked.HashOf(key) % 3)
		if seen[key] {
			letter.State, letter.Error, letter.Stack, letter.Attempts = parked.Waiting, "", "", 0
		}
		seen[key] = true
		c.Park = append(c.Park, letter)
	}
	w, err := parked.Writes(args[1], parked.Count{}, c)
	ts.Check(err)
	_, err = s.Commit(context.Background(), store.Commit{Items: w.Items, Conditions: w.Conditions})
	ts.Check(err)
	ts.Check(s.Close())
}

// spoil makes a dead letter unreadable: spoil DIR CONSUMER POSITION.
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: spoil DIR CONSUMER POSITION")
	}
	p, err := parsePosition(args[2])
	ts.Check(err)
	l, err := filelog.Open(ts.MkAbs(args[0]), filelog.Config{})
	ts.Check(err)
	s := store.New(l, store.Config{})
	_, err = s.Commit(context.Background(), store.Commit{Items: []store.ItemWrite{store.Put(parked.Letters(args[1]), parked.LetterKey(p), []byte("{"))}})
	ts.Check(err)
	ts.Check(s.Close())
}
