package filelog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// TrimReport is what Trim did.
type TrimReport struct {
	Segments int            `json:"segments"` // that were moved
	Bytes    int64          `json:"bytes"`    // of them
	Before   store.Position `json:"before"`   // all that is before this position is in the archive now, or was
	Archive  string         `json:"archive"`  // the folder
}

// Trim moves the full segments of which every record stands before the position to a folder, the archive, which may lie on another disk,
// and is made if need be. Nothing else changes: what is in them is read as before, from where it now is, also after the log was
// opened again. The index stays, so that only reading needs the archive; but without it the log cannot be opened.
//
// The archive's path is noted in the file ARCHIVE of the folder before anything is moved; one that is not absolute is noted as seen from
// the folder. There is one archive for a log, as long as it lives: another is refused. Several logs need one each.
//
// A segment is copied (or linked, on one disk), checked and on the disk before it is removed from the folder; one that a crash left in both
// places is read from the folder. Writers and readers go on. An error, or ctx, ends it between segments. Another maintenance is
// waited for.
func (l *Log) Trim(ctx context.Context, before store.Position, archive string) (TrimReport, error) {
	report, err := l.trim(ctx, before, archive)
	if err == nil {
		err = l.stopped()
	}
	if err != nil {
		return report, fmt.Errorf("trim %s: %w", l.dir, err)
	}
	return report, nil
}

func (l *Log) trim(ctx context.Context, before store.Position, archive string) (report TrimReport, err error) {
	if archive == "" || strings.ContainsAny(archive, "\n\r\x00") || len(archive) > 4096 {
		return report, event.Invalid("archive", "is %.100q; name a folder", archive)
	}
	done, err := l.tend(ctx)
	if err != nil {
		return report, err
	}
	defer done()
	all, err := l.fullSegments(ctx)
	if err != nil {
		return report, err
	}
	report.Before = 1
	for _, sequence := range all {
		if err := l.usable(ctx); err != nil {
			return report, err
		}
		s, due := l.trimmable(sequence, before)
		if !due {
			break // in order, so that the archive has all that is older than what is in the folder
		}
		if s.archived {
			if err := l.removeMoved(s); err != nil {
				return report, err
			}
		} else {
			if report.Archive, err = l.useArchive(archive); err != nil {
				return report, err
			}
			if err := l.moveToArchive(s, report.Archive); err != nil {
				return report, err
			}
			report.Segments++
			report.Bytes += s.size
		}
		report.Before = s.end + 1
	}
	if report.Archive == "" { // there was nothing to move
		report.Archive, err = l.useArchive(archive)
	}
	return report, err
}

// trimmable returns a full segment, and whether it may be moved.
func (l *Log) trimmable(sequence uint64, before store.Position) (s *segment, due bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, s = l.shape.find(sequence)
	return s, s.end < before && l.shape.runOf(s) != nil
}

// useArchive makes the archive the one of this log, unless it is so already, and returns its path.
func (l *Log) useArchive(archive string) (string, error) {
	noted, err := archiveOf(l.sys.files, l.dir)
	if err != nil {
		return "", err
	}
	same, err := samePath(noted, archive)
	if err != nil {
		return "", err
	}
	if noted != "" {
		if !same {
			return "", event.Invalid("archive", "is %q, and this log has its archive in %q already; there is one for a log", archive, filepath.ToSlash(noted))
		}
		return noted, l.keepArchive(noted)
	}
	for _, own := range [...]string{l.dir, l.logDir(), l.indexDir(), l.itemsDir()} {
		if inside, err := samePath(own, archive); err != nil || inside {
			return "", errors.Join(err, event.Invalid("archive", "is %q, which is the log's own", archive))
		}
	}
	if err := disk.MakeDir(l.sys.files, archive); err != nil {
		return "", err
	}
	from, err := seenFrom(l.dir, archive)
	if err != nil {
		return "", err
	}
	if err := writeArchive(l.sys.files, l.dir, from); err != nil {
		return "", err
	}
	if noted, err = archiveOf(l.sys.files, l.dir); err != nil {
		return "", err
	}
	return noted, l.keepArchive(noted)
}

// keepArchive makes sure that the names of the archive and of the file that notes it survive a power cut: whoever made them may have ended
// before they did.
func (l *Log) keepArchive(archive string) error {
	if err := l.sys.files.SyncDir(l.dir); err != nil {
		return err
	}
	err := l.sys.files.SyncDir(filepath.Dir(archive))
	if errors.Is(err, fs.ErrPermission) {
		return nil // then somebody else made the folder for us
	}
	return err
}

func samePath(a, b string) (bool, error) {
	if a == "" {
		return false, nil
	}
	a, err1 := filepath.Abs(a)
	b, err2 := filepath.Abs(b)
	return a == b, errors.Join(err1, err2)
}

