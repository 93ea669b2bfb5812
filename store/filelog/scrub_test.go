package filelog_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// flipInPlace changes a bit of a file that is open and mapped.
func flipInPlace(t *testing.T, path string, at int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, int64(at)); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, int64(at)); err != nil {
		t.Fatal(err)
	}
}

// scrubbed opens a log with several full segments, which have their index in files, and no items.
func scrubbed(t *testing.T, cfg filelog.Config) (*filelog.Log, string) {
	t.Helper()
	dir := t.TempDir()
	cfg.SegmentBytes, cfg.NoSync = 2<<10, true
	l := open(t, dir, cfg)
	for n := range 100 {
		appendTo(t, l, commit(record(n, "a")))
	}
	synctest.Wait() // for the index
	return l, dir
}

// largestRun returns the file of the index that has the most; smaller ones may be merged into it, and wait for their end.
func largestRun(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "index", "00000000000000000001-*.run"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("runs: %v, %v", paths, err)
	}
	return paths[len(paths)-1]
}

// next returns what is told next, within a round.
func next(t *testing.T, told <-chan *filelog.DamageError) *filelog.DamageError {
	t.Helper()
	select {
	case d := <-told:
		return d
	case <-time.After(25 * time.Hour):
		t.Fatal("nothing is told")
		return nil
	}
}

func TestScrubTellsOfDamageInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		told := make(chan *filelog.DamageError, 10)
		l, dir := scrubbed(t, filelog.Config{OnDamage: func(d *filelog.DamageError) { told <- d }})
		segment, places, run := segments(t, dir)[1], indexFiles(t, dir, ".pos")[2], largestRun(t, dir)
		want := map[string]bool{segment: false, places: true, run: true}
		flipInPlace(t, segment, 1000)
		flipInPlace(t, places, 20)
		flipInPlace(t, run, 4096+10)
		for range len(want) {
			d := next(t, told)
			isIndex, ok := want[d.File]
			if !ok || d.Index != isIndex || !errors.Is(d, store.ErrDamaged) {
				t.Errorf("told of %v", d)
			}
			delete(want, d.File)
		}
		if waited := time.Since(began); waited < 10*time.Minute || waited > 15*time.Minute {
			t.Errorf("the first round ended after %v", waited)
		}
		<-time.After(72 * time.Hour)
		if len(told) != 0 || len(l.Damage()) != 3 {
			t.Errorf("told again: %d times; kept %v", len(told), l.Damage())
		}
		flipInPlace(t, segments(t, dir)[0], 200)
		next(t, told)
		if waited := time.Since(began); waited > 97*time.Hour {
			t.Errorf("new damage was told after %v", waited)
		}
	})
}

func TestScrubKeepsToItsPaceAndEndsWithTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan *filelog.DamageError, 10)
		began := time.Now()
		l, dir := scrubbed(t, filelog.Config{ScrubBytes: 1000, OnDamage: func(d *filelog.DamageError) { told <- d }})
		flipInPlace(t, largestRun(t, dir), 4096+10) // what is checked last
		next(t, told)
		bytes := 0
		for _, path := range segments(t, dir) {
			bytes += len(contents(t, path))
		}
		least := 10*time.Minute + time.Duration(bytes)*time.Second/1000
		if took := time.Since(began); took < least || took > 10*least {
			t.Errorf("a round over %d bytes took until %v, want at least %v", bytes, took, least)
		}
		<-time.After(24 * time.Hour)
		if err := l.Close(); err != nil { // in the middle of a round: a goroutine that is left fails the test
			t.Error(err)
		}
	})
}

func TestNoScrubChecksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, dir := scrubbed(t, filelog.Config{NoScrub: true, OnDamage: func(d *filelog.DamageError) { t.Error(d) }})
		flipInPlace(t, segments(t, dir)[1], 200)
		<-time.After(72 * time.Hour)
		if len(l.Damage()) != 0 {
			t.Errorf("found %v", l.Damage())
		}
	})
}

func TestScrubNowChecksEverythingAndChangesNothing(t *testing.T) {
	dir, want := grown(t)
	l := open(t, dir, filelog.Config{SegmentBytes: 2 << 10, OnDamage: func(*filelog.DamageError) {}})
	report, err := l.Scrub(t.Context())
	if err != nil || report.Err() != nil || report.Segments != len(segments(t, dir))-1 || report.Events == 0 || report.Items == 0 {
		t.Errorf("a sound log: %+v, %v", report, err)
	}
	items, err := filepath.Glob(filepath.Join(dir, "items", "*.sst"))
	if err != nil || len(items) == 0 {
		t.Fatalf("items: %v, %v", items, err)
	}
	flipInPlace(t, items[0], 20)
	path := segments(t, dir)[3]
	flipInPlace(t, path, len(contents(t, path))-10) // in the seal
	report, err = l.Scrub(t.Context())
	if err != nil || len(report.Damage) != 2 || report.Damage[0].File != path || report.Damage[1].File != filepath.Join(dir, "items") || !report.Damage[1].Index {
		t.Errorf("got %v, %v", report.Damage, err)
	}
	if len(l.Damage()) != 2 {
		t.Errorf("kept %v", l.Damage())
	}
	if got := texts(t, l); len(got) != len(want) {
		t.Errorf("there are %d events, want %d", len(got), len(want))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Scrub(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	l.Close()
	if _, err := l.Scrub(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want store.ErrClosed", err)
	}
}

// unreadable is a file system that lost one file.
type unreadable struct {
	filelog.FileSystem
	path string
}

func (u *unreadable) OpenFile(name string, flag int) (filelog.File, error) {
	if name == u.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("i/o error")}
	}
	return u.FileSystem.OpenFile(name, flag)
}

func TestScrubTellsOfAFileThatCannotBeRead(t *testing.T) {
	dir, _ := grown(t)
	files := &unreadable{FileSystem: filelog.RealFiles()}
	l := openOn(t, dir, filelog.Config{OnDamage: func(*filelog.DamageError) {}}, files)
	files.path = segments(t, dir)[2]
	report, err := l.Scrub(t.Context())
	if err != nil || len(report.Damage) != 1 || report.Damage[0].File != files.path || !strings.Contains(report.Err().Error(), "i/o error") {
		t.Errorf("got %v, %v", report.Damage, err)
	}
}

func TestDamageIsLoggedByDefault(t *testing.T) {
	var logged strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer slog.SetDefault(before)
	dir, _ := grown(t)
	l := open(t, dir, filelog.Config{})
	flipInPlace(t, segments(t, dir)[2], 300)
	for range 2 {
		if _, err := l.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := logged.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, filepath.Base(segments(t, dir)[2])) {
		t.Errorf("logged %s", got)
	}
}
