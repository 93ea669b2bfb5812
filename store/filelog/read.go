package filelog

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// Read yields the records that match, as the log stood when the iteration began. Every one is checked against its checksum; one
// that is not what was written ends the iteration with an error that answers to store.ErrDamaged.
//
// Records that are read one after the other share their memory in blocks of up to 64 KiB: who keeps few of many, and for long, clones
// them.
func (l *Log) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if err := q.Check(); err != nil {
			yield(event.Record{}, err)
			return
		}
		if err := l.usable(ctx); err != nil {
			yield(event.Record{}, err)
			return
		}
		v, err := l.view()
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		defer v.close()
		err = v.find(&q)
		for err == nil {
			var r *event.Record
			if r, err = v.next(); err != nil {
				break
			}
			if err = l.usable(ctx); err != nil {
				break
			}
			if !yield(*r, nil) {
				return
			}
			if v.left--; v.left == 0 {
				return
			}
		}
		if done := l.usable(ctx); done != nil {
			err = done
		}
		if !errors.Is(err, io.EOF) {
			yield(event.Record{}, err)
		}
	}
}

// view is a snapshot of the log, on its way through the positions that a query may want.
type view struct {
	log *Log
	finder
	reader
	walker
	filter []store.Filter
	kept   retention
	left   int          // how many records are wanted; 0 or less for all
	record event.Record // room for one

	ahead []event.Record // those that were read with it, in order
	room  []event.Record // where they stand
	soon  lookahead
}

// views are those that nobody has any more, empty.
var views = sync.Pool{New: func() any { return new(view) }}

// view takes a snapshot, which must be closed, once.
func (l *Log) view() (*view, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.shape == nil {
		return nil, store.ErrClosed
	}
	l.shape.take()
	v := views.Get().(*view)
	v.log = l
	v.finder = finder{hasher: l.hasher, shape: l.shape, head: l.visible.head}
	v.reader = reader{shape: l.shape, places: l.places, limit: l.visible.tail}
	v.kept = l.retention()
	return v, nil
}

func (v *view) close() {
	v.kept.close()
	v.log.release(v.finder.shape)
	*v = view{}
	views.Put(v)
}

// find begins with a query.
func (v *view) find(q *store.Query) error {
	return wrapDamage(index.Try(func() error {
		v.walker = v.candidates(q)
		v.filter, v.left = q.Any, q.Limit
		v.reader.order = !v.listed && !v.backward && len(q.Any) == 0
		v.reader.sift = !v.listed && len(q.Any) > 0
		v.reader.learns = v.reader.sift && !v.backward
		return nil
	}))
}

// next reads the next record that matches, which stands where it is until the next call. At the end it returns io.EOF.
func (v *view) next() (*event.Record, error) {
	if len(v.ahead) > 0 {
		r := &v.ahead[0]
		v.ahead = v.ahead[1:]
		return r, nil
	}
	return &v.record, wrapDamage(index.Try(v.advance))
}

func (v *view) advance() error {
	for {
		p, ok := v.position()
		if !ok {
			return io.EOF
		}
		v.record = event.Record{}
		ok, err := v.reader.read(p, v.filter, &v.record)
		if ok && err == nil && v.kept.any {
			ok, err = v.keeps(&v.record)
		}
		if err != nil || ok {
			if ok && v.reader.order && !v.kept.any {
				v.readAhead()
			}
			return err
		}
	}
}

// position returns the next one. Of a list, it goes to its segment.
func (v *view) position() (p store.Position, ok bool) {
	if !v.listed {
		return v.walker.next()
	}
	s, ok := v.soon.next(v)
	v.reader.coming = len(v.soon.spots) + 1
	if ok && s.segment != v.reader.now {
		v.reader.enter(s.segment)
	}
	return s.position, ok
}

// maxRecords is how many records are read at a time from memory that was read anyway.
const maxRecords = 15

// readAhead reads the matching records after this one that stand in the same memory. An error is met again when their turn comes.
func (v *view) readAhead() {
	room := v.room[:0]
	for len(room) < maxRecords && v.walker.from <= v.walker.to && v.reader.near(v.walker.from) {
		room = append(room, event.Record{})
		ok, err := v.reader.read(v.walker.from, v.filter, &room[len(room)-1])
		if err != nil || !ok {
			room = room[:len(room)-1]
		}
		if err != nil {
			break
		}
		v.walker.from++
	}
	v.room, v.ahead = room, room
}

// wrapDamage turns damage of the index into what this package says of it.
func wrapDamage(err error) error {
	if err == nil {
		return nil
	}
	var d *index.Damage
	if errors.As(err, &d) {
		return &DamageError{File: d.File, Offset: d.Offset, Reason: d.Reason, Index: true}
	}
	return err
}

// readFull reads as much of b as the file has.
func readFull(f file, b []byte, off int64) (n int, err error) {
	n, err = f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
