package filelog

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// partialSuffix is the end of the name that the segments of a copy have until all of it is on the disk. Giving them their name is the
// last step, so a copy that was interrupted has no log.
const partialSuffix = ".partial"

// folderCopy is a copy of a log in the making.
type folderCopy struct {
	sys  system
	dir  string
	link bool                    // files that never change may have two names
	goOn func(bytes int64) error // is told what was done, and asked whether to go on

	made   bool // the folder was not there before
	unlock func() error
	linked int64
	copied int64
}

func (c *folderCopy) logDir() string   { return filepath.Join(c.dir, logFolder+partialSuffix) }
func (c *folderCopy) indexDir() string { return filepath.Join(c.dir, indexFolder) }
func (c *folderCopy) itemsDir() string { return filepath.Join(c.dir, itemsFolder) }

// begin makes the folder, or takes it when it is empty.
func (c *folderCopy) begin(holder string) (err error) {
	if c.made = !c.sys.files.IsDir(c.dir); c.made {
		err = disk.MakeDir(c.sys.files, c.dir)
	} else {
		err = mustBeEmpty(c.sys.files, c.dir)
	}
	if err != nil {
		return err
	}
	if c.unlock, err = c.sys.lock(c.dir, holder); err != nil {
		return err
	}
	for _, dir := range []string{c.logDir(), c.indexDir()} {
		if err = disk.MakeDir(c.sys.files, dir); err != nil {
			return c.end(err)
		}
	}
	return nil
}

func mustBeEmpty(files fileSystem, dir string) error {
	names, err := files.List(dir)
	if err != nil || len(names) == 0 {
		return err
	}
	if err := unfinished(files, dir); err != nil {
		return err
	}
	return event.Invalid("folder", "%s is not empty; pass one that is, or that does not exist", dir)
}

// unfinished returns the error of a folder that has a copy in it which was interrupted, nil when it has none.
func unfinished(files fileSystem, dir string) error {
	if !files.IsDir(filepath.Join(dir, logFolder+partialSuffix)) {
		return nil
	}
	return event.Invalid("folder", "%s has a backup or restore in it that was interrupted; remove what is in it and begin again", dir)
}

// end makes the copy valid unless there is an error, and in that case leaves nothing of it.
func (c *folderCopy) end(err error) error {
	if err == nil {
		err = c.finish()
	}
	if err == nil {
		return c.unlock()
	}
	return errors.Join(err, c.unlock(), c.undo())
}

// finish is the last step: what is in the folders is on the disk.
func (c *folderCopy) finish() error {
	files := c.sys.files
	if err := errors.Join(files.SyncDir(c.indexDir()), files.SyncDir(c.logDir()), files.SyncDir(c.dir)); err != nil {
		return err
	}
	if err := files.Rename(c.logDir(), filepath.Join(c.dir, logFolder)); err != nil {
		return err
	}
	return files.SyncDir(c.dir)
}

// undo removes all that is in the folder, which was empty, and the folder if it was not there. The segments go last: as long as they are
// there the folder is known for what it is.
func (c *folderCopy) undo() error {
	var err error
	if final := filepath.Join(c.dir, logFolder); c.sys.files.IsDir(final) {
		err = c.sys.files.Rename(final, c.logDir())
	}
	err = errors.Join(err, c.sys.items.RemoveAll(c.itemsDir()), removeAll(c.sys.files, c.indexDir()), removeAll(c.sys.files, c.logDir()))
	if c.made {
		return errors.Join(err, removeAll(c.sys.files, c.dir))
	}
	return errors.Join(err, removeInside(c.sys.files, c.dir))
}

func removeAll(files fileSystem, dir string) error {
	if !files.IsDir(dir) {
		return nil
	}
	if err := removeInside(files, dir); err != nil {
		return err
	}
	return files.Remove(dir)
}

func removeInside(files fileSystem, dir string) error {
	names, err := files.List(dir)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if files.IsDir(path) {
			err = errors.Join(err, removeAll(files, path))
			continue
		}
		err = errors.Join(err, files.Remove(path))
	}
	return err
}

// file takes over a file that never changes again.
func (c *folderCopy) file(from, dir string, size int64) error {
	to := filepath.Join(dir, filepath.Base(from))
	if err := c.goOn(0); err != nil {
		return err
	}
	if linker, ok := c.sys.files.(disk.Linker); ok && c.link {
		unlinked := linker.Link(from, to)
		if unlinked == nil {
			c.linked += size
			return c.goOn(size)
		}
		if err := c.copyFile(from, to, size); err != nil { // it may have been another disk, or something worse
			return errors.Join(unlinked, err)
		}
		return nil
	}
	return c.copyFile(from, to, size)
}

func (c *folderCopy) copyFile(from, to string, size int64) error {
	c.copied += size
	return disk.Copy(c.sys.files, from, to, size, c.goOn)
}

// checkpoint takes over the items.
func (c *folderCopy) checkpoint(t *items.Table, from string) error {
	if c.link {
		if err := t.Checkpoint(c.itemsDir()); err != nil {
			return fmt.Errorf("copy the items: %w", err)
		}
		return c.countItems(from)
	}
	linked := c.itemsDir() + partialSuffix
	err := t.Checkpoint(linked)
	if err == nil {
		err = c.items(linked)
	}
	if err = errors.Join(err, c.sys.items.RemoveAll(linked)); err != nil {
		return fmt.Errorf("copy the items: %w", err)
	}
	return nil
}

// countItems adds up the bytes of the items.
func (c *folderCopy) countItems(from string) error {
	names, err := c.sys.items.List(c.itemsDir())
	if err != nil {
		return err
	}
	linker, links := c.sys.files.(disk.Linker)
	for _, name := range names {
		path := filepath.Join(c.itemsDir(), name)
		info, err := c.sys.items.Stat(path)
		if err != nil {
			return err
		}
		if links && linker.Linked(filepath.Join(from, name), path) {
			c.linked += info.Size()
		} else {
			c.copied += info.Size()
		}
	}
	return nil
}

// items copies the files of a table that nobody has open.
func (c *folderCopy) items(from string) error {
	fs := c.sys.items
	names, err := fs.List(from)
	if err != nil {
		return err
	}
	if err := fs.MkdirAll(c.itemsDir(), 0o700); err != nil {
		return err
	}
	for _, name := range names {
		if err := c.item(filepath.Join(from, name), filepath.Join(c.itemsDir(), name)); err != nil {
			return err
		}
	}
	return errors.Join(syncFolder(fs, c.itemsDir()), syncFolder(fs, c.dir))
}

func (c *folderCopy) item(from, to string) error {
	info, err := c.sys.items.Stat(from)
	if err != nil {
		return err
	}
	if err := c.goOn(0); err != nil {
		return err
	}
	c.copied += info.Size()
	return vfs.Copy(c.sys.items, from, to)
}

func syncFolder(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
