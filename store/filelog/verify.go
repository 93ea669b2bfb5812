package filelog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store"
)

// Verify reads the whole log in the folder and checks everything in it: headers, frames, every record and item, that commits,
// positions and stream revisions go on without gaps, seals and their digests; then that the index belongs to the log and is what was
// written, and that the items can be read and have nothing that the log has not. It changes nothing, and needs the folder to itself:
// while a process holds it the error answers to store.ErrInUse. progress, which may be nil, is called now and then with the
// bytes done and in all.
//
// Damage is in the report, not in the error.
func Verify(ctx context.Context, dir string, progress func(done, total int64)) (Report, error) {
	report, err := verify(ctx, dir, progress, realSystem())
	if err != nil {
		return report, fmt.Errorf("verify %s: %w", dir, err)
	}
	return report, nil
}

func verify(ctx context.Context, dir string, progress func(done, total int64), sys system) (Report, error) {
	unlock, err := lockLog(dir, "oxbow verify", sys)
	if err != nil {
		return Report{}, err
	}
	report, err := verifyHeld(ctx, dir, logFolder, progress, sys)
	return report, errors.Join(err, unlock())
}

// lockLog takes the lock of a folder that has a log.
func lockLog(dir, holder string, sys system) (unlock func() error, err error) {
	if err := unfinished(sys.files, dir); err != nil {
		return nil, err
	}
	if _, err := sys.files.List(filepath.Join(dir, logFolder)); err != nil {
		return nil, fmt.Errorf("there is no log: %w", err)
	}
	return sys.lock(dir, holder)
}

// verifyHeld verifies a folder whose lock the caller has. Its segments are in logFolder.
func verifyHeld(ctx context.Context, dir, logFolder string, progress func(done, total int64), sys system) (Report, error) {
	v := &verifier{
		ctx: ctx, files: sys.files, indexDir: filepath.Join(dir, indexFolder), progress: progress, revisions: map[string]uint64{},
		placed: map[uint64]bool{},
	}
	sequence, err := v.run(dir, logFolder)
	if err == nil {
		err = v.runs()
	}
	if err == nil {
		err = v.items(filepath.Join(dir, itemsFolder), sys, sequence)
	}
	v.report.Streams = len(v.revisions)
	return v.report, err
}

// verifier goes through the segments and, unlike recovery, goes on behind damage.
type verifier struct {
	ctx       context.Context
	files     fileSystem
	progress  func(done, total int64)
	done      int64 // bytes of the segments before this one
	told      int64 // of what progress was told last
	report    Report
	revisions map[string]uint64 // newest of each stream
	lost      bool              // there was damage, so that streams may have gaps

	indexDir string
	store    [16]byte
	segments []*found        // that could be read
	places   places          // of the records of this segment
	placed   map[uint64]bool // full segments by their sequences that have a file of places
	unseen   uint64          // records that are gone, and no stream has told yet that they were its
}

// run checks the segments, and returns the sequence of the last commit.
func (v *verifier) run(dir, logFolder string) (sequence uint64, err error) {
	paths, err := v.list(dir, logFolder)
	if err != nil || len(paths) == 0 {
		return 0, err
	}
	if err := v.archived(paths); err != nil {
		return 0, err
	}
	var last *found
	for i, path := range paths {
		if last, err = v.segment(path, last, i == len(paths)-1); err != nil {
			return 0, err
		}
	}
	v.tell(v.done)
	if last == nil || last.scan == nil {
		return 0, nil
	}
	if last.seal != nil {
		v.damage(last.scan.damaged("the segment is sealed, and the one after it is missing"))
	}
	v.report.Closed = v.report.Torn == nil && (last.scan.last == frameMark || last.bare())
	return last.scan.sequence - 1, nil
}

// list finds the segments and adds up their bytes.
func (v *verifier) list(dir, logFolder string) (paths []segmentPath, err error) {
	names, err := segmentNames(v.files, filepath.Join(dir, logFolder))
	if err != nil {
		return nil, err
	}
	paths, err = withArchived(v.files, dir, logFolder, names)
	for _, p := range paths {
		size, err := fileSize(v.files, p.path)
		if err != nil {
			return nil, err
		}
		v.report.Segments++
		v.report.Bytes += size
	}
	return paths, err
}

func fileSize(files fileSystem, path string) (int64, error) {
	file, err := files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.Size()
}

// archived checks that the archived segments are the ones that belong. What cannot be read yet is left to the reading of everything.
func (v *verifier) archived(paths []segmentPath) (err error) {
	if !paths[0].archived {
		return nil
	}
	var all []*found
	defer func() { err = errors.Join(err, closeAll(all)) }()
	for i, p := range paths {
		file, err := v.files.OpenFile(p.path, os.O_RDONLY)
		if err != nil {
			return err
		}
		f := &found{segment: &segment{path: p.path, file: file, archived: p.archived}}
		all = append(all, f)
		if err := f.inspect(i == len(paths)-1); errors.Is(err, store.ErrDamaged) {
			return nil
		} else if err != nil {
			return err
		}
	}
	err = checkArchived(all)
	if errors.Is(err, store.ErrDamaged) {
		v.damage(err)
		return nil
	}
	return err
}

// tell reports progress, not for every frame.
func (v *verifier) tell(done int64) {
	const step = 1 << 20
	if v.progress == nil || done-v.told < step && done < v.report.Bytes {
		return
	}
	v.told = done
	v.progress(done, v.report.Bytes)
}

func (v *verifier) damage(err error) {
	v.report.add(err)
	v.lost = true
}

// segment checks one file. Errors are those of reading; damage goes into the report.
func (v *verifier) segment(p segmentPath, before *found, newest bool) (*found, error) {
	path := p.path
	file, err := v.files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	defer func() { v.done += size }()
	this := &found{segment: &segment{path: path, file: file, archived: p.archived}}
	if this.scan, err = newScanner(file, path, size); errors.Is(err, store.ErrDamaged) {
		v.damage(err)
		this.damaged = true
		return this, nil
	}
	if err != nil {
		return nil, err
	}
	this.scan.unfilled = true
	this.header, v.store, v.places = this.scan.header, this.scan.header.store, places{}
	if err := v.joins(before, this, newest); err != nil {
		return nil, err
	}
	if err := v.frames(this, newest); err != nil {
		return nil, err
	}
	if this.seal == nil || this.damaged {
		v.segments = append(v.segments, &found{segment: this.segment})
		return this, nil
	}
	return this, v.full(this)
}

// joins checks how the segment continues the one before.
func (v *verifier) joins(before, this *found, newest bool) error {
	if before != nil && before.seal == nil && before.damaged {
		return nil // what should come next is not known
	}
	if before != nil && before.seal == nil {
		whole, err := v.lacksOnlyItsSeal(before, this, newest)
		if err != nil {
			return err
		}
		if !whole {
			v.damage(before.missingSeal())
			return nil
		}
		before.seal = sealOf(this.header.previous)
	}
	if err := this.follows(before); err != nil {
		v.damage(err)
	}
	return nil
}

// lacksOnlyItsSeal reports whether a crash, and nothing else, explains that the segment has no seal.
func (v *verifier) lacksOnlyItsSeal(before, next *found, newest bool) (bool, error) {
	if !newest || !next.bare() || before.onceWhole() {
		return false, nil
	}
	file, err := v.files.OpenFile(before.path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer file.Close()
	h, err := hashFile(file, before.scan.off)
	return digest(h.Sum(nil)) == next.header.previous, err
}
