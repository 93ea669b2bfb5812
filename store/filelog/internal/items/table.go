// Package items keeps the items of a log in Pebble, without a log of its own: the log that the commits are in is what they are made
// again from. Each batch notes the commit that it belongs to, so that whoever opens the table knows from where on to go on.
package items

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/store"
)

// Config is how a table is opened.
type Config struct {
	FS         vfs.FS
	Store      [16]byte    // the log it belongs to
	CacheBytes int64       // of blocks in memory
	Memory     uint64      // of what is not flushed yet; while that is written, as much again
	Failed     func(error) // is called, from any goroutine, when Pebble cannot write

	readOnly bool
}

// ErrForeign says that what is in the folder belongs to another log.
var ErrForeign = errors.New("the items belong to another log")

// ErrDamaged says that what is in the folder is not what was written, or not all of it. It answers to store.ErrDamaged.
var ErrDamaged = fmt.Errorf("%w: the items are not what was written; run oxbow reindex", store.ErrDamaged)

// wrap says what was done when an error came, and whether it is damage.
func wrap(did string, err error) error {
	if pebble.IsCorruptionError(err) || oserror.IsNotExist(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, did, err)
	}
	return fmt.Errorf("%s: %w", did, err)
}

// Mark is up to where the table is written.
type Mark struct {
	Sequence uint64 // of the newest commit that is in it
	Items    uint64 // that there are
	Streams  uint64 // that have metadata
}

// Table is items in order of bucket and key. One goroutine writes; all may read at the same time.
type Table struct {
	db    *pebble.DB
	cfg   Config
	mark  Mark
	cache *pebble.Cache

	failing sync.Once
	failed  chan struct{} // closed when Pebble cannot write
	failure error         // why, to be read after that
}

// Keys are the bucket, a zero byte, which no bucket has in it, and the key. The table's own begin with a byte that no text has.
var (
	markKey  = []byte("\xffmark")
	storeKey = []byte("\xffstore")
)

func itemKey(dst []byte, bucket, key string) []byte {
	return append(append(append(dst, bucket...), 0), key...)
}

