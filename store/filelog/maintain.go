package filelog

import (
	"context"
	"os"
)

// fullSegments returns the sequences of the segments that are full now, once their index is in files.
func (l *Log) fullSegments(ctx context.Context) (all []uint64, err error) {
	l.mu.RLock()
	for _, s := range l.shape.segments[:len(l.shape.segments)-1] {
		all = append(all, s.header.sequence)
	}
	l.mu.RUnlock()
	for _, sequence := range all {
		if err := l.indexer.wait(ctx, sequence); err != nil {
			return nil, err
		}
	}
	return all, l.stopped()
}

// find returns the segment that begins with a commit.
func (s *shape) find(sequence uint64) (i int, found *segment) {
	for i, found = range s.segments {
		if found.header.sequence == sequence {
			break
		}
	}
	return i, found
}

// runOf returns the run that has a full segment, nil when there is none.
func (s *shape) runOf(full *segment) *run {
	for _, r := range s.runs {
		if r.First <= full.header.sequence && full.next <= r.Next {
			return r
		}
	}
	return nil
}

// replace puts a segment, of which the caller knows nobody else changes it, in the place of one that begins with the same commit.
func (l *Log) replace(s *segment, gaps bool) {
	l.mu.Lock()
	next := l.shape.clone()
	next.segments = append([]*segment(nil), next.segments...)
	i, _ := next.find(s.header.sequence)
	next.segments[i], next.gaps = s, next.gaps || gaps
	old := l.reshape(next)
	l.mu.Unlock()
	l.release(old)
	l.queue.look() // so that the sequencer lets go of the old one too
}

// openFull opens a full segment, of which the header and the end are known, from a path.
func (l *Log) openFull(s *segment) (err error) {
	if s.file, err = l.sys.files.OpenFile(s.path, os.O_RDONLY); err != nil {
		return err
	}
	if s.mapUp(s.size); s.memory != nil {
		err, s.file = s.file.Close(), nil
	}
	return err
}
