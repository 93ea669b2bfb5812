package filelog

import (
	"errors"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/store"
)

// resume makes the end of the newest segment ready for writing. before is the segment before it, nil when there is none.
func (l *Log) resume(before, last *found) error {
	s := last.scan
	if last.seal != nil {
		return &DamageError{
			File: last.path, Offset: s.off, Position: s.first,
			Reason: "the segment is sealed, and the one after it is missing",
		}
	}
	if last.broken != nil {
		if acknowledged, err := s.acknowledged(); err != nil || acknowledged {
			return errors.Join(err, last.broken)
		}
		end, err := s.writtenFrom(s.off)
		if err != nil {
			return err
		}
		l.recovery = Recovery{File: last.path, Offset: s.off, Bytes: end - s.off}
	}
	bare := last.bare()
	if bare && before != nil && !before.onceWhole() {
		if err := settle(before); err != nil {
			return err
		}
	}
	if err := settle(last); err != nil {
		return err
	}
	if s.last == frameMark && last.broken == nil || bare {
		return l.writeAfter(last, s.last)
	}
	l.recovery.Unclean = true
	if err := l.writeAfter(last, 0); err != nil {
		return err
	}
	return l.sequencer.tail.mark(s.sequence-1, s.first)
}

// writeAfter makes the newest segment the one that the sequencer appends to.
func (l *Log) writeAfter(last *found, kind frameKind) error {
	s := last.scan
	last.mapUp(l.cfg.SegmentBytes + maxBatch)
	l.mu.Lock()
	l.places = last.places
	l.mu.Unlock()
	return l.write(last.segment, s.off, kind, s.first-1, s.sequence-1)
}

// settle cuts off what is behind the last whole frame, and makes sure that all before it is on the disk. Bytes that no frame calls
// synced are written again: after a sync that failed, the system may hold them for clean though they never reached the disk.
func settle(f *found) error {
	s, from := f.scan, f.scan.synced
	if s.off < s.size {
		if err := cut(f.file, s.off); err != nil {
			return err
		}
		s.size = s.off
	}
	for at := from; at < s.off; {
		b, err := s.window.at(at, int(min(s.off-at, maxAhead)))
		if err != nil {
			return err
		}
		if _, err := f.file.WriteAt(b, at); err != nil {
			return err
		}
		at += int64(len(b))
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	return f.unchanged(from)
}

// unchanged checks that what was written again is what was taken in: the system may have forgotten it in between.
func (f *found) unchanged(from int64) error {
	if from == f.scan.off {
		return nil
	}
	again, err := newScanner(f.file, f.path, f.scan.off)
	if err != nil {
		return err
	}
	if err = again.jump(from); err != nil {
		return err
	}
	for err == nil {
		_, err = again.next()
	}
	if errors.Is(err, store.ErrDamaged) {
		return fmt.Errorf("%w: %s no longer holds what an earlier sync could not write; open the folder again", store.ErrFailed, f.path)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func cut(f file, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// write makes the segment the one that the sequencer appends to.
func (l *Log) write(s *segment, size int64, last frameKind, head store.Position, sequence uint64) error {
	t, err := newTail(s, size)
	if err != nil {
		return err
	}
	t.last = last
	tables := l.shape.tables
	l.sequencer = sequencer{
		log: l, tail: t, head: head, sequence: sequence, table: tables[len(tables)-1], staged: map[itemID]uint64{},
		metas: map[string]store.StreamMeta{},
	}
	l.sequencer.keepUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.show(&l.sequencer)
	return nil
}
