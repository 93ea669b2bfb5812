package filelog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// Recovery is what opening had to mend after the log was not closed in order.
type Recovery struct {
	Unclean bool   // the log was not closed: the process was killed, or the power went
	File    string // the segment whose tail was cut off; empty when all was whole
	Offset  int64  // where it was cut
	Bytes   int64  // how much was cut: of commits that were never acknowledged
}

// Recovery returns what opening had to mend.
func (l *Log) Recovery() Recovery { return l.recovery }

// found is a segment that recovery has gone through.
type found struct {
	*segment
	scan   *scanner
	seal   *sealed // nil when there is none
	broken error   // the damage at which scanning stopped behind the last whole frame, nil when it came to the end

	damaged bool // Verify found damage in it, and went on
}

// bare reports that nothing was ever written behind the header.
func (f *found) bare() bool { return f.scan.size == headerSize }

// missingSeal returns the damage of a segment that has no seal though others follow it.
func (f *found) missingSeal() error {
	if f.broken != nil {
		return f.broken
	}
	return f.scan.damaged("the segment has no seal, and another follows it")
}

// recover reads all segments, fills the index, and makes the end of the newest one ready for writing.
func (l *Log) recover() error {
	if err := removeUnfinished(l.sys.files, l.logDir()); err != nil {
		return err
	}
	names, err := segmentNames(l.sys.files, l.logDir())
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return l.begin()
	}
	var last *found
	for _, name := range names {
		before := last
		if last, err = l.load(filepath.Join(l.logDir(), name), before); err != nil {
			return err
		}
		if before != nil {
			l.sealedBytes += before.scan.size
		}
	}
	return l.resume(last)
}

// removeUnfinished removes segments that a crash left without their final name.
func removeUnfinished(files fileSystem, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, newSuffix) {
			if err := files.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin makes the first segment.
func (l *Log) begin() error {
	h := header{created: l.sys.now().UnixNano(), first: 1, sequence: 1}
	if _, err := io.ReadFull(l.sys.random, h.store[:]); err != nil {
		return err
	}
	s, err := createSegment(l.sys.files, l.logDir(), h)
	if err != nil {
		return err
	}
	l.segments = append(l.segments, s)
	return l.write(s, headerSize, 0)
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

// load opens a segment, checks that it follows the one before, and takes in what it holds.
func (l *Log) load(path string, before *found) (*found, error) {
	f, err := l.sys.files.OpenFile(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	this := &found{segment: &segment{path: path, file: f}}
	l.segments = append(l.segments, this.segment)
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if this.scan, err = newScanner(f, path, size); err != nil {
		return nil, err
	}
	this.header = this.scan.header
	if before != nil && before.seal == nil {
		if err := l.finishSeal(before, this); err != nil {
			return nil, err
		}
	}
	if err := this.follows(before); err != nil {
		return nil, err
	}
	return this, l.replay(this)
}

// follows returns the damage that shows in the header of a segment.
func (f *found) follows(before *found) error {
	h := &f.header
	wrong := func(format string, args ...any) error {
		return &DamageError{File: f.path, Position: h.first, Reason: fmt.Sprintf(format, args...)}
	}
	if name := segmentName(h.sequence); filepath.Base(f.path) != name {
		return wrong("it was written as %s", name)
	}
	if before == nil {
		if h.sequence != 1 || h.first != 1 {
			return wrong("it begins with commit %d; the segments before it are missing", h.sequence)
		}
		return nil
	}
	switch {
	case h.store != before.header.store:
		return wrong("it belongs to another store")
	case h.sequence != before.scan.sequence || h.first != before.scan.first:
		return wrong("it begins with commit %d where %d should be; a segment is missing", h.sequence, before.scan.sequence)
	case h.previous != before.seal.digest:
		return wrong("it does not continue the segment before it, which has another digest")
	}
	return nil
}

// replay takes in what the segment holds, up to the end or to a frame that is not whole.
func (l *Log) replay(f *found) error {
	number := uint32(len(l.segments) - 1)
	for {
		fr, err := f.scan.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if f.seal != nil {
			return f.scan.damaged("there is something behind the seal")
		}
		if errors.Is(err, store.ErrDamaged) {
			f.broken = err
			return nil
		}
		if err != nil {
			return err
		}
		switch fr.kind {
		case frameCommit:
			err = l.replayCommit(f.scan, &fr, number)
		case frameSeal:
			f.seal, err = readSeal(f.scan)
		}
		if err != nil {
			return err
		}
	}
}

func readSeal(s *scanner) (*sealed, error) {
	seal, ok := decodeSeal(s.entries[0].payload)
	if !ok {
		return nil, s.damaged("the seal cannot be read")
	}
	return &seal, nil
}

func (l *Log) replayCommit(s *scanner, f *frame, segment uint32) error {
	l.index.beginCommit(int(f.events), int(f.items))
	for i := range s.entries {
		e := &s.entries[i]
		if err := l.replayEntry(e, segment); err != nil {
			return &DamageError{File: s.name, Offset: e.offset, Position: l.index.head + 1, Reason: err.Error()}
		}
	}
	return nil
}

func (l *Log) replayEntry(e *placed, segment uint32) error {
	if e.kind == entryItem {
		w, err := decodeItem(e.payload)
		if err == nil {
			l.items.write(w, l.index.sequence)
		}
		return err
	}
	r, err := decodeRecord(e.payload, false)
	if err != nil {
		return err
	}
	k := known{id: r.ID, stream: r.Stream, kind: r.Type, correlation: r.CorrelationID, tags: r.Tags}
	at := place{segment: segment, offset: uint32(e.offset), length: uint32(e.length)}
	if revision := l.index.add(&k, at); revision != r.Revision {
		return fmt.Errorf("stream %q goes on with revision %d where %d should be", r.Stream, r.Revision, revision)
	}
	return nil
}

// finishSeal completes what a crash interrupted between the creation of a segment and the seal of the one before. The digest in
// the new one's header proves that nothing but the seal is missing.
func (l *Log) finishSeal(before, next *found) error {
	if !next.bare() {
		return before.missingSeal()
	}
	t, err := newTail(before.segment, before.scan.off)
	if err != nil {
		return err
	}
	if t.digest() != next.header.previous {
		return before.missingSeal()
	}
	if err := cut(before.file, t.size); err != nil {
		return err
	}
	l.recovery.Unclean = true
	before.seal = &sealed{digest: next.header.previous}
	err = t.seal(before.scan.sequence-1, before.scan.first, next.header.previous)
	before.scan.size = t.size
	return err
}

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

var (
	_ store.Driver       = (*Log)(nil)
	_ store.StreamLister = (*Log)(nil)
	_ store.Statistician = (*Log)(nil)
)
