package filelog_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// grown returns a folder whose log has several full segments, and what is in it.
func grown(t *testing.T) (dir string, want []string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 2 << 10, NoSync: true})
	for n := range 100 {
		appendTo(t, l, numbered(n))
	}
	want = texts(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, want
}

// indexFiles returns the paths of the files of the index.
func indexFiles(t testing.TB, dir, suffix string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "index", "*"+suffix))
	if err != nil || len(paths) == 0 {
		t.Fatalf("index files: %v, %v", paths, err)
	}
	return paths
}

// spoilIndex writes nonsense over all files of the index and the items.
func spoilIndex(t *testing.T, dir string) {
	t.Helper()
	items, err := filepath.Glob(filepath.Join(dir, "items", "*.sst"))
	if err != nil || len(items) == 0 {
		t.Fatalf("items: %v, %v", items, err)
	}
	for _, path := range slices.Concat(indexFiles(t, dir, ".run"), indexFiles(t, dir, ".pos"), items) {
		b := contents(t, path)
		for i := range b {
			b[i] ^= 0xff
		}
		rewrite(t, path, b)
	}
}

func wantWhole(t *testing.T, dir string, want []string) {
	t.Helper()
	l := open(t, dir, filelog.Config{})
	defer l.Close()
	if got := texts(t, l); !slices.Equal(got, want) {
		t.Errorf("there are %d events, want %d", len(got), len(want))
	}
	wantItemsOfEvents(t, l)
	n := 0
	for _, err := range l.Read(t.Context(), store.Query{Any: []store.Filter{{Stream: "s-3"}}}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 14 {
		t.Errorf("stream s-3 has %d events, want 14", n)
	}
}

func TestReindexMakesIndexAndItemsAgain(t *testing.T) {
	dir, want := grown(t)
	runs := indexFiles(t, dir, ".run")
	spoilIndex(t, dir)
	var done, total int64
	report, err := filelog.Reindex(t.Context(), dir, func(d, all int64) { done, total = d, all })
	if err != nil {
		t.Fatal(err)
	}
	if report.Head != 200 || report.Items != 101 || report.ItemsKept || report.Segments != len(segments(t, dir)) || report.IndexBytes == 0 {
		t.Errorf("got %+v", report)
	}
	if done != total || total < 10_000 {
		t.Errorf("the last progress was %d of %d", done, total)
	}
	if got := indexFiles(t, dir, ".run"); len(got) > len(runs)+1 {
		t.Errorf("there are %d runs, and %d before: they were not merged", len(got), len(runs))
	}
	wantWhole(t, dir, want)
}

func TestItemsThatAreLostInPartAreMadeAgain(t *testing.T) {
	dir, want := grown(t)
	for _, name := range []string{"*.sst", "MANIFEST-*"} {
		paths, err := filepath.Glob(filepath.Join(dir, "items", name))
		if err != nil || len(paths) == 0 {
			t.Fatalf("items: %v, %v", paths, err)
		}
		for _, path := range paths {
			os.Remove(path)
		}
		wantWhole(t, dir, want)
	}
}

func TestInterruptedReindexIsFinishedByOpen(t *testing.T) {
	dir, want := grown(t)
	enough := errors.New("enough")
	for _, at := range []int{0, 1, 5} {
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		_, err := filelog.ReindexWatched(ctx, dir, func() {
			if n++; n > at {
				cancel(enough)
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d segments: got %v", at, err)
		}
		if at == 5 {
			if left, _ := filepath.Glob(filepath.Join(dir, "index", "*.run")); len(left) == 0 || len(left) > 6 {
				t.Errorf("after %d segments there are %d runs", at, len(left))
			}
		}
	}
	wantWhole(t, dir, want)
}

func TestReindexKeepsItemsThatTheLogCannotMake(t *testing.T) {
	if !filelog.ItemsInLog([]string{"00000000000000000001.seg"}) || filelog.ItemsInLog([]string{"00000000000000000002.seg"}) {
		t.Error("what is in the log is not known")
	}
}

func TestReindexNeedsTheFolderToItself(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, filelog.Config{})
	if _, err := filelog.Reindex(t.Context(), dir, nil); !errors.Is(err, store.ErrInUse) {
		t.Errorf("got %v", err)
	}
	if _, err := filelog.Reindex(t.Context(), filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("Reindex made a folder")
	}
}
