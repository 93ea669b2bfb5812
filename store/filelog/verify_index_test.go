package filelog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func TestVerifyFindsEveryDamageOfTheIndex(t *testing.T) {
	dir, _ := grown(t)
	if r := verify(t, dir); r.Err() != nil || r.Unindexed != 0 {
		t.Fatalf("a sound log: %+v", r)
	}
	items, err := filepath.Glob(filepath.Join(dir, "items", "*.sst"))
	if err != nil || len(items) == 0 {
		t.Fatalf("items: %v, %v", items, err)
	}
	for _, c := range []struct{ path, file string }{
		{indexFiles(t, dir, ".run")[0], ""}, {indexFiles(t, dir, ".pos")[1], ""}, {items[0], filepath.Join(dir, "items")},
	} {
		sound := contents(t, c.path)
		want := c.file
		if want == "" {
			want = c.path
		}
		for at := 7; at < len(sound); at += len(sound)/40 + 1 {
			rewrite(t, c.path, flipped(sound, at))
			r := verify(t, dir)
			if len(r.Damage) != 1 || !r.Damage[0].Index || r.Damage[0].File != want || !strings.Contains(r.Err().Error(), "run oxbow reindex") {
				if !unusedByte(sound, at, c.path) {
					t.Errorf("%s with another byte %d: got %v", c.path, at, r.Damage)
				}
			}
		}
		rewrite(t, c.path, sound)
	}
	if r := verify(t, dir); r.Err() != nil {
		t.Errorf("mended: %v", r.Err())
	}
}

// unusedByte reports whether nobody reads the byte: what follows the header in the first page of a run, and the checksums in the last.
func unusedByte(b []byte, at int, path string) bool {
	sums := len(b) - 4096 + 4*(len(b)/4096-2) // where the checksums of the pages end
	return strings.HasSuffix(path, ".run") && (at >= 192 && at < 4096 || at >= sums)
}

func TestVerifyCountsSegmentsWithoutAnIndex(t *testing.T) {
	dir, _ := grown(t)
	pos := indexFiles(t, dir, ".pos")
	os.Remove(pos[0])
	os.Remove(pos[3])
	if r := verify(t, dir); r.Err() != nil || r.Unindexed != 2 {
		t.Errorf("without two files of places: %+v", r)
	}
	if err := os.RemoveAll(filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "items")); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir); r.Err() != nil || r.Unindexed != len(pos) || r.Segments != len(pos)+1 {
		t.Errorf("without an index: %+v, want %d segments without", r, len(pos))
	}
}

func TestVerifyFindsItemsThatAreAheadOfTheLog(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	appendTo(t, l, numbered(1))
	old := image(t, dir)
	appendTo(t, l, numbered(2))
	l.Close()
	if err := os.CopyFS(filepath.Join(old, "items"), os.DirFS(filepath.Join(dir, "items"))); err != nil {
		t.Fatal(err)
	}
	r := verify(t, old)
	if len(r.Damage) != 1 || !r.Damage[0].Index || !strings.Contains(r.Err().Error(), "the items have commit 2, and the log ends with 1") {
		t.Errorf("got %v", r.Err())
	}
}

func TestDamagedIndexDoesNotPreventARestore(t *testing.T) {
	dir, want := grown(t)
	spoilIndex(t, dir)
	restored := filepath.Join(t.TempDir(), "restored")
	r, err := filelog.Restore(t.Context(), dir, restored, nil)
	if err != nil || r.Head != store.Position(len(want)) || r.Err() != nil {
		t.Errorf("got %+v, %v", r, err)
	}
	wantWhole(t, restored, want)
}

func TestVerifyComparesThePlacesWithTheRecords(t *testing.T) {
	dir, _ := grown(t)
	path := indexFiles(t, dir, ".pos")[1]
	b := contents(t, path)
	b[96+4]++ // where the second record of the segment lies
	signPlaces(b)
	rewrite(t, path, b)
	r := verify(t, dir)
	if len(r.Damage) != 1 || r.Damage[0].File != path || r.Damage[0].Offset != 96+4 || !r.Damage[0].Index {
		t.Errorf("got %v", r.Damage)
	}
}
