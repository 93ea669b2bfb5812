package filelog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func verify(t *testing.T, dir string) filelog.Report {
	t.Helper()
	report, err := filelog.Verify(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifyCountsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 500, NoSync: true})
	for n := range 10 {
		c := commit(record(2*n, "a"), record(2*n+1, fmt.Sprintf("b-%d", n)))
		c.Items = []store.ItemWrite{store.Put("b", "k", nil)}
		appendTo(t, l, c)
	}
	bytes := 0
	for _, path := range segments(t, dir) {
		bytes += len(contents(t, path))
	}
	if r := verify(t, image(t, dir)); r.Closed || r.Err() != nil || r.Torn != nil || r.Bytes != int64(bytes) {
		t.Errorf("while the log is open: %+v, want %d bytes and not closed", r, bytes)
	}
	l.Close()
	r := verify(t, dir)
	if r.Commits != 10 || r.Events != 20 || r.Items != 10 || r.Streams != 11 || r.Head != 20 || !r.Closed || r.Err() != nil {
		t.Errorf("got %+v", r)
	}
	if r.Segments != len(segments(t, dir)) || r.Segments < 5 {
		t.Errorf("got %d segments, there are %d", r.Segments, len(segments(t, dir)))
	}
}

func TestVerifyFindsEveryDamage(t *testing.T) {
	dir := rotated(t) // positions 1 to 12, several to a segment
	harmed := []string{`{"n":1}`, `{"n":4}`, `{"n":5}`, `{"n":9}`}
	for _, path := range segments(t, dir) {
		b := contents(t, path)
		for _, text := range harmed {
			if at := bytes.Index(b, []byte(text)); at >= 0 {
				b = flipped(b, at)
			}
		}
		rewrite(t, path, b)
	}
	var positions []store.Position
	report := verify(t, dir)
	for _, d := range report.Damage {
		positions = append(positions, d.Position)
	}
	if got := fmt.Sprint(positions); got != "[2 5 6 10]" {
		t.Errorf("found damage at positions %s, want [2 5 6 10]: %v", got, report.Err())
	}
	if !strings.Contains(report.Err().Error(), "3 more places") {
		t.Errorf("the error does not say how much more there is: %v", report.Err())
	}
}

func TestVerifyGoesOnBehindABrokenFrame(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	var offsets []int
	for n := range 6 {
		offsets = append(offsets, size(t, dir))
		appendTo(t, l, commit(record(n, "a")))
	}
	l.Close()
	b := contents(t, newest(t, dir))
	for _, n := range []int{1, 2, 4} {
		b = flipped(b, offsets[n]+20)
	}
	rewrite(t, newest(t, dir), b)
	report := verify(t, dir)
	// Nothing tells where the frame behind a broken header begins, so two in a row are one place.
	if len(report.Damage) != 2 || report.Damage[0].Offset != int64(offsets[1]) || report.Damage[1].Offset != int64(offsets[4]) {
		t.Errorf("got %v, want damage at %d and %d", report.Damage, offsets[1], offsets[4])
	}
	if report.Events != 3 || report.Head != 6 {
		t.Errorf("read %d events up to %d, want 3 up to 6", report.Events, report.Head)
	}
}

func TestVerifyChangesNothing(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	crashed := image(t, dir)
	path := newest(t, crashed)
	torn := contents(t, path)[:begin+70]
	rewrite(t, path, torn)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	report := verify(t, crashed)
	want := filelog.TornTail{File: path, Offset: int64(begin), Bytes: int64(len(written(t, path)) - begin)}
	if report.Torn == nil || *report.Torn != want || report.Err() != nil {
		t.Errorf("got %+v, want %+v and no damage", report, want)
	}
	if !bytes.Equal(contents(t, path), torn) {
		t.Error("Verify changed the log")
	}
}

func TestVerifyTellsItsProgressAndStops(t *testing.T) {
	dir := rotated(t)
	var done, total int64
	if _, err := filelog.Verify(t.Context(), dir, func(d, all int64) { done, total = d, all }); err != nil {
		t.Fatal(err)
	}
	if done != total || total == 0 {
		t.Errorf("the last progress was %d of %d", done, total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := filelog.Verify(ctx, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestVerifyRefusesAFolderWithoutALog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := filelog.Verify(t.Context(), dir, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("Verify created the folder")
	}
}

func TestReportIsReadableByMachines(t *testing.T) {
	dir := rotated(t)
	path := segments(t, dir)[1]
	rewrite(t, path, flipped(contents(t, path), 200))
	b, err := json.Marshal(verify(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var report map[string]any
	if err := json.Unmarshal(b, &report); err != nil {
		t.Fatal(err)
	}
	found := report["damage"].([]any)[0].(map[string]any)
	if found["file"] != path || found["reason"] == "" || report["closed"] != true {
		t.Errorf("got %s", b)
	}
}
