package filelog_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func trim(t testing.TB, l *filelog.Log, before store.Position, archive string) filelog.TrimReport {
	t.Helper()
	report, err := l.Trim(t.Context(), before, archive)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// trimmed returns a closed log, its archive, what it answers, and the names of the segments that were moved.
func trimmed(t testing.TB) (dir, archive, want string, moved []string) {
	t.Helper()
	dir, archive = filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "old", "events")
	l := open(t, dir, filelog.Config{SegmentBytes: 1000})
	fill(t, l, 12, "s0", "s1")
	want = answers(t, l)
	before := segments(t, dir)
	report := trim(t, l, 15, archive)
	for _, path := range before[:report.Segments] {
		moved = append(moved, filepath.Base(path))
	}
	l.Close()
	return dir, archive, want, moved
}

func TestTrimmedSegmentsAreReadFromTheArchive(t *testing.T) {
	dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "old", "events")
	cfg := filelog.Config{SegmentBytes: 1000}
	l := open(t, dir, cfg)
	fill(t, l, 12, "s0", "s1")
	want, before := answers(t, l), len(segments(t, dir))
	report := trim(t, l, 15, archive)
	if report.Segments < 2 || report.Before > 15 || report.Before < 10 || report.Archive != archive || report.Bytes < 1500 {
		t.Errorf("got %+v", report)
	}
	there, _ := filepath.Glob(filepath.Join(archive, "*.seg"))
	if left := segments(t, dir); len(there) != report.Segments || len(left) != before-report.Segments {
		t.Errorf("%d segments are in the archive and %d in the log, of %d", len(there), len(left), before)
	}
	if got := answers(t, l); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if again := trim(t, l, 15, archive); again.Segments != 0 || again.Before != report.Before {
		t.Errorf("a second time: %+v", again)
	}
	l.Close()
	if r := wantSound(t, dir); r.Segments != before || r.Events != 24 {
		t.Errorf("verify says %+v, want all %d segments", r, before)
	}
	l = open(t, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("opened again: got %s\nwant %s", got, want)
	}
	l = reindexed(t, l, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("reindexed: got %s\nwant %s", got, want)
	}
	if all := trim(t, l, 1000, archive); all.Before > 24 || len(segments(t, dir)) != 1 {
		t.Errorf("with a position behind the end: %+v, and %d segments left; want the newest alone", all, len(segments(t, dir)))
	}
}

func TestTheArchiveMovesWithItsLogWhenItsPathIsRelative(t *testing.T) {
	base := t.TempDir()
	t.Chdir(base)
	l := open(t, "data", filelog.Config{SegmentBytes: 1000})
	fill(t, l, 12, "s0")
	want := answers(t, l)
	if report := trim(t, l, 9, "old"); report.Segments == 0 {
		t.Errorf("got %+v", report)
	}
	trim(t, l, 9, filepath.Join(base, "old")) // the same folder
	l.Close()
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(base, moved); err != nil {
		t.Fatal(err)
	}
	l = open(t, filepath.Join(moved, "data"), filelog.Config{})
	if got := answers(t, l); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestASecondArchiveIsRefused(t *testing.T) {
	dir, archive, _, _ := trimmed(t)
	l := open(t, dir, filelog.Config{})
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "other"): filepath.ToSlash(archive), "": "name a folder", "a\nb": "name a folder",
	} {
		if _, err := l.Trim(t.Context(), 20, path); err == nil || !strings.Contains(err.Error(), "archive: is ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want it to say %q", path, err, want)
		}
	}
	fresh := open(t, filepath.Join(t.TempDir(), "fresh"), filelog.Config{SegmentBytes: 500})
	fill(t, fresh, 5, "s0")
	if _, err := fresh.Trim(t.Context(), 3, archive); err == nil || !strings.Contains(err.Error(), "of another log") {
		t.Errorf("the archive of another log: got %v", err)
	}
	own := t.TempDir()
	if _, err := open(t, own, filelog.Config{}).Trim(t.Context(), 3, filepath.Join(own, "log")); err == nil || !strings.Contains(err.Error(), "own") {
		t.Errorf("its own folder: got %v", err)
	}
}

func TestALogWithoutItsArchiveSaysWhatIsMissing(t *testing.T) {
	dir, archive, want, moved := trimmed(t)
	wantMissing := func(missing string) {
		t.Helper()
		_, openErr := filelog.Open(dir, filelog.Config{})
		_, verifyErr := filelog.Verify(t.Context(), dir, nil)
		for _, err := range []error{openErr, verifyErr} {
			var found *filelog.ArchiveError
			if !errors.As(err, &found) || found.Folder != archive || found.Missing != missing || errors.Is(err, store.ErrDamaged) ||
				!strings.Contains(err.Error(), "mount") {
				t.Errorf("got %v, want it to miss %s in %s", err, missing, archive)
			}
		}
	}
	away := archive + "-away"
	os.Rename(archive, away)
	wantMissing(moved[0])
	os.Mkdir(archive, 0o700)
	wantMissing(moved[0])
	os.Remove(archive)
	os.Rename(away, archive)
	for _, name := range moved {
		path := filepath.Join(archive, name)
		os.Rename(path, path+".away")
		wantMissing(name)
		os.Rename(path+".away", path)
	}
	if got := answers(t, open(t, dir, filelog.Config{})); got != want {
		t.Errorf("mounted again: got %s\nwant %s", got, want)
	}
}

