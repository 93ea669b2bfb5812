package filelog

import (
	"fmt"
	"math"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// reader reads records at their positions, from the log as it stood at one time. It is used within index.Try.
type reader struct {
	shape  *shape
	places places // of the newest segment
	limit  int64  // bytes of the newest segment
	order  bool   // all records are read one after the other: their memory is read ahead, and shared by those beside each other
	sift   bool   // few records match: they are looked at before they get memory of their own
	learns bool   // which of the two it is depends on how many match

	looked, matched int // of late, when it learns

	now    *segment // the one that was read from last
	placer placer   // its places
	until  store.Position
	window window
	chunk  []byte // memory that records own together, from off on in the segment
	off    int64
	ahead  int64

	free   []byte // memory for the next records that are not read in order
	size   int
	coming int  // so many of them come next, with the one that is read now; 0 when that is not known
	last   bool // and none after them
	tags   tagRoom
}

const (
	minChunk = 4 << 10
	maxChunk = 64 << 10
)

// begin goes to the segment in which the position lies.
func (r *reader) begin(p store.Position) {
	if r.now != nil && p >= r.now.header.first && p <= r.until {
		return
	}
	r.enter(r.shape.segmentOf(p))
}

// enter goes to a segment.
func (r *reader) enter(s *segment) {
	r.now, r.chunk, r.off = s, nil, 0
	if s == r.newest() {
		r.placer, r.until = r.places, math.MaxUint64
	} else {
		r.placer, r.until = s.places(), s.end
	}
	if s.file != nil {
		r.window.use(s.file)
	}
}

func (r *reader) newest() *segment { return r.shape.segments[len(r.shape.segments)-1] }

// end returns how many bytes of the segment may be read.
func (r *reader) end() int64 {
	if r.now == r.newest() {
		return r.limit
	}
	return r.now.size
}

// read reads the record at a position into into, which is zero; ok is false when it is gone, or does not match.
func (r *reader) read(p store.Position, filter []store.Filter, into *event.Record) (ok bool, err error) {
	r.begin(p)
	at, err := r.placer.at(r.now.indexOf(p))
	at &^= firstInCommit
	if at == 0 || err != nil {
		return false, err
	}
	e, own, err := r.entry(p, int64(at))
	if err != nil || e.kind == entryGone {
		return false, err
	}
	if r.sift && !r.matches(e.payload, filter, p) {
		r.learn(false)
		return false, nil
	}
	if !own {
		e.payload = r.own(e.payload)
	}
	if err := decodeWith(into, e.payload, &r.tags); err != nil {
		return false, r.damaged(int64(at), p, err.Error())
	}
	into.Position = p
	ok = store.MatchAny(filter, into)
	r.learn(ok)
	return ok, nil
}

// learn decides how to read on: in order when most of the records match.
func (r *reader) learn(ok bool) {
	if !r.learns {
		return
	}
	if ok {
		r.matched++
	}
	const enough = 64
	if r.looked++; r.looked < enough {
		return
	}
	r.order = r.matched > enough/2
	r.sift = !r.order
	r.looked, r.matched = 0, 0
	if r.sift {
		r.chunk = nil
	}
}

// own returns a copy of the bytes in memory that records share. It begins small, so that one record has no more than it needs, and is as
// large as the last ones should need.
func (r *reader) own(b []byte) []byte {
	if len(r.free) < len(b) {
		size := r.coming * len(b)
		if !r.last {
			size = max(size, 2*r.size)
		}
		r.size = max(len(b), min(size, maxChunk))
		r.free = make([]byte, r.size)
	}
	own := r.free[:len(b):len(b)]
	r.free = r.free[len(b):]
	copy(own, b)
	return own
}

// matches looks at a record without taking it over. One that cannot be read is left to whoever takes it over.
func (r *reader) matches(payload []byte, filter []store.Filter, p store.Position) bool {
	var look event.Record
	if err := decodeOwn(&look, payload); err != nil {
		return true
	}
	look.Position = p
	return store.MatchAny(filter, &look)
}

func (r *reader) damaged(offset int64, p store.Position, reason string) error {
	return &DamageError{File: r.now.path, Offset: offset, Position: p, Reason: reason}
}

// entry returns the entry of a record; own says that its memory is nobody else's from now on.
func (r *reader) entry(p store.Position, off int64) (e entry, own bool, err error) {
	const guess = 512 // most records are shorter
	b, own, err := r.held(off), true, error(nil)
	if b == nil {
		b, own, err = r.at(off, guess)
	}
	if err != nil {
		return entry{}, false, fmt.Errorf("read position %d: %w", p, err)
	}
	n, whole := entryLength(b)
	if !whole && len(b) >= entrySize && int64(n) <= r.end()-off {
		if b, own, err = r.at(off, int64(n)); err != nil {
			return entry{}, false, fmt.Errorf("read position %d: %w", p, err)
		}
		n, whole = entryLength(b)
	}
	if whole {
		var ok bool
		if e, ok = parseEntry(b[:n], uint64(p)); ok && (e.kind == entryRecord || e.kind == entryGone && r.now.header.version >= compacted) {
			return e, own, nil
		}
	}
	return entry{}, false, r.damaged(off, p, "the checksum of the record does not match")
}

// held returns the entry at an offset and what is behind it, if all of the entry is in the memory that was read ahead.
func (r *reader) held(off int64) []byte {
	off -= r.off
	if !r.order || off < 0 || off >= int64(len(r.chunk)) {
		return nil
	}
	b := r.chunk[off:]
	if _, whole := entryLength(b); !whole {
		return nil
	}
	return b
}

// at returns n bytes from off on, more where there are more, or as many as there are.
func (r *reader) at(off, n int64) (b []byte, own bool, err error) {
	end := r.end()
	n = min(n, end-off)
	switch {
	case n < 0:
		return nil, false, nil
	case r.order:
		b, err = r.ownAt(off, n, end)
		return b, true, err
	case r.mapped(off + n):
		return r.now.memory.bytes[off:min(end, int64(len(r.now.memory.bytes)))], false, nil
	default:
		r.window.limit = end
		b, err = r.window.at(off, int(n))
		return b, false, err
	}
}

func (r *reader) mapped(end int64) bool {
	return r.now.memory != nil && end <= int64(len(r.now.memory.bytes))
}

// near reports whether the record at a position stands in the memory that was read ahead.
func (r *reader) near(p store.Position) bool {
	if p < r.now.header.first || p > r.until {
		return false
	}
	at, err := r.placer.at(r.now.indexOf(p))
	return err == nil && r.held(int64(at&^firstInCommit)) != nil
}

// ownAt returns bytes of memory that is given away. The next record may stand in what is left of it.
func (r *reader) ownAt(off, n, end int64) ([]byte, error) {
	if off >= r.off && off+n <= r.off+int64(len(r.chunk)) {
		return r.chunk[off-r.off:], nil
	}
	r.ahead = min(max(2*r.ahead, minChunk), maxChunk)
	n = max(n, min(r.ahead, end-off))
	if r.mapped(off + n) {
		r.chunk, r.off = append([]byte(nil), r.now.memory.bytes[off:off+n]...), off
		return r.chunk, nil
	}
	b := make([]byte, n)
	got, err := readFull(r.now.file, b, off)
	r.chunk, r.off = b[:got], off
	return r.chunk, err
}