// Exists reports whether there is a table in the folder.
func Exists(fs vfs.FS, dir string) (bool, error) {
	if _, err := fs.Stat(dir); oserror.IsNotExist(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	found, err := pebble.Peek(dir, fs)
	if err != nil {
		return false, wrap("look for the items", err)
	}
	return found.Exists, nil
}

// Open opens the table in the folder and makes it if need be.
func Open(dir string, cfg Config) (*Table, error) {
	// Pebble takes the room for what is not flushed out of its cache, which is to have as many blocks all the same.
	t := &Table{cfg: cfg, cache: pebble.NewCache(cfg.CacheBytes + 2*int64(cfg.Memory)), failed: make(chan struct{})}
	db, err := pebble.Open(dir, t.options())
	if err != nil {
		t.cache.Unref()
		return nil, wrap("open the items", err)
	}
	t.db = db
	if err := t.begin(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Table) options() *pebble.Options {
	o := &pebble.Options{
		FS:                 t.cfg.FS,
		Cache:              t.cache,
		DisableWAL:         true,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       t.cfg.Memory,
		MaxOpenFiles:       256,
		Logger:             logger{},
		EventListener: &pebble.EventListener{
			BackgroundError: t.fail,
			DataCorruption:  func(pebble.DataCorruptionInfo) {}, // whoever reads gets the error; without this it is fatal
		},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// fail notes that Pebble cannot write. Pebble tries again for ever.
func (t *Table) fail(err error) {
	t.failing.Do(func() {
		t.failure = wrap("write items", err)
		close(t.failed)
		t.cfg.Failed(t.failure)
	})
}

// logger passes over what Pebble tells of its work. What is fatal to Pebble ends the process, since Pebble can do no more.
type logger struct{}

func (logger) Infof(string, ...any)  {}
func (logger) Errorf(string, ...any) {}
func (logger) Fatalf(format string, args ...any) {
	panic("oxbow: the items of the store cannot be written: " + fmt.Sprintf(format, args...) +
		"; the log has everything that was acknowledged: mend the cause and start again")
}

func (t *Table) begin() error {
	id, err := t.get(storeKey)
	if err != nil {
		return wrap("read the items", err)
	}
	if id == nil && t.cfg.readOnly {
		return nil
	}
	if id == nil {
		return t.db.Set(storeKey, t.cfg.Store[:], pebble.NoSync)
	}
	if string(id) != string(t.cfg.Store[:]) {
		return ErrForeign
	}
	b, err := t.get(markKey)
	if err != nil {
		return wrap("read the items", err)
	}
	if b == nil {
		return nil
	}
	if len(b) != 24 {
		return fmt.Errorf("%w: their mark cannot be read", ErrDamaged)
	}
	t.mark = Mark{
		Sequence: binary.LittleEndian.Uint64(b),
		Items:    binary.LittleEndian.Uint64(b[8:]),
		Streams:  binary.LittleEndian.Uint64(b[16:]),
	}
	return nil
}

func (t *Table) get(key []byte) ([]byte, error) {
	value, closer, err := t.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

// Mark returns up to where the table is written. The writer alone calls it.
func (t *Table) Mark() Mark { return t.mark }

// Revision returns an item's revision, 0 when there is none.
func (t *Table) Revision(bucket, key string) (uint64, error) {
	return revisionIn(t.db, itemKey(nil, bucket, key))
}

// Get returns an item as it was written last.
func (t *Table) Get(bucket, key string) (store.Item, error) { return getFrom(t.db, bucket, key) }

// Flush writes all to the disk. It returns an error when that cannot be done, where Pebble would wait.
func (t *Table) Flush() error {
	flushed, err := t.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
		return nil
	case <-t.failed:
		return t.failure
	}
}

// Checkpoint writes all to the disk and makes a copy of it in a new folder, with links where files allow it.
func (t *Table) Checkpoint(dir string) error {
	if err := t.Flush(); err != nil {
		return err
	}
	return t.db.Checkpoint(dir)
}

// Bytes is what the table takes on the disk.
func (t *Table) Bytes() uint64 { return t.db.Metrics().DiskSpaceUsage() }

// Close lets go of the table. What was not flushed is made again from the log.
func (t *Table) Close() error {
	err := t.db.Close()
	t.cache.Unref()
	return err
}

// Snapshot returns the table as it is now. It must be closed.
func (t *Table) Snapshot() *Snapshot { return &Snapshot{t.db.NewSnapshot()} }

// Snapshot is the table as it was at some moment.
type Snapshot struct{ s *pebble.Snapshot }

// Close lets go of the snapshot.
func (s *Snapshot) Close() error { return s.s.Close() }

// Get returns an item.
func (s *Snapshot) Get(bucket, key string) (store.Item, error) { return getFrom(s.s, bucket, key) }

// Revision returns an item's revision, 0 when there is none.
func (s *Snapshot) Revision(bucket, key string) (uint64, error) {
	return revisionIn(s.s, itemKey(nil, bucket, key))
}

// List yields the items of a bucket with from <= key < to in order of key; an empty to means to the end.
func (s *Snapshot) List(bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		options := &pebble.IterOptions{LowerBound: itemKey(nil, bucket, from), UpperBound: append([]byte(bucket), 1)}
		if to != "" {
			options.UpperBound = itemKey(nil, bucket, to)
		}
		it, err := s.s.NewIter(options)
		if err != nil {
			yield(store.Item{}, wrap("read items", err))
			return
		}
		defer it.Close() // its error is asked for below
		for ok := it.First(); ok; ok = it.Next() {
			item, err := parse(bucket, string(it.Key()[len(bucket)+1:]), it.Value())
			if !yield(item, err) || err != nil {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(store.Item{}, wrap("read items", err))
		}
	}
}

func getFrom(r pebble.Reader, bucket, key string) (store.Item, error) {
	value, closer, err := r.Get(itemKey(make([]byte, 0, 64), bucket, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return store.Item{Bucket: bucket, Key: key}, nil
	}
	if err != nil {
		return store.Item{}, wrap("read an item", err)
	}
	defer closer.Close()
	return parse(bucket, key, value)
}

func revisionIn(r pebble.Reader, key []byte) (uint64, error) {
	value, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, wrap("read an item", err)
	}
	defer closer.Close()
	if len(value) < 9 {
		return 0, errValue
	}
	return binary.LittleEndian.Uint64(value), nil
}

// A value is the item's revision, a byte that says whether the value is nil, and the value.
var errValue = fmt.Errorf("%w: a value cannot be read", ErrDamaged)

const (
	isNil = iota
	isBytes
)

func appendValue(dst []byte, revision uint64, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, revision)
	if value == nil {
		return append(dst, isNil)
	}
	return append(append(dst, isBytes), value...)
}

func parse(bucket, key string, value []byte) (store.Item, error) {
	if len(value) < 9 || value[8] > isBytes || value[8] == isNil && len(value) > 9 {
		return store.Item{}, errValue
	}
	item := store.Item{Bucket: bucket, Key: key, Revision: binary.LittleEndian.Uint64(value)}
	if value[8] == isBytes {
		item.Value = append(make([]byte, 0, len(value)-9), value[9:]...)
	}
	return item, nil
}
