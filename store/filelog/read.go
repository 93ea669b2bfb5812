package filelog

import (
	"context"
	"fmt"
	"iter"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Read yields the records that match, as the log stood when the iteration began. Every one is checked against its checksum; one
// that is not what was written ends the iteration with an error that answers to store.ErrDamaged.
func (l *Log) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if err := q.Check(); err != nil {
			yield(event.Record{}, err)
			return
		}
		v := l.view(&q)
		left := q.Limit
		for p, ok := v.next(); ok; p, ok = v.next() {
			if l.usable(ctx) != nil {
				break
			}
			r, err := v.read(p)
			if err == nil && !store.MatchAny(q.Any, &r) {
				continue
			}
			if err != nil && l.usable(ctx) != nil {
				break // the file was closed under us
			}
			if !yield(r, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
		if err := l.usable(ctx); err != nil {
			yield(event.Record{}, err)
		}
	}
}

// view is a snapshot of the log, on its way through the positions that a query may want.
type view struct {
	walker
	places   places
	segments []*segment
	window   window
}

func (l *Log) view(q *store.Query) *view {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return &view{
		walker:   l.index.candidates(q, l.visible.head),
		places:   l.index.places,
		segments: l.segments,
	}
}

func (v *view) read(p store.Position) (event.Record, error) {
	at := v.places.at(p)
	s := v.segments[at.segment]
	v.window.use(s.file)
	b, err := v.window.at(int64(at.offset), int(at.length))
	if err != nil {
		return event.Record{}, fmt.Errorf("read position %d: %w", p, err)
	}
	damaged := func(reason string) error {
		return &DamageError{File: s.path, Offset: int64(at.offset), Position: p, Reason: reason}
	}
	e, ok := parseEntry(b, uint64(p))
	if !ok || e.kind != entryRecord {
		return event.Record{}, damaged("the checksum of the record does not match")
	}
	r, err := decodeRecord(e.payload, true)
	if err != nil {
		return event.Record{}, damaged(err.Error())
	}
	r.Position = p
	return r, nil
}
