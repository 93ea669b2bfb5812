package filelog

import (
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/prefetch"
)

// lookahead is the positions of a list that come next. Records of a list stand far apart in a large log, and so do their places: in
// memory that no cache has. It is asked for ahead of its turn, so that a reader does not wait for each of them, one after the other.
// Asking reads nothing: what is wrong with a record is met in its turn.
type lookahead struct {
	spots [spotsAhead]spot // a ring
	first int
	count int
	asked int // how many of them had their record asked for
}

// spot is a position and the segment in which it lies.
type spot struct {
	position store.Position
	segment  *segment
}

const (
	spotsAhead   = 8 // for so many the place is asked for
	recordsAhead = 4 // for so many the record is, once its place is there
	bytesAhead   = 1 << 10
)

// spot returns the next of the list.
func (v *view) spot() (s spot, ok bool) {
	a := &v.lookahead
	for ; a.count < spotsAhead; a.count++ {
		p, ok := v.walker.next()
		if !ok {
			break
		}
		*a.at(a.count) = v.reader.askPlace(p)
	}
	if a.count == 0 {
		return spot{}, false
	}
	for ; a.asked < min(a.count, recordsAhead); a.asked++ {
		v.reader.askRecord(a.at(a.asked))
	}
	s = *a.at(0)
	a.first++
	a.count--
	a.asked--
	return s, true
}

func (a *lookahead) at(i int) *spot { return &a.spots[(a.first+i)%spotsAhead] }

// askPlace asks for the memory that says where a record stands.
func (r *reader) askPlace(p store.Position) spot {
	s := spot{p, r.shape.segmentOf(p)}
	if f := r.placesFile(s.segment); f != nil {
		prefetch.Lines(f.entry(s.segment.indexOf(p)))
	}
	return s
}

// askRecord asks for about as much memory as a record of the segment has.
func (r *reader) askRecord(s *spot) {
	if s.segment.memory == nil {
		return
	}
	b := s.segment.memory.bytes
	from := min(r.placeAhead(s), int64(len(b)))
	prefetch.Lines(b[from:min(from+r.usual(s.segment), int64(len(b)))])
}

// placeAhead returns where a record stands, 0 when that is not known without more work.
func (r *reader) placeAhead(s *spot) (at int64) {
	i := s.segment.indexOf(s.position)
	if s.segment == r.newest() {
		at, _ := r.places.at(i)
		return int64(at &^ firstInCommit)
	}
	if f := r.placesFile(s.segment); f != nil {
		return f.offset(i)
	}
	return 0
}

// placesFile returns the places of a full segment when they are in a file that was found right.
func (r *reader) placesFile(s *segment) *placesFile {
	if s == r.newest() {
		return nil
	}
	if f, ok := s.places().(*placesFile); ok && f.checked.Load() {
		return f
	}
	return nil
}

// usual returns how many bytes a record of a segment has on average, at most bytesAhead: the processor sees for itself that more follow.
func (r *reader) usual(s *segment) int64 {
	if s == r.newest() { // what is said of a full one may be written now
		return min(r.limit/int64(r.places.count), bytesAhead)
	}
	return min(s.size/int64(s.end+1-s.header.first), bytesAhead)
}
