package filelog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	if err := l.keepNames(names); err != nil {
		return err
	}
	if len(names) == 0 {
		return l.begin()
	}
	var before, last *found
	for _, name := range names {
		before = last
		if last, err = l.load(filepath.Join(l.logDir(), name), before); err != nil {
			return err
		}
		if before != nil {
			l.sealedBytes += before.scan.size
		}
	}
	return l.resume(before, last)
}

// keepNames makes sure that the names that were found survive a power cut: whoever made them may have ended before they did. The
// folders themselves are in doubt only until there is something in them.
func (l *Log) keepNames(names []string) error {
	if len(names) > 0 {
		return l.sys.files.SyncDir(l.logDir())
	}
	if err := l.sys.files.SyncDir(l.dir); err != nil {
		return err
	}
	err := l.sys.files.SyncDir(filepath.Dir(l.dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil // then somebody else made the folder for us
	}
	return err
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
	before.scan.off, before.scan.size, before.scan.synced = t.size, t.size, t.synced
	return err
}
