package filelog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
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

// found is a segment that recovery has found.
type found struct {
	*segment
	scan   *scanner
	seal   *sealed // nil when there is none
	broken error   // the damage at which scanning stopped behind the last whole frame, nil when it came to the end

	table  *index.Table // its index, when that had to be made
	places places       // the same

	gaps bool // it, or a segment before it, was compacted

	damaged bool // Verify found damage in it, and went on
}

// bare reports that nothing was ever written behind the header.
func (f *found) bare() bool { return f.scan.size == headerSize }

// onceWhole reports whether the segment was whole before it had its name, so that no crash can have left it without a seal.
func (f *found) onceWhole() bool { return f.archived || f.header.version >= compacted }

// missingSeal returns the damage of a segment that has no seal though others follow it.
func (f *found) missingSeal() error {
	if f.broken != nil {
		return f.broken
	}
	return f.scan.damaged("the segment has no seal, and another follows it")
}

// recover finds the segments and their index, makes what is missing of the index, and makes the end of the newest segment ready for
// writing.
func (l *Log) recover() error {
	names, err := l.list()
	if err != nil {
		return err
	}
	paths, err := withArchived(l.sys.files, l.dir, logFolder, names)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return l.beginLog()
	}
	all, err := l.find(paths)
	if err != nil {
		return err
	}
	if err := l.openItems(); err != nil {
		return err
	}
	if err := l.chooseRuns(all); err != nil {
		return err
	}
	var before *found
	for _, f := range all {
		if err := l.load(f, before); err != nil {
			return err
		}
		before = f
	}
	last, before := all[len(all)-1], (*found)(nil)
	if len(all) > 1 {
		before = all[len(all)-2]
	}
	if err := l.resume(before, last); err != nil {
		return err
	}
	if err := l.checkItems(all); err != nil {
		return err
	}
	return l.mapFull()
}

// mapFull maps the full segments, whose files need not stay open then.
func (l *Log) mapFull() (err error) {
	for _, s := range l.shape.segments {
		if !s.sealed {
			continue
		}
		if s.mapUp(s.size); s.memory != nil {
			err = errors.Join(err, s.file.Close())
			s.file = nil
		}
	}
	return err
}

