package index_test

import (
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// noting is a file system that notes where files are written.
type noting struct {
	disk.OS
	writes *[][2]int64
}

func (n noting) OpenFile(name string, flag int) (disk.File, error) {
	f, err := n.OS.OpenFile(name, flag)
	return notingFile{f, n.writes}, err
}

type notingFile struct {
	disk.File
	writes *[][2]int64
}

func (f notingFile) WriteAt(b []byte, off int64) (int, error) {
	*f.writes = append(*f.writes, [2]int64{off, off + int64(len(b))})
	return f.File.WriteAt(b, off)
}

// A part of a run that is a huge page is written at once, so that the system can keep it as one.
func TestRunsAreWrittenInHugePages(t *testing.T) {
	const events = 200_000
	table := index.NewTable(index.NewHasher([16]byte{1}), 0)
	for n := range events {
		table.Add(&index.Event{ID: event.UUID([16]byte{1, byte(n >> 16), byte(n >> 8), byte(n)}), Stream: fmt.Sprint(n), Type: "t"}, 0)
	}
	var writes [][2]int64
	run, err := index.WriteTable(noting{writes: &writes}, t.TempDir(), table, index.Cover{First: 1, Next: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	whole := map[int64]bool{}
	for _, w := range writes {
		if w[1] > disk.PageEnd(w[0]) {
			t.Errorf("bytes %d to %d, across the end of a huge page, are written at once", w[0], w[1])
		}
		if w[1]-w[0] == disk.HugePage {
			whole[w[0]] = true
		}
	}
	// there are seven sections, and a page may have the end of one and the beginning of another
	if pages := run.Size() / disk.HugePage; int64(len(whole)) < pages-7 || len(whole) < 3 {
		t.Errorf("%d of %d huge pages were written at once, in %d writes", len(whole), pages, len(writes))
	}
}
