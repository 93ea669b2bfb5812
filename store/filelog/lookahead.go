package filelog

import (
	"encoding/binary"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// lookahead is the positions of a list that come next. Records of a list stand far apart in a large log, and so do their places: in
// memory that no cache has. That of several is touched at the same time before their turn, so that it is waited for once, and not for each of
// them. What is wrong with a record is met in its turn all the same.
type lookahead struct {
	room    [maxSpots]spot
	spots   []spot
	touched byte // keeps what is touched from being optimized away
}

// spot is a position, the segment in which it lies, and the bytes that are touched for it.
type spot struct {
	position store.Position
	segment  *segment
	place    uint32
	bytes    []byte
}

const (
	maxSpots   = 12
	bytesAhead = 1 << 10
	cacheLine  = 64
)

// next returns the next spot of the list.
func (a *lookahead) next(v *view) (s spot, ok bool) {
	if len(a.spots) == 0 {
		a.look(v)
	}
	if len(a.spots) == 0 {
		return spot{}, false
	}
	s, a.spots = a.spots[0], a.spots[1:]
	return s, true
}

// look takes the next positions off the list and touches what is to be read for them.
func (a *lookahead) look(v *view) {
	n := 0
	for n < maxSpots && (v.left <= 0 || n < v.left) {
		p, ok := v.walker.next()
		if !ok {
			break
		}
		a.room[n] = spot{position: p, segment: v.reader.shape.segmentOf(p)}
		n++
	}
	a.spots, v.reader.last = a.room[:n], n < maxSpots
	if n > 1 {
		_ = disk.Guard(func() error { a.touch(&v.reader); return nil }) // what cannot be read is met in its turn
	}
}

// touch touches the places, and then the records: reads that do not depend on each other, and nothing else between them, so that the
// processor comes to the last of them before it has the first.
func (a *lookahead) touch(r *reader) {
	for i := range a.spots {
		a.spots[i].bytes = r.placeAhead(&a.spots[i])
	}
	for i := range a.spots {
		if s := &a.spots[i]; len(s.bytes) == 4 {
			s.place = binary.LittleEndian.Uint32(s.bytes)
		}
	}
	for i := range a.spots {
		a.spots[i].bytes = r.recordAhead(&a.spots[i])
	}
	var sum byte
	for i := range a.spots {
		if b := a.spots[i].bytes; len(b) > 0 {
			sum += b[0]
		}
	}
	for i := range a.spots {
		for b := a.spots[i].bytes; len(b) > cacheLine; b = b[cacheLine:] {
			sum += b[cacheLine]
		}
	}
	a.touched += sum
}

// placeAhead returns the bytes that say where a record stands, none when they are not in a file that was found right.
func (r *reader) placeAhead(s *spot) []byte {
	if s.segment == r.newest() {
		return nil
	}
	if f, ok := s.segment.places().(*placesFile); ok && f.checked.Load() {
		return f.entry(s.segment.indexOf(s.position))
	}
	return nil
}

// recordAhead returns as many bytes as a record of the segment has on average, from where the record stands.
func (r *reader) recordAhead(s *spot) []byte {
	if s.segment.memory == nil {
		return nil
	}
	place := s.place
	b, size := s.segment.memory.bytes, int64(0)
	switch {
	case s.segment == r.newest():
		place, _ = r.places.at(s.segment.indexOf(s.position))
		b, size = b[:min(int64(len(b)), r.limit)], r.limit/int64(r.places.count)
	case len(s.bytes) > 0:
		size = s.segment.size / int64(s.segment.end+1-s.segment.header.first)
	}
	from := min(int64(place&^firstInCommit), int64(len(b)))
	return b[from:min(from+min(size, bytesAhead), int64(len(b)))]
}
