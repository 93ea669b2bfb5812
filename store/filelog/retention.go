package filelog

import (
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// retention says which records streams keep, as it stood at one time.
type retention struct {
	any   bool // some stream has metadata
	now   time.Time
	mark  items.Mark
	items *itemsView
	known map[string]kept // of streams that were asked about
}

// kept is what a stream keeps.
type kept struct {
	meta     store.StreamMeta
	revision uint64
}

// maxKept is how many streams' metadata a reader remembers.
const maxKept = 4096

// retention takes a snapshot, which must be closed. The caller holds the lock.
func (l *Log) retention() (r retention) {
	if l.items == nil {
		return retention{}
	}
	if r.mark = l.items.Mark(); r.mark.Streams > 0 {
		r.any, r.items, r.now, r.known = true, l.itemsNow(), l.sys.now(), map[string]kept{}
	}
	return r
}

func (r *retention) close() { r.items.close() }

// meta returns a stream's metadata.
func (r *retention) meta(stream string) (store.StreamMeta, error) {
	if !r.any {
		return store.StreamMeta{}, nil
	}
	item, err := r.items.Get(store.StreamBucket, stream)
	if err != nil || item.Revision == 0 {
		return store.StreamMeta{}, err
	}
	return parseMeta(item.Value, stream)
}

func parseMeta(value []byte, stream string) (store.StreamMeta, error) {
	m, err := store.ParseStreamMeta(value)
	if err != nil {
		return m, fmt.Errorf("metadata of stream %q: %w", stream, err)
	}
	return m, nil
}

// keeps reports whether the record's stream keeps it.
func (v *view) keeps(r *event.Record) (bool, error) {
	k, ok := v.kept.known[r.Stream]
	if !ok {
		var err error
		if k, err = v.ofStream(r.Stream); err != nil {
			return false, err
		}
		if len(v.kept.known) == maxKept {
			clear(v.kept.known)
		}
		v.kept.known[r.Stream] = k
	}
	return k.meta.Keeps(r, k.revision, v.kept.now), nil
}

func (v *view) ofStream(stream string) (k kept, err error) {
	if k.meta, err = v.kept.meta(stream); err == nil && k.meta.MaxCount > 0 || k.meta.Tombstone {
		key := v.hasher.Stream(stream)
		k.revision = v.finder.shape.revision(&key, v.head)
	}
	return k, err
}

// meta returns a stream's metadata with the batch so far.
func (s *sequencer) meta(stream string) (store.StreamMeta, error) {
	if m, ok := s.metas[stream]; ok {
		return m, nil
	}
	t := s.log.items
	if t == nil || t.Mark().Streams == 0 {
		return store.StreamMeta{}, nil
	}
	item, err := t.Get(store.StreamBucket, stream)
	if err != nil || item.Revision == 0 {
		return store.StreamMeta{}, err
	}
	return parseMeta(item.Value, stream)
}

// stageMeta notes what a commit of the batch does to a stream's metadata.
func (s *sequencer) stageMeta(w *store.ItemWrite) error {
	if w.Bucket != store.StreamBucket {
		return nil
	}
	m := store.StreamMeta{}
	if !w.Delete {
		var err error
		if m, err = parseMeta(w.Value, w.Key); err != nil {
			return err
		}
	}
	s.metas[w.Key] = m
	return nil
}

// tombstoned returns an error when a commit has something for a stream that was deleted for good.
func (s *sequencer) tombstoned(r *request) error {
	check := func(stream string) error {
		m, err := s.meta(stream)
		if err == nil && m.Tombstone {
			err = &store.TombstoneError{Stream: stream}
		}
		return err
	}
	for i := range r.events {
		if err := check(r.events[i].Stream); err != nil {
			return err
		}
	}
	for i := range r.items {
		if r.items[i].Bucket != store.StreamBucket {
			continue
		}
		if err := check(r.items[i].Key); err != nil {
			return err
		}
	}
	return nil
}

// keeps reports whether the record's stream keeps it, with the batch so far.
func (s *sequencer) keeps(r *event.Record) (bool, error) {
	m, err := s.meta(r.Stream)
	if err != nil || m == (store.StreamMeta{}) {
		return err == nil, err
	}
	return m.Keeps(r, s.revision(r.Stream), s.log.sys.now()), nil
}

// forgotten returns how many of the streams with metadata are deleted.
func (v *view) forgotten() (n uint64, err error) {
	if !v.kept.any {
		return 0, nil
	}
	for item, err := range v.kept.items.List(store.StreamBucket, "", "") {
		if err != nil {
			return 0, err
		}
		m, err := parseMeta(item.Value, item.Key)
		if err != nil {
			return 0, err
		}
		k := v.hasher.Stream(item.Key)
		if revision := v.finder.shape.revision(&k, v.head); revision > 0 && m.Revision(revision) == 0 {
			n++
		}
	}
	return n, nil
}

// describe tells of a stream; its revision is 0 when it does not exist.
func (v *view) describe(name string) (info store.StreamInfo, err error) {
	k := v.hasher.Stream(name)
	revision := v.finder.shape.revision(&k, v.head)
	m, err := v.kept.meta(name)
	if revision == 0 || err != nil || m.Revision(revision) == 0 {
		return store.StreamInfo{}, err
	}
	info = store.StreamInfo{Name: name, Revision: revision}
	at := v.finder.shape.stream(&k, m.FirstKept(revision)-1, 1, v.head)
	if m.MaxAge == 0 && !v.finder.shape.gaps {
		if at.Count() > 0 {
			info.First, info.Last = at.First(), at.Last()
		}
		return info, nil
	}
	info.First, info.Last, err = v.bounds(at, m, revision)
	return info, err
}

// bounds returns the first and the last of the positions whose records are there and not too old.
func (v *view) bounds(at index.Postings, m store.StreamMeta, revision uint64) (first, last store.Position, err error) {
	young := func(p store.Position) (bool, error) {
		var r event.Record
		ok, err := v.reader.read(p, nil, &r)
		return ok && m.Keeps(&r, revision, v.kept.now), err
	}
	for ; at.Count() > 0; at.DropFirst() {
		if ok, err := young(at.First()); ok || err != nil {
			first = at.First()
			break
		}
	}
	for ; at.Count() > 0; at.DropLast() {
		if ok, err := young(at.Last()); ok || err != nil {
			return first, at.Last(), err
		}
	}
	return 0, 0, nil
}
