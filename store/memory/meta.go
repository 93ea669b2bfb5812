package memory

import (
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// ruled is a stream that has metadata.
type ruled struct {
	name     string
	meta     store.StreamMeta
	revision uint64 // of its newest event ever
}

// rules are the streams that have metadata, by name; usually none. Whoever holds a root knows what a snapshot keeps.
type rules struct{ root *node[ruled] }

// of returns the rules for a stream, ok is false when there are none.
func (r rules) of(stream string) (found ruled, ok bool) {
	if n := r.root.find(stream); n != nil {
		return n.value, true
	}
	return ruled{}, false
}

// set changes a stream's metadata. Zero metadata are none.
func (r *rules) set(stream string, m store.StreamMeta, revision uint64) {
	if m == (store.StreamMeta{}) {
		r.root = r.root.without(stream)
		return
	}
	r.root = r.root.with(stream, ruled{stream, m, revision})
}

// grew notes a stream's new revision.
func (r *rules) grew(stream string, revision uint64) {
	if found, ok := r.of(stream); ok {
		r.set(stream, found.meta, revision)
	}
}

// first returns the first of a stream's revisions that may be kept.
func (r rules) first(stream string) uint64 {
	if found, ok := r.of(stream); ok {
		return found.meta.FirstKept(found.revision)
	}
	return 1
}

// at returns what tells whether a record is kept at a time; nil when all are.
func (r rules) at(now func() time.Time) (keeps func(*event.Record) bool) {
	if r.root == nil {
		return nil
	}
	instant := now()
	return func(rec *event.Record) bool {
		found, ok := r.of(rec.Stream)
		return !ok || found.meta.Keeps(rec, found.revision, instant)
	}
}

// gone returns how many of the streams with metadata do not exist, though they once did.
func (r rules) gone() (n uint64) {
	for stream := range r.root.between("", "") {
		if stream.revision > 0 && stream.meta.Revision(stream.revision) == 0 {
			n++
		}
	}
	return n
}

// metaWrite is a change of a stream's metadata.
type metaWrite struct {
	stream string
	meta   store.StreamMeta
}

// metaWrites returns the changes of metadata among the items.
func metaWrites(items []store.ItemWrite) (writes []metaWrite, err error) {
	for _, w := range items {
		if w.Bucket != store.StreamBucket {
			continue
		}
		change := metaWrite{stream: w.Key}
		if !w.Delete {
			if change.meta, err = store.ParseStreamMeta(w.Value); err != nil {
				return nil, err
			}
		}
		writes = append(writes, change)
	}
	return writes, nil
}

// checkTombstones refuses a commit that touches a stream that is gone for good.
func (m *Memory) checkTombstones(events []event.Record, writes []metaWrite) error {
	if m.log.rules.root == nil {
		return nil
	}
	for i := range events {
		if found, _ := m.log.rules.of(events[i].Stream); found.meta.Tombstone {
			return &store.TombstoneError{Stream: found.name}
		}
	}
	for _, w := range writes {
		if found, _ := m.log.rules.of(w.stream); found.meta.Tombstone {
			return &store.TombstoneError{Stream: found.name}
		}
	}
	return nil
}
