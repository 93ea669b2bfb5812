package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func backup(t *testing.T, l *filelog.Log, cfg filelog.BackupConfig) (string, filelog.BackupReport) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backup")
	report, err := l.Backup(t.Context(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return dir, report
}

// numbered returns a commit of two events and an item, from which the number of the commit can be told.
func numbered(n int) store.Commit {
	c := commit(record(2*n, fmt.Sprintf("s-%d", n%7)), record(2*n+1, "all"))
	c.Items = []store.ItemWrite{store.Put("b", fmt.Sprint("k-", n), nil), store.Put("b", "newest", fmt.Append(nil, n))}
	return c
}

func TestBackupUnderFullLoadRestoresToAConsistentPrefix(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{SegmentBytes: 64 << 10, NoSync: true})
	var writers sync.WaitGroup
	var mu sync.Mutex
	made, acknowledged := 0, store.Position(0)
	stop := make(chan struct{})
	enough := make(chan struct{})
	for range 64 {
		writers.Go(func() {
			for {
				mu.Lock()
				n := made
				made++
				mu.Unlock()
				receipt, err := l.Append(t.Context(), numbered(n))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged = max(acknowledged, receipt.Last)
				mu.Unlock()
				if n == 1000 {
					close(enough)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	<-enough
	var dirs []string
	var reports []filelog.BackupReport
	for i := range 3 {
		mu.Lock()
		before := acknowledged
		mu.Unlock()
		dir, report := backup(t, l, filelog.BackupConfig{Copy: i == 2})
		if report.Position < before {
			t.Errorf("the backup ends at %d, and %d was acknowledged before it began", report.Position, before)
		}
		dirs, reports = append(dirs, dir), append(reports, report)
	}
	close(stop)
	writers.Wait()
	for i := range dirs {
		wantPrefix(t, l, dirs[i], reports[i])
	}
	if r := reports[2]; r.Linked != 0 || r.Copied == 0 {
		t.Errorf("a backup that copies says %+v", r)
	}
	if r := reports[0]; r.Linked == 0 {
		t.Errorf("a backup on the same disk says %+v", r)
	}
}

// wantPrefix checks that a backup is whole and, restored, has what the log has up to its end.
func wantPrefix(t *testing.T, l *filelog.Log, dir string, report filelog.BackupReport) {
	t.Helper()
	if r := verify(t, dir); r.Err() != nil || !r.Closed { // items that are ahead of the log are damage
		t.Errorf("verify the backup: %v, %+v", r.Err(), r)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	r, err := filelog.Restore(t.Context(), dir, restored, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Closed || r.Head != report.Position || r.Commits != report.Commits || r.Torn != nil {
		t.Errorf("restored %+v of the backup %+v", r, report)
	}
	want := texts(t, l)[:report.Position]
	for _, dir := range []string{dir, restored} {
		copied := open(t, dir, filelog.Config{})
		if copied.Recovery().Unclean {
			t.Errorf("opening says %+v", copied.Recovery())
		}
		if got := texts(t, copied); !slices.Equal(got, want) {
			t.Errorf("%s has %d events, want %d", dir, len(got), len(want))
		}
		wantItemsOfEvents(t, copied)
		appendTo(t, copied, numbered(1<<14))
		if err := copied.Close(); err != nil {
			t.Error(err)
		}
	}
}

// wantItemsOfEvents checks that the items are those of the commits whose events are there.
func wantItemsOfEvents(t *testing.T, l *filelog.Log) {
	t.Helper()
	var newest string
	n := 0
	for r, err := range l.Read(t.Context(), store.Query{Any: []store.Filter{{Stream: "all"}}}) {
		if err != nil {
			t.Fatal(err)
		}
		var m int
		fmt.Sscanf(string(r.Data), `{"n":%d}`, &m)
		newest = fmt.Sprint((m - 1) / 2)
		if item, err := l.Get(t.Context(), "b", "k-"+newest); err != nil || item.Revision == 0 {
			t.Fatalf("position %d is there, and its item %s is not: %v", r.Position, newest, err)
		}
		n++
	}
	item, err := l.Get(t.Context(), "b", "newest")
	if string(item.Value) != newest || err != nil {
		t.Errorf("the newest item is %q, %v; want %q", item.Value, err, newest)
	}
	for _, err := range l.List(t.Context(), "b", "k", "l") {
		if err != nil {
			t.Fatal(err)
		}
		n--
	}
	if n != 0 {
		t.Errorf("there are %d items more or less than commits", n)
	}
}

func TestBackupAndRestoreOverwriteNothing(t *testing.T) {
	home := t.TempDir()
	l := open(t, filepath.Join(home, "data"), filelog.Config{})
	appendTo(t, l, numbered(1))
	full, file := filepath.Join(home, "full"), filepath.Join(home, "file")
	os.Mkdir(full, 0o700)
	rewrite(t, filepath.Join(full, "precious"), []byte("x"))
	rewrite(t, file, []byte("x"))
	saved, _ := backup(t, l, filelog.BackupConfig{})
	for _, dir := range []string{full, file, filepath.Join(home, "data"), filepath.Join(home, "data", "backup")} {
		if _, err := l.Backup(t.Context(), dir, filelog.BackupConfig{}); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("back up to %s: %v", dir, err)
		}
		if strings.HasSuffix(dir, "backup") {
			continue
		}
		if _, err := filelog.Restore(t.Context(), saved, dir, nil); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("restore to %s: %v", dir, err)
		}
	}
	if _, err := l.Backup(t.Context(), full, filelog.BackupConfig{}); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if string(contents(t, filepath.Join(full, "precious"))) != "x" || string(contents(t, file)) != "x" {
		t.Error("something was overwritten")
	}
	empty := t.TempDir()
	if _, err := l.Backup(t.Context(), empty, filelog.BackupConfig{}); err != nil {
		t.Errorf("back up to an empty folder: %v", err)
	}
}

func TestBackupThatFailsLeavesNothing(t *testing.T) {
	d := quick()
	folder := t.TempDir()
	l := openOn(t, folder, filelog.Config{SegmentBytes: 1 << 10}, d)
	for n := range 20 {
		appendTo(t, l, numbered(n))
	}
	l.Close()
	if _, err := filelog.Reindex(t.Context(), folder, nil); err != nil { // so that nothing but the backup writes from now on
		t.Fatal(err)
	}
	l = openOn(t, folder, filelog.Config{SegmentBytes: 1 << 10}, d)
	dir := filepath.Join(t.TempDir(), "backup")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Backup(ctx, dir, filelog.BackupConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	full := errors.New("disk full")
	for after := 0; ; after++ {
		left := after
		d.write = func([]byte) error {
			if left--; left < 0 {
				return full
			}
			return nil
		}
		_, err := l.Backup(t.Context(), dir, filelog.BackupConfig{Copy: true})
		d.write = nil
		if err == nil && after > 5 {
			return
		}
		if !errors.Is(err, full) {
			t.Fatalf("after %d writes: got %v", after, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("after %d writes: the folder is there", after)
		}
	}
}

func TestInterruptedBackupIsNotTakenForAWholeOne(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{})
	appendTo(t, l, numbered(1))
	dir, _ := backup(t, l, filelog.BackupConfig{})
	// The last step of a backup gives the segments their name.
	if err := os.Rename(filepath.Join(dir, "log"), filepath.Join(dir, "log.partial")); err != nil {
		t.Fatal(err)
	}
	_, opened := filelog.Open(dir, filelog.Config{})
	_, verified := filelog.Verify(t.Context(), dir, nil)
	_, restored := filelog.Restore(t.Context(), dir, filepath.Join(t.TempDir(), "restored"), nil)
	_, again := l.Backup(t.Context(), dir, filelog.BackupConfig{})
	for _, err := range []error{opened, verified, restored, again} {
		if err == nil || !strings.Contains(err.Error(), "interrupted; remove what is in it") {
			t.Errorf("got %v", err)
		}
	}
	if exists, err := filelog.Exists(dir); exists || err != nil {
		t.Errorf("it exists: %t, %v", exists, err)
	}
}

func TestDamagedBackupIsNotRestored(t *testing.T) {
	dir := rotated(t)
	path := segments(t, dir)[1]
	rewrite(t, path, flipped(contents(t, path), 200))
	restored := filepath.Join(t.TempDir(), "restored")
	report, err := filelog.Restore(t.Context(), dir, restored, nil)
	if !errors.Is(err, store.ErrDamaged) || len(report.Damage) != 1 || report.Damage[0].File != path {
		t.Errorf("got %v, %+v", err, report)
	}
	if _, err := os.Stat(restored); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was restored")
	}
}

func TestCloseEndsABackup(t *testing.T) {
	d := quick()
	l := openOn(t, t.TempDir(), filelog.Config{}, d)
	appendTo(t, l, numbered(1))
	dir := filepath.Join(t.TempDir(), "backup")
	writing, goOn := make(chan struct{}), make(chan struct{})
	d.write = func([]byte) error {
		d.write = nil
		close(writing)
		<-goOn
		return nil
	}
	ended := make(chan error)
	go func() {
		_, err := l.Backup(t.Context(), dir, filelog.BackupConfig{Copy: true})
		ended <- err
	}()
	<-writing
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	if _, err := l.Wait(t.Context(), 1<<40); !errors.Is(err, store.ErrClosed) {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Errorf("the backup ended with %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something is left of it")
	}
}

func TestBackupRestoreAndReindexGoWithAnArchive(t *testing.T) {
	dir, want := grown(t)
	archive := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 2 << 10, OnDamage: func(d *filelog.DamageError) { t.Error(d) }})
	if report, err := l.Trim(t.Context(), 100, archive); err != nil || report.Segments == 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if _, err := l.Scrub(t.Context()); err != nil {
		t.Error(err)
	}
	saved, _ := backup(t, l, filelog.BackupConfig{})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	if _, err := filelog.Restore(t.Context(), dir, restored, nil); err != nil { // any log will do for a backup
		t.Fatal(err)
	}
	spoilIndex(t, dir)
	if report, err := filelog.Reindex(t.Context(), dir, nil); err != nil || report.ItemsKept || report.Head != 200 {
		t.Errorf("reindex: %+v, %v", report, err)
	}
	wantWhole(t, dir, want)
	if err := os.RemoveAll(archive); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, saved, want)
	wantWhole(t, restored, want)
}