// list returns the names of the segments, which from now on survive a power cut.
func (l *Log) list() ([]string, error) {
	if err := l.swap(); err != nil {
		return nil, err
	}
	if err := removeUnfinished(l.sys.files, l.logDir()); err != nil {
		return nil, err
	}
	names, err := segmentNames(l.sys.files, l.logDir())
	if err != nil {
		return nil, err
	}
	return names, l.keepNames(names)
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

// removeUnfinished removes files that a crash left without their final name.
func removeUnfinished(files fileSystem, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		for _, suffix := range [...]string{segmentSuffix, placesSuffix, index.Suffix} {
			if !strings.HasSuffix(name, suffix+newSuffix) {
				continue
			}
			if err := files.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginLog makes the first segment. What there is of an index and of items cannot belong to it.
func (l *Log) beginLog() error {
	h := header{created: l.sys.now().UnixNano(), first: 1, sequence: 1}
	if _, err := io.ReadFull(l.sys.random, h.store[:]); err != nil {
		return err
	}
	if err := l.forgetIndex(nil); err != nil {
		return err
	}
	if err := l.discardItems(); err != nil {
		return err
	}
	s, err := createSegment(l.sys.files, l.logDir(), h)
	if err != nil {
		return err
	}
	l.identify(h.store)
	l.begin(s)
	return l.write(s, headerSize, 0, 0, 0)
}

func (l *Log) identify(store [16]byte) { l.id, l.hasher = store, index.NewHasher(store) }

// find opens the segments and reads their ends.
func (l *Log) find(paths []segmentPath) (all []*found, err error) {
	for i, p := range paths {
		f, err := l.look(p, i == len(paths)-1)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, f)
	}
	if err := checkArchived(all); err != nil {
		return nil, errors.Join(err, closeAll(all))
	}
	l.identify(all[len(all)-1].header.store)
	l.mu.Lock()
	for _, f := range all {
		l.shape.gaps = l.shape.gaps || f.header.version >= compacted
		f.gaps = l.shape.gaps
		l.shape.segments = append(l.shape.segments, f.segment)
		f.take()
	}
	l.mu.Unlock()
	return all, nil
}

func closeAll(all []*found) (err error) {
	for _, f := range all {
		err = errors.Join(err, f.close())
	}
	return err
}

// look opens a segment and reads its header and, unless it is the newest, its seal.
func (l *Log) look(p segmentPath, newest bool) (*found, error) {
	mode := os.O_RDWR
	if p.archived {
		mode = os.O_RDONLY // perhaps the archive cannot be written
	}
	f, err := l.sys.files.OpenFile(p.path, mode)
	if err != nil {
		return nil, err
	}
	this := &found{segment: &segment{path: p.path, file: f, archived: p.archived}}
	if err := this.inspect(newest); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return this, nil
}

func (f *found) inspect(newest bool) error {
	size, err := f.file.Size()
	if err != nil {
		return err
	}
	if f.scan, err = newScanner(f.file, f.path, size); err != nil {
		return err
	}
	f.header, f.scan.unfilled = f.scan.header, true
	if newest {
		return nil
	}
	return f.readSealAtEnd()
}

// readSealAtEnd reads the seal that a full segment ends with, and takes it for the end of the scan. Without one, the segment is yet
// to be scanned.
func (f *found) readSealAtEnd() error {
	s := f.scan
	length := frameSize + entrySize + sealLength(s.header.version)
	at := s.size - int64(length)
	if at < headerSize {
		return nil
	}
	b := make([]byte, length)
	if n, err := readFull(f.file, b, at); err != nil || n < length {
		return err
	}
	fr, ok := parseFrame(b, s.header.checksum, at)
	if !ok || fr.kind != frameSeal || int(fr.body) != length-frameSize {
		return nil
	}
	e, ok := parseEntry(b[frameSize:], fr.sequence)
	if !ok || e.kind != entrySeal {
		return nil
	}
	seal, ok := decodeSeal(e.payload, s.header.version)
	if !ok || seal.last+1 < s.header.first || seal.last+1 != fr.first {
		return nil
	}
	f.seal = &seal
	s.off, s.first, s.sequence, s.synced, s.last = s.size, fr.first, fr.sequence+1, fr.synced, frameSeal
	f.finishAs(&seal)
	return nil
}

// finishAs notes that the segment is full, and ends where the scan does.
func (f *found) finishAs(seal *sealed) { f.finish(f.scan.size, f.scan.first-1, f.scan.sequence, seal) }

// load checks that a segment follows the one before, and takes in what of it is not in index and items yet.
func (l *Log) load(f, before *found) error {
	if before != nil && before.seal == nil {
		if err := l.finishSeal(before, f); err != nil {
			return err
		}
	}
	if before != nil {
		if err := l.keepIndex(before); err != nil {
			return err
		}
	}
	if err := f.follows(before); err != nil {
		return err
	}
	lacks, err := l.lacks(f)
	if err != nil || !lacks.any() && !l.lacksItems(f) {
		return err
	}
	f.seal, f.sealed = nil, false // it is read again, and may turn out not to be on the disk
	f.scan.rewind()
	return l.replay(f, lacks)
}

// keepIndex writes what a full segment lacked of its index.
func (l *Log) keepIndex(f *found) error {
	if f.placed.Load() == nil {
		f.setPlaces(f.places)
		if err := l.writePlaces(f.segment); err != nil {
			return err
		}
		f.places = places{}
	}
	if f.table == nil {
		return nil
	}
	r, err := l.writeRun(f.segment, f.table)
	if err != nil {
		return err
	}
	r.take()
	l.mu.Lock()
	l.shape.runs, l.shape.tables = append(l.shape.runs, r), nil
	slices.SortFunc(l.shape.runs, func(a, b *run) int { return cmp.Compare(a.First, b.First) })
	l.mu.Unlock()
	f.table = nil
	return nil
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
	case h.previous != before.seal.chain:
		return wrong("it does not continue the segment before it, which has another digest")
	}
	return nil
}

// finishSeal completes what a crash interrupted between the creation of a segment and the seal of the one before. The digest in
// the new one's header proves that nothing but the seal is missing.
func (l *Log) finishSeal(before, next *found) error {
	if !next.bare() || before.onceWhole() {
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
	before.seal = sealOf(next.header.previous)
	err = t.seal(before.scan.sequence-1, before.scan.first, next.header.previous)
	before.scan.off, before.scan.size, before.scan.synced = t.size, t.size, t.synced
	before.finishAs(before.seal)
	return err
}
