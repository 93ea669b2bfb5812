package filelog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// BackupConfig is how a backup is taken; the zero BackupConfig works.
type BackupConfig struct {
	Copy bool // copy every file; default: files that never change again get a second name (a hard link) where the disk allows it
}

// BackupReport says what a backup has.
type BackupReport struct {
	Position store.Position `json:"position"` // the newest event in it
	Commits  uint64         `json:"commits"`
	Linked   int64          `json:"linked"` // bytes of files that the backup shares with the log: what spoils one spoils both
	Copied   int64          `json:"copied"` // bytes that it has for itself
	Took     time.Duration  `json:"took"`   // nanoseconds
}

// Backup puts a copy of the log into dir, which must be empty or not exist, while the log goes on being written and read. The copy holds
// every commit up to some moment during the call, and those alone: all that was acknowledged before the call is in it. When Backup
// returns, it is on the disk, and can be opened, verified and restored like any log that was closed in order. When Backup is interrupted,
// nothing that could be taken for a backup is left; an error, the end of ctx included, leaves nothing at all.
//
// Without BackupConfig.Copy a backup on the same disk takes little room and time, and protects from mistakes, not from the
// disk. It may be opened: the two never write to the files that they share.
func (l *Log) Backup(ctx context.Context, dir string, cfg BackupConfig) (BackupReport, error) {
	report, err := l.backup(ctx, dir, cfg)
	if err != nil {
		return BackupReport{}, fmt.Errorf("back up %s to %s: %w", l.dir, dir, err)
	}
	return report, nil
}

func (l *Log) backup(ctx context.Context, dir string, cfg BackupConfig) (report BackupReport, err error) {
	if err := l.mustBeOutside(dir); err != nil {
		return BackupReport{}, err
	}
	done, err := l.tend(ctx)
	if err != nil {
		return BackupReport{}, err
	}
	defer done()
	began := l.sys.now()
	c := &folderCopy{sys: l.sys, dir: dir, link: !cfg.Copy, goOn: func(int64) error { return l.usable(ctx) }}
	if err := c.begin("oxbow backup"); err != nil {
		return BackupReport{}, err
	}
	v, err := l.copyTo(c)
	if err = c.end(err); err != nil {
		return BackupReport{}, err
	}
	return BackupReport{
		Position: v.head, Commits: v.sequence, Linked: c.linked, Copied: c.copied, Took: l.sys.now().Sub(began),
	}, nil
}

func (l *Log) mustBeOutside(dir string) error {
	own, err1 := filepath.Abs(l.dir)
	other, err2 := filepath.Abs(dir)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if way, err := filepath.Rel(own, other); err == nil && filepath.IsLocal(way) {
		return event.Invalid("folder", "%s lies in the folder that is to be backed up", dir)
	}
	return nil
}

// copyTo copies the items before the end of the log is fixed, so that they are never ahead of it: what they lack is in the log.
func (l *Log) copyTo(c *folderCopy) (shown, error) {
	if err := l.copyItems(c); err != nil {
		return shown{}, err
	}
	l.mu.RLock()
	s, v := l.shape, l.visible
	s.take()
	l.mu.RUnlock()
	defer l.release(s)
	return v, errors.Join(l.copyIndex(c, s), l.copySegments(c, s, v))
}

func (l *Log) copyItems(c *folderCopy) error {
	l.mu.RLock()
	t := l.items
	if t != nil {
		t.take()
	}
	l.mu.RUnlock()
	if t == nil {
		return nil
	}
	defer l.letGo(t)
	return c.checkpoint(t.Table, l.itemsDir())
}

func (l *Log) copyIndex(c *folderCopy, s *shape) error {
	for _, r := range s.runs {
		if err := c.file(r.Path(), c.indexDir(), r.Size()); err != nil {
			return err
		}
	}
	for _, segment := range s.segments[:len(s.segments)-1] {
		p, ok := segment.places().(*placesFile)
		if !ok {
			continue // it is not written yet, and will be made again
		}
		if err := c.file(p.path, c.indexDir(), int64(len(p.data))); err != nil {
			return err
		}
	}
	return nil
}

// copySegments copies the newest segment as far as readers see it, which is up to the end of a commit.
func (l *Log) copySegments(c *folderCopy, s *shape, v shown) error {
	last := len(s.segments) - 1
	for _, segment := range s.segments[:last] {
		if err := c.file(segment.path, c.logDir(), segment.size); err != nil {
			return err
		}
	}
	newest := s.segments[last]
	path := filepath.Join(c.logDir(), filepath.Base(newest.path))
	if err := c.copyFile(newest.path, path, v.tail); err != nil {
		return err
	}
	return closeInOrder(l.sys.files, path, newest.header, v)
}

// closeInOrder writes the mark of a log that was closed behind the newest segment of a copy.
func closeInOrder(files fileSystem, path string, h header, v shown) error {
	f, err := files.OpenFile(path, os.O_RDWR)
	if err != nil {
		return err
	}
	t, err := newTail(&segment{path: path, header: h, file: f}, v.tail)
	if err == nil {
		err = t.mark(v.sequence, v.head+1)
	}
	return errors.Join(err, f.Close())
}

// tend begins work on the files of the log that Close waits for, and that other such work waits for: while a copy is taken nothing
// may replace or remove them. The caller calls done.
func (l *Log) tend(ctx context.Context) (done func(), err error) {
	l.mu.Lock()
	err = l.usable(ctx)
	if err == nil {
		l.tending.Add(1)
	}
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; l.tending.Done() }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.closing:
		err = store.ErrClosed
	}
	l.tending.Done()
	return nil, err
}
