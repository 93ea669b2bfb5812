// Package peers holds the least of an event store on each of the engines that Oxbow is measured beside.
//
// Each does the work that Oxbow does in the same row, as well as its engine can, see the comment of each type: it checks the
// expected revision, numbers events in the order of their commits, keeps record and metadata, and finds events by stream, type,
// tag and correlation. None looks for repeated event ids, serves conditions over queries, or pushes new events.
//
// The tag peers builds SQLite and JetStream in: without it, nobody who only tests Oxbow has to compile them.
package peers

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
)

// Log is as much of an event store as the rows need. Append may be called at the same time as itself.
type Log interface {
	// Append adds events to a stream whose head is as given, and returns its new head. The head is 0 as long as there is no event;
	// afterwards it is whatever the engine tells streams' states by. It returns as soon as the events are as durable as the log
	// was opened for.
	Append(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error)

	// Replay calls fn with every record in order. The record is valid during the call only.
	Replay(ctx context.Context, fn func(*event.Record)) error

	// Stream calls fn with every record of one stream in order. The record is valid during the call only.
	Stream(ctx context.Context, stream string, fn func(*event.Record)) error

	Close() error
}

// Peer is an engine.
type Peer struct {
	Name    string
	Does    string                                   // in a line, for those who read the table
	Open    func(dir string, sync bool) (Log, error) // sync: Append returns when the disk has it; else when the operating system has it
	Missing string                                   // why it is not in this build, in place of Open
	Variant string                                   // the name of the peer that this is another way to use, if it is one
}

// All returns the peers, in the order of the table.
func All() []Peer { return []Peer{pebblePeer, plainPebblePeer, sqlitePeer, bboltPeer, jetStreamPeer} }

var errHead = errors.New("the stream's head is not what is expected")

// heads remembers the revisions of streams, as Oxbow does, so that the peers need not read before each write.
type heads struct {
	known map[string]uint64
	load  func(stream string) (uint64, error) // for streams not seen since the log was opened
}

func newHeads(load func(string) (uint64, error)) heads {
	return heads{make(map[string]uint64), load}
}

// check returns an error when the stream's revision is not the expected one.
func (h *heads) check(stream string, want uint64) (err error) {
	head, ok := h.known[stream]
	if !ok {
		if head, err = h.load(stream); err != nil {
			return err
		}
		h.known[stream] = head
	}
	if head != want {
		return fmt.Errorf("stream %s is at %d, not at %d: %w", stream, head, want, errHead)
	}
	return nil
}
