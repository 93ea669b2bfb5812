package main

import (
	"context"
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// fill makes a folder with 40 events in two streams, a and b, in many small files: fill DIR.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill DIR")
	}
	l, err := filelog.Open(ts.MkAbs(args[0]), filelog.Config{SegmentBytes: 1000})
	ts.Check(err)
	s := store.New(l, store.Config{})
	for n := range 20 {
		for _, stream := range []string{"a", "b"} {
			_, err := s.AppendTo(context.Background(), stream, []any{map[string]any{"type": "x.y", "text": fmt.Sprintf("secret %d of %s", n, stream)}})
			ts.Check(err)
		}
	}
	ts.Check(s.Close())
}
