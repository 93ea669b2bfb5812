package items_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

func TestWhatIsReadAgainIsReadFromMemory(t *testing.T) {
	const memory = 1 << 20
	fs := &countingFS{FS: vfs.NewMem()}
	table, err := items.Open("items", items.Config{FS: fs, CacheBytes: memory, Memory: memory, Failed: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	for i := range 100 { // about 2 MiB
		write(t, table, 100*i, 100)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	write(t, table, 10_000, 100) // the memory is in use again
	readAll := func() (reads int64) {
		before := fs.reads.Load()
		for i := range 2_000 {
			if item, err := table.Get("b", fmt.Sprintf("%06d", i)); err != nil || item.Revision == 0 {
				t.Fatal(item, err)
			}
		}
		return fs.reads.Load() - before
	}
	if first, again := readAll(), readAll(); first == 0 || again > 500 {
		t.Errorf("files are read %d times for 2,000 items, and %d times for the same again, want few", first, again)
	}
}

func write(t *testing.T, table *items.Table, from, n int) {
	t.Helper()
	b := table.NewBatch()
	for i := range n {
		w := store.Put("b", fmt.Sprintf("%06d", from+i), make([]byte, 200))
		for at := range w.Value {
			w.Value[at] = byte(i*7 + at*at) // which compression makes little of
		}
		if err := b.Write(&w, uint64(from+i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Apply(); err != nil {
		t.Fatal(err)
	}
}

// countingFS counts reads of files.
type countingFS struct {
	vfs.FS
	reads atomic.Int64
}

func (fs *countingFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &countingFile{f, fs}, nil
}

type countingFile struct {
	vfs.File
	fs *countingFS
}

func (f *countingFile) ReadAt(p []byte, offset int64) (int, error) {
	f.fs.reads.Add(1)
	return f.File.ReadAt(p, offset)
}
