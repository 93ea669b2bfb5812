package items

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Check reads the whole table in the folder, which nobody has open, and changes nothing. Between items it asks goOn whether to
// go on. An error that answers to ErrDamaged says that the table is not what was written.
func Check(dir string, cfg Config, goOn func() error) (m Mark, err error) {
	cfg.readOnly, cfg.Failed = true, func(error) {} // what fails is told here
	t := &Table{cfg: cfg, cache: pebble.NewCache(cfg.CacheBytes)}
	o := t.options()
	o.ReadOnly, o.MemTableSize = true, 0
	db, err := pebble.Open(dir, o)
	if err != nil {
		t.cache.Unref()
		return Mark{}, wrap("open the items", err)
	}
	t.db = db
	defer func() { err = errors.Join(err, t.Close()) }()
	if err := t.begin(); errors.Is(err, ErrForeign) {
		return Mark{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	} else if err != nil {
		return Mark{}, err
	}
	if err := t.CheckFiles(dir, func(int64) error { return goOn() }); err != nil {
		return Mark{}, err
	}
	return t.mark, t.checkAll(goOn)
}

// CheckFiles checks every block of every file, which going through the items would not touch. Before each file it asks goOn, which is
// told how many bytes it has and may be slow to answer, whether to go on.
func (t *Table) CheckFiles(dir string, goOn func(bytes int64) error) error {
	levels, err := t.db.SSTables()
	if err != nil {
		return wrap("read the items", err)
	}
	o := t.options()
	o.EnsureDefaults()
	for _, level := range levels {
		for i := range level {
			path := t.cfg.FS.PathJoin(dir, fmt.Sprintf("%06d.sst", uint64(level[i].BackingSSTNum)))
			if err := goOn(int64(level[i].Size)); err != nil {
				return err
			}
			if err := checkFile(t.cfg.FS, path, o); err != nil && !oserror.IsNotExist(err) { // else it was merged meanwhile
				return wrap("read "+path, err)
			}
		}
	}
	return nil
}

func checkFile(fs vfs.FS, path string, o *pebble.Options) error {
	file, err := fs.Open(path)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r, err := sstable.NewReader(context.Background(), readable, o.MakeReaderOptions())
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(r.ValidateBlockChecksums(), r.Close())
}

func (t *Table) checkAll(goOn func() error) error {
	it, err := t.db.NewIter(&pebble.IterOptions{UpperBound: markKey[:1]})
	if err != nil {
		return wrap("read the items", err)
	}
	defer it.Close() // its error is asked for below
	n := uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return wrap("read the items", err)
		}
		if _, err := parse("", "", value); err != nil {
			return fmt.Errorf("%w: key %q", err, it.Key())
		}
		if err := goOn(); err != nil {
			return err
		}
		n++
	}
	if err := it.Error(); err != nil {
		return wrap("read the items", err)
	}
	if n != t.mark.Items {
		return fmt.Errorf("%w: there are %d, and %d were written", ErrDamaged, n, t.mark.Items)
	}
	return nil
}