func TestAnArchivedSegmentThatDoesNotBelongIsDamage(t *testing.T) {
	dir, archive, want, moved := trimmed(t)
	foreign, foreignArchive, _, _ := trimmed(t)
	_ = foreign
	index, _ := filepath.Glob(filepath.Join(dir, "index", "*"))
	for _, name := range moved {
		path := filepath.Join(archive, name)
		sound := contents(t, path)
		rewrite(t, path, contents(t, filepath.Join(foreignArchive, name)))
		_, err := filelog.Open(dir, filelog.Config{})
		var damage *filelog.DamageError
		if !errors.As(err, &damage) || damage.File != path {
			t.Errorf("open: got %v, want damage in %s", err, path)
		}
		report, err := filelog.Verify(t.Context(), dir, nil)
		if err != nil || len(report.Damage) == 0 || report.Damage[0].File != path {
			t.Errorf("verify: %v, %v, want damage in %s", err, report.Err(), path)
		}
		rewrite(t, path, sound)
	}
	if after, _ := filepath.Glob(filepath.Join(dir, "index", "*")); len(after) != len(index) {
		t.Errorf("the index is %v, and was %v", after, index)
	}
	rewrite(t, filepath.Join(dir, "ARCHIVE"), bytes.Replace(contents(t, filepath.Join(dir, "ARCHIVE")), []byte("events"), []byte("evants"), 1))
	if _, err := filelog.Open(dir, filelog.Config{}); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "ARCHIVE") {
		t.Errorf("a changed path: got %v", err)
	}
	rewrite(t, filepath.Join(dir, "ARCHIVE"), bytes.Replace(contents(t, filepath.Join(dir, "ARCHIVE")), []byte("evants"), []byte("events"), 1))
	if got := answers(t, open(t, dir, filelog.Config{})); got != want {
		t.Errorf("mended: got %s\nwant %s", got, want)
	}
}

func TestASegmentInBothPlacesIsReadFromTheLog(t *testing.T) {
	dir, archive, want, moved := trimmed(t)
	for i := len(moved) - 1; i >= 0; i-- { // one or more, as a crash leaves them
		for _, name := range moved[i:] {
			path := filepath.Join(archive, name)
			rewrite(t, filepath.Join(dir, "log", name), contents(t, path))
			rewrite(t, path, []byte("half"))
		}
		l := open(t, dir, filelog.Config{})
		if got := answers(t, l); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if report := trim(t, l, 15, archive); report.Segments != len(moved)-i {
			t.Errorf("got %+v, want %d segments moved again", report, len(moved)-i)
		}
		l.Close()
		wantSound(t, dir)
	}
}

func TestArchivedSegmentsAreNotCompacted(t *testing.T) {
	dir, archive, _, moved := trimmed(t)
	was := contents(t, filepath.Join(archive, moved[0]))
	l := open(t, dir, filelog.Config{SegmentBytes: 1000})
	setMeta(t, l, "s1", store.StreamMeta{Deleted: 12})
	fill(t, l, 8, "s2")
	want := answers(t, l)
	if report := compactAll(t, l); report.Segments == 0 {
		t.Errorf("got %+v", report)
	}
	if !bytes.Equal(contents(t, filepath.Join(archive, moved[0])), was) {
		t.Error("an archived segment was written anew")
	}
	trim(t, l, 20, archive) // compacted ones can be moved too
	l = reindexed(t, l, dir, filelog.Config{})
	if got := answers(t, l); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	l.Close()
	wantSound(t, dir)
}

func TestTrimEndsWithItsContextAndWithTheLog(t *testing.T) {
	dir, archive, _, _ := trimmed(t)
	l := open(t, dir, filelog.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Trim(ctx, 20, archive); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	l.Close()
	if _, err := l.Trim(t.Context(), 20, archive); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: got %v", err)
	}
}

// Without hard links, as between disks, segments are copied.
func TestTrimCopiesWhereItCannotLink(t *testing.T) {
	dir, archive := t.TempDir(), filepath.Join(t.TempDir(), "old")
	l := openOn(t, dir, filelog.Config{SegmentBytes: 1000}, quick())
	fill(t, l, 12, "s0")
	want := answers(t, l)
	if report := trim(t, l, 10, archive); report.Segments < 2 {
		t.Errorf("got %+v", report)
	}
	if got := answers(t, l); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	l.Close()
	wantSound(t, dir)
}
