package store

import (
	"math"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// StreamBucket is the bucket of the items that hold the metadata of streams, each under its stream's name. Drivers read what they
// say, and refuse one that says nothing; see [PutStreamMeta].
const StreamBucket = "oxbow.streams"

// StreamMeta says what a stream keeps. The zero StreamMeta keeps everything, and is what a stream without such an item has.
//
// What is gone is returned by no read and counts for no condition. It may stay on the disk until the driver compacts it away, so
// that what a limit once took does not come back for certain when the limit is raised. A commit's own metadata take effect
// after it: conditions, and what is appended, are judged by those from before it.
type StreamMeta struct {
	MaxAge    time.Duration // events that happened longer ago, by their Time, are gone; 0 means no limit
	MaxCount  uint64        // only the newest so many are kept; 0 means no limit
	Before    uint64        // events before this revision are gone; 0 means none
	Deleted   uint64        // events up to this revision are gone, and so was the stream until one was appended after it
	Tombstone bool          // the stream is gone for good: nothing can be appended to it ever again
}

// PutStreamMeta returns the write that sets a stream's metadata, for a commit with anything else. Zero metadata are no item. Most
// programs call [Store.SetStreamMeta] and [Store.DeleteStream], which look at what is there.
func PutStreamMeta(stream string, m StreamMeta) ItemWrite {
	if m == (StreamMeta{}) {
		return Delete(StreamBucket, stream)
	}
	return Put(StreamBucket, stream, m.encode())
}

// Check refuses limits that make no sense, naming the field as the item does: max_age, max_count, before, deleted.
func (m StreamMeta) Check() error {
	if m.MaxAge < 0 {
		return event.Invalid("max_age", "is %v; write 0 for no limit", m.MaxAge)
	}
	for _, number := range [...]struct {
		field string
		value uint64
	}{{"max_count", m.MaxCount}, {"before", m.Before}, {"deleted", m.Deleted}} {
		if number.value > math.MaxInt64 {
			return event.Invalid(number.field, "is %d, the limit is %d", number.value, int64(math.MaxInt64))
		}
	}
	return nil
}

// Keeps reports whether a record of the stream is still there at a time, when the stream's newest event ever has that revision.
// Drivers call it.
func (m StreamMeta) Keeps(r *event.Record, revision uint64, now time.Time) bool {
	if r.Revision < m.FirstKept(revision) {
		return false
	}
	return m.MaxAge == 0 || !r.Time.Before(now.Add(-m.MaxAge))
}

// FirstKept returns the smallest revision that may still be there, by count and number, when the stream's newest event ever has
// that revision. It is the revision of the next event, or more, when there is none. Drivers call it.
func (m StreamMeta) FirstKept(revision uint64) uint64 {
	first := max(1, m.Before, m.Deleted+1)
	if m.MaxCount > 0 && revision > m.MaxCount {
		first = max(first, revision-m.MaxCount+1)
	}
	if m.Tombstone {
		first = max(first, revision+1)
	}
	return first
}

// Revision returns the revision that conditions see when the stream's newest event ever has that one: 0 when the stream is gone.
// Drivers call it.
func (m StreamMeta) Revision(revision uint64) uint64 {
	if m.Tombstone || revision <= m.Deleted {
		return 0
	}
	return revision
}
