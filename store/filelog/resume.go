package filelog

import "errors"

// resume makes the end of the newest segment ready for writing.
func (l *Log) resume(last *found) error {
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
		l.recovery = Recovery{File: last.path, Offset: s.off, Bytes: s.size - s.off}
	}
	if s.last == frameMark && last.broken == nil || last.bare() {
		return l.write(last.segment, s.off, s.last)
	}
	l.recovery.Unclean = true
	if err := settle(last.file, s); err != nil {
		return err
	}
	if err := l.write(last.segment, s.off, 0); err != nil {
		return err
	}
	return l.sequencer.tail.mark(s.sequence-1, s.first)
}

// settle cuts off what is behind the last whole frame, and makes sure that all before it is on the disk. Bytes that no frame calls
// synced are written again: after a sync that failed, the system may hold them for clean though they never reached the disk.
func settle(f file, s *scanner) error {
	if err := cut(f, s.off); err != nil {
		return err
	}
	for s.synced < s.off {
		b, err := s.window.at(s.synced, int(min(s.off-s.synced, maxAhead)))
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(b, s.synced); err != nil {
			return err
		}
		s.synced += int64(len(b))
	}
	return f.Sync()
}

func cut(f file, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// write makes the segment the one that the sequencer appends to.
func (l *Log) write(s *segment, size int64, last frameKind) error {
	t, err := newTail(s, size)
	if err != nil {
		return err
	}
	t.last = last
	l.sequencer = sequencer{log: l, tail: t, staged: map[itemID]uint64{}}
	l.show(size)
	return nil
}