// seenFrom returns a path as it is seen from a folder; an absolute one stays.
func seenFrom(dir, path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err1 := filepath.Abs(dir)
	path, err2 := filepath.Abs(path)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	return filepath.Rel(dir, path)
}

// moveToArchive moves one segment, so that it is whole in one of the places at any time.
func (l *Log) moveToArchive(s *segment, archive string) error {
	files, to := l.sys.files, filepath.Join(archive, filepath.Base(s.path))
	names, err := files.List(archive)
	if err != nil {
		return err
	}
	if slices.Contains(names, filepath.Base(to)) {
		if err := l.removeCopy(s, to); err != nil {
			return err
		}
	}
	if err := l.copySegment(s, to); err != nil {
		return err
	}
	if err := files.SyncDir(archive); err != nil {
		return err
	}
	moved := &segment{path: to, header: s.header, archived: true}
	moved.finish(s.size, s.end, s.next, &sealed{digest: s.digest, chain: s.chain})
	if err := l.openFull(moved); err != nil {
		return err
	}
	mapped, err := l.samePlaces(moved, s.places())
	if err != nil {
		return errors.Join(err, moved.close())
	}
	moved.setPlaces(mapped)
	l.replace(moved, false)
	if err := files.Remove(s.path); err != nil {
		return err
	}
	return files.SyncDir(l.logDir())
}

// samePlaces opens the places of a segment, which are those in memory, and writes them again when a compaction that failed has left others.
func (l *Log) samePlaces(s *segment, in placer) (*placesFile, error) {
	mapped, err := openPlaces(l.sys.files, l.indexDir(), s)
	if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
		return mapped, err
	}
	var held places
	for i := range uint64(s.end + 1 - s.header.first) {
		at, err := in.at(i)
		if err != nil {
			return nil, err
		}
		held.add(at)
	}
	if err := writePlaces(l.sys.files, l.indexDir(), s, &held); err != nil {
		return nil, err
	}
	return openPlaces(l.sys.files, l.indexDir(), s)
}

// removeMoved removes a segment that is in the archive from the folder, should that have failed before.
func (l *Log) removeMoved(s *segment) error {
	names, err := l.sys.files.List(l.logDir())
	if err != nil || !slices.Contains(names, filepath.Base(s.path)) {
		return err
	}
	if err := l.sys.files.Remove(filepath.Join(l.logDir(), filepath.Base(s.path))); err != nil {
		return err
	}
	return l.sys.files.SyncDir(l.logDir())
}

// removeCopy removes what an interrupted move has left in the archive, and refuses to touch what belongs to another log.
func (l *Log) removeCopy(s *segment, path string) error {
	f, err := l.sys.files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	b := make([]byte, headerSize)
	_, err = readFull(f, b, 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if h, err := parseHeader(path, b); err == nil && h.store != s.header.store {
		return event.Invalid("archive", "has %s of another log in it; each needs an archive of its own", filepath.ToSlash(path))
	}
	return l.sys.files.Remove(path)
}

// copySegment gives the archive a segment that is whole and on the disk.
func (l *Log) copySegment(s *segment, to string) error {
	linker, ok := l.sys.files.(disk.Linker)
	if !ok {
		return l.copyWhole(s, to)
	}
	unlinked := linker.Link(s.path, to)
	if unlinked == nil {
		return l.checkCopy(s, to)
	}
	if err := l.copyWhole(s, to); err != nil { // it may have been another disk, or something worse
		return errors.Join(unlinked, err)
	}
	return nil
}

func (l *Log) copyWhole(s *segment, to string) error {
	part := to + newSuffix
	if err := l.removeLeft(part); err != nil {
		return err
	}
	if err := disk.Copy(l.sys.files, s.path, part, s.size, func(int64) error { return nil }); err != nil {
		return err
	}
	if err := l.checkCopy(s, part); err != nil {
		return err
	}
	return l.sys.files.Rename(part, to)
}

// checkCopy reads a copy of a full segment and checks that it is what was sealed; one that is not is removed.
func (l *Log) checkCopy(s *segment, path string) error {
	f, err := l.sys.files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	err = s.matches(f, path)
	if err = errors.Join(err, f.Close()); err == nil {
		return nil
	}
	if gone := l.sys.files.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// matches returns the damage of a file that should be the full segment.
func (s *segment) matches(f file, path string) error {
	this := &found{segment: &segment{path: path, file: f}}
	if err := this.inspect(false); err != nil {
		return err
	}
	wrong := &DamageError{File: s.path, Position: s.header.first, Reason: "the digest in the seal is not that of the segment"}
	if this.seal == nil || this.size != s.size || this.digest != s.digest || this.chain != s.chain {
		return wrong
	}
	h, err := hashFile(f, s.sealAt())
	if err == nil && digest(h.Sum(nil)) != s.digest {
		return wrong
	}
	return err
}
