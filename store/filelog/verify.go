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
// positions and stream revisions go on without gaps, seals and their digests. It changes nothing in the log, and needs the folder to itself:
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
	logDir := filepath.Join(dir, "log")
	if _, err := sys.files.List(logDir); err != nil {
		return Report{}, fmt.Errorf("there is no log: %w", err)
	}
	unlock, err := sys.lock(dir, "oxbow verify")
	if err != nil {
		return Report{}, err
	}
	v := &verifier{ctx: ctx, files: sys.files, progress: progress, revisions: map[string]uint64{}}
	err = v.run(dir)
	v.report.Streams = len(v.revisions)
	return v.report, errors.Join(err, unlock())
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
	unseen    uint64            // records that are gone, and no stream has told yet that they were its
}

func (v *verifier) run(dir string) error {
	paths, err := v.list(dir)
	if err != nil || len(paths) == 0 {
		return err
	}
	if err := v.archived(paths); err != nil {
		return err
	}
	var last *found
	for i, path := range paths {
		if last, err = v.segment(path, last, i == len(paths)-1); err != nil {
			return err
		}
	}
	v.tell(v.done)
	if last == nil || last.scan == nil {
		return nil
	}
	if last.seal != nil {
		v.damage(last.scan.damaged("the segment is sealed, and the one after it is missing"))
	}
	v.report.Closed = v.report.Torn == nil && (last.scan.last == frameMark || last.bare())
	return nil
}

// list finds the segments and adds up their bytes.
func (v *verifier) list(dir string) (paths []segmentPath, err error) {
	names, err := segmentNames(v.files, filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	paths, err = withArchived(v.files, dir, names)
	for _, p := range paths {
		size, err := v.size(p.path)
		if err != nil {
			return nil, err
		}
		v.report.Segments++
		v.report.Bytes += size
	}
	return paths, err
}

func (v *verifier) size(path string) (int64, error) {
	file, err := v.files.OpenFile(path, os.O_RDONLY)
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
	this.header = this.scan.header
	if err := v.joins(before, this, newest); err != nil {
		return nil, err
	}
	return this, v.frames(this, newest)
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
