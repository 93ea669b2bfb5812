package store

import (
	"context"
	"iter"

	"github.com/oxbow-events/oxbow/event"
)

// Driver is what an engine implements. It reads the items of [StreamBucket] that it is given, and obeys them: the methods Keeps, FirstKept
// and Revision of [StreamMeta] say how. Calls may overlap. Every error wraps one of this package's sentinels where one fits, or
// the context's error.
type Driver interface {
	// Append writes the commit and returns once it is as durable as the receipt says. It calls Commit.Check first; then it looks
	// for the events' ids: those of one earlier commit get its receipt, ids known otherwise get DuplicateError; an event or an item
	// of StreamBucket for a tombstoned stream then gets *TombstoneError; conditions come last. Each item gets a revision greater
	// than any before. The commit stays the caller's, and is not changed. The ids of events that are gone are known until the
	// driver compacts them away; the revision of their stream it remembers for ever.
	Append(ctx context.Context, c Commit) (Receipt, error)

	// Read yields the records that match and that their stream's metadata keep, in order of position, as the store stood when the
	// iteration began. After an error it yields no more. The record's bytes belong to the caller.
	Read(ctx context.Context, q Query) iter.Seq2[event.Record, error]

	// Head returns the position of the newest record, 0 when there is none. It does not fall when records are gone.
	Head(ctx context.Context) (Position, error)

	// Wait returns the head as soon as it is after the given position.
	Wait(ctx context.Context, after Position) (Position, error)

	// Get returns an item. One that does not exist has revision 0, and that is no error.
	Get(ctx context.Context, bucket, key string) (Item, error)

	// List yields the items of a bucket with from <= key < to in order of key, as they stood when the iteration began. An empty
	// to means to the end.
	List(ctx context.Context, bucket, from, to string) iter.Seq2[Item, error]

	// Close ends calls under way with ErrClosed and lets go of everything. Closing twice is fine.
	Close() error
}

// StreamLister is a driver that can list its streams.
type StreamLister interface {
	// Streams yields the streams that exist and whose name begins with prefix, in order of name. Deleted ones do not.
	Streams(ctx context.Context, prefix string) iter.Seq2[StreamInfo, error]
}

// StreamInfo describes a stream.
type StreamInfo struct {
	Name     string   `json:"name"`
	Revision uint64   `json:"revision"` // of its newest event, which is the number of events that it ever had
	First    Position `json:"first"`    // of the oldest event that is not gone; 0 when all are
	Last     Position `json:"last"`     // of the newest likewise
}

// Exclusive is a driver whose data one process alone can have open. Whoever wrote to them in an earlier opening is therefore gone,
// which saves those who work on the store together from asking whether the others are alive.
type Exclusive interface {
	// Opened returns an id that is made anew whenever the data are opened, and stays the same until they are closed.
	Opened() event.ID
}

// Statistician is a driver that can count.
type Statistician interface {
	Stats(ctx context.Context) (Stats, error)
}

// Stats counts what a store holds.
type Stats struct {
	Events  uint64            `json:"events"`  // that were ever appended, also those that are gone since
	Streams uint64            `json:"streams"` // that exist
	Items   uint64            `json:"items"`
	Bytes   uint64            `json:"bytes"` // on disk, or in memory when there is no disk
	Head    Position          `json:"head"`
	Types   map[string]uint64 `json:"types"` // events by type, counted as Events are

	EventsPerSecond float64 `json:"events_per_second"` // appended, on average over the last minute, or since it was opened
	BytesPerSecond  float64 `json:"bytes_per_second"`  // that they took, likewise
}
