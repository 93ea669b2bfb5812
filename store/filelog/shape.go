package filelog

import (
	"slices"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// shape is the files of the log and the parts of its index at one time. It never changes; the log replaces it. Whoever reads holds
// on to one, and files that no shape has any more are let go of when the last reader is done.
type shape struct {
	hold                    // by the log, and by each reader
	segments []*segment     // in order; the last is the newest
	runs     []*run         // in order
	tables   []*index.Table // in order, after the runs; the last is that of the newest segment
	gaps     bool           // some segment was compacted
}

// clone returns a shape that may be changed until it is the log's.
func (s *shape) clone() *shape {
	return &shape{segments: slices.Clip(s.segments), runs: slices.Clip(s.runs), tables: slices.Clip(s.tables), gaps: s.gaps}
}

// run is an index in a file.
type run struct {
	hold
	*index.Run
	obsolete atomic.Bool // a larger one has what is in it: its file goes with it
}

// hold counts those who use something.
type hold struct{ users atomic.Int32 }

func (h *hold) take() { h.users.Add(1) }

// drop reports whether that was the last.
func (h *hold) drop() bool { return h.users.Add(-1) == 0 }

// reshape replaces the shape. The caller holds the lock, and releases what is returned without it.
func (l *Log) reshape(next *shape) (old *shape) {
	next.take()
	for _, s := range next.segments {
		s.take()
	}
	for _, r := range next.runs {
		r.take()
	}
	old, l.shape = l.shape, next
	return old
}

// release lets go of a shape that was taken. Errors of closing files that are only read are kept for Close.
func (l *Log) release(s *shape) {
	if s == nil || !s.drop() {
		return
	}
	for _, segment := range s.segments {
		if segment.drop() {
			l.noteClosing(segment.close())
		}
	}
	for _, r := range s.runs {
		if !r.drop() {
			continue
		}
		l.noteClosing(r.Close())
		if !r.obsolete.Load() {
			continue
		}
		if err := l.sys.files.Remove(r.Path()); err != nil {
			l.fail(err)
		}
	}
}

func (l *Log) noteClosing(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unclosed == nil {
		l.unclosed = err
	}
}

// part is a run or a table.
type part interface {
	Base() store.Position
	Postings(k *index.Key, from, to store.Position) index.Postings
	Stream(k *index.Key, to store.Position) (before uint64, count int, ok bool)
}

// between returns the runs and tables that may have positions from from to to, in order.
func (s *shape) between(from, to store.Position) (ps index.Parts) {
	ps.Runs = make([]*index.Run, 0, len(s.runs))
	for _, r := range s.runs {
		if r.End() >= from && r.Base() < to {
			ps.Runs = append(ps.Runs, r.Run)
		}
	}
	for _, t := range s.tables {
		if t.End() >= from && t.Base() < to {
			ps.Tables = append(ps.Tables, t)
		}
	}
	return ps
}

// newest yields the parts that begin before the position, from the newest to the oldest.
func (s *shape) newest(to store.Position, yield func(part) bool) {
	for _, t := range slices.Backward(s.tables) {
		if t.Base() < to && !yield(t) {
			return
		}
	}
	for _, r := range slices.Backward(s.runs) {
		if r.Base() < to && !yield(r) {
			return
		}
	}
}

// revision returns a stream's revision as it stood at a position.
func (s *shape) revision(k *index.Key, to store.Position) (revision uint64) {
	s.newest(to, func(p part) bool {
		before, count, ok := p.Stream(k, to)
		if ok {
			revision = before + uint64(count)
		}
		return !ok
	})
	return revision
}

// stream returns the positions from from to to of a stream's records after a revision.
func (s *shape) stream(k *index.Key, after uint64, from, to store.Position) index.Postings {
	parts := s.between(from, to)
	return parts.After(k, after, from, to)
}

// postings returns the positions from from to to of the records that have the key.
func (s *shape) postings(k *index.Key, from, to store.Position) index.Postings {
	parts := s.between(from, to)
	return parts.Postings(k, from, to)
}

// count is how many records may have the key, rather more than less.
func (s *shape) count(k *index.Key, from, to store.Position) int {
	parts := s.between(from, to)
	return parts.Count(k)
}

// segmentOf returns the segment in which the position lies: the last that begins at or before it, since those before may have no events.
func (s *shape) segmentOf(p store.Position) *segment {
	low, high := 0, len(s.segments)
	for high-low > 1 {
		if middle := (low + high) / 2; s.segments[middle].header.first <= p {
			low = middle
		} else {
			high = middle
		}
	}
	return s.segments[low]
}
