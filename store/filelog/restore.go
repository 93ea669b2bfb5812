package filelog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// Restore verifies a backup, copies all of it into dir, which must be empty or not exist, and verifies the copy, whose report it returns.
// The backup is only read, must not be open, and shares no bytes with the copy. Any log that is not open will do for a backup.
//
// A backup with damage is not restored: the report then tells where, and the error answers to store.ErrDamaged. Damage of its index
// alone is no obstacle, since the index is made again when the copy is opened. Segments in an archive are copied with the others: the copy
// needs none. When Restore is interrupted, nothing that could be taken for a log is left; an error, the end of ctx included, leaves nothing
// at all. progress, which may be nil, is called now and then with the bytes done and in all.
func Restore(ctx context.Context, backup, dir string, progress func(done, total int64)) (Report, error) {
	report, err := restore(ctx, backup, dir, progress, realSystem())
	if err != nil {
		return report, fmt.Errorf("restore %s to %s: %w", backup, dir, err)
	}
	return report, nil
}

func restore(ctx context.Context, backup, dir string, progress func(done, total int64), sys system) (Report, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	unlock, err := lockLog(backup, "oxbow restore", sys)
	if err != nil {
		return Report{}, err
	}
	r := &restorer{ctx: ctx, sys: sys, backup: backup, progress: progress}
	report, err := r.run(dir)
	return report, errors.Join(err, unlock())
}

// restorer goes through the bytes of a backup three times: to verify, to copy, and to verify the copy.
type restorer struct {
	ctx      context.Context
	sys      system
	backup   string
	progress func(done, total int64)
	bytes    int64 // of the log
	done     int64 // that were copied
}

func (r *restorer) run(dir string) (Report, error) {
	report, err := verifyHeld(r.ctx, r.backup, logFolder, func(done, total int64) { r.progress(done, 3*total) }, r.sys)
	if err != nil {
		return report, err
	}
	if err := report.logErr(); err != nil {
		return report, fmt.Errorf("the backup is not whole: %w", err)
	}
	r.bytes = report.Bytes
	c := &folderCopy{sys: r.sys, dir: dir, goOn: r.copied}
	if err := c.begin("oxbow restore"); err != nil {
		return Report{}, err
	}
	err = r.copy(c, &report)
	if err == nil {
		report, err = verifyHeld(r.ctx, dir, logFolder+partialSuffix, func(done, total int64) { r.progress(2*total+done, 3*total) }, r.sys)
	}
	if err == nil {
		err = report.Err()
	}
	return report, c.end(err)
}

func (r *restorer) copied(bytes int64) error {
	r.done += bytes
	if bytes > 0 {
		r.progress(r.bytes+min(r.done, r.bytes), 3*r.bytes)
	}
	return r.ctx.Err()
}

func (r *restorer) copy(c *folderCopy, report *Report) error {
	if err := r.copySegments(c); err != nil {
		return err
	}
	from := filepath.Join(r.backup, indexFolder)
	if r.sys.files.IsDir(from) && !report.damagedUnder(from) {
		if err := r.copyIndex(c, from); err != nil {
			return err
		}
	}
	return r.copyItems(c, report)
}

// copySegments copies those in an archive too: the copy has none.
func (r *restorer) copySegments(c *folderCopy) error {
	names, err := segmentNames(r.sys.files, filepath.Join(r.backup, logFolder))
	if err != nil {
		return err
	}
	paths, err := withArchived(r.sys.files, r.backup, logFolder, names)
	if err != nil {
		return err
	}
	for _, p := range paths {
		if err := r.copyFile(c, p.path, c.logDir()); err != nil {
			return err
		}
	}
	return nil
}

func (r *restorer) copyIndex(c *folderCopy, from string) error {
	names, err := r.sys.files.List(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, index.Suffix) && !strings.HasSuffix(name, placesSuffix) {
			continue
		}
		if err := r.copyFile(c, filepath.Join(from, name), c.indexDir()); err != nil {
			return err
		}
	}
	return nil
}

func (r *restorer) copyFile(c *folderCopy, from, to string) error {
	size, err := fileSize(r.sys.files, from)
	if err != nil {
		return err
	}
	return c.file(from, to, size)
}

func (r *restorer) copyItems(c *folderCopy, report *Report) error {
	from := filepath.Join(r.backup, itemsFolder)
	if report.damagedUnder(from) {
		return nil
	}
	there, err := items.Exists(r.sys.items, from)
	if err != nil || !there {
		return err
	}
	return c.items(from)
}
