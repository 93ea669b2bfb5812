package filelog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func open(t testing.TB, dir string, cfg filelog.Config) *filelog.Log {
	t.Helper()
	l, err := filelog.Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// record returns an event that says n in its id, so that equal ns are equal events.
func record(n int, stream string) event.Record {
	var r event.Record
	r.ID = event.UUID([16]byte{0: 1, 6: 0x70, 8: 0x80, 14: byte(n >> 8), 15: byte(n)})
	r.Type, r.Version, r.Stream = "order.placed", 1, stream
	r.Time = time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC)
	r.CorrelationID = r.ID
	r.ContentType = "application/json"
	r.Tags = []string{"customer:7"}
	r.Data = fmt.Appendf(nil, `{"n":%d}`, n)
	return r
}

func commit(events ...event.Record) store.Commit { return store.Commit{Events: events} }

func appendTo(t testing.TB, l *filelog.Log, c store.Commit) store.Receipt {
	t.Helper()
	receipt, err := l.Append(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// texts returns the data of all records.
func texts(t testing.TB, l *filelog.Log) (all []string) {
	t.Helper()
	for r, err := range l.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(r.Data))
	}
	return all
}

// segments returns the paths of the log's files in order.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "log", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// newest returns the path of the last segment.
func newest(t testing.TB, dir string) string {
	t.Helper()
	paths := segments(t, dir)
	return paths[len(paths)-1]
}

// image copies the log as it is on the disk now, as if the process were killed at this moment.
func image(t testing.TB, dir string) (copied string) {
	t.Helper()
	copied = t.TempDir()
	if err := os.CopyFS(filepath.Join(copied, "log"), os.DirFS(filepath.Join(dir, "log"))); err != nil {
		t.Fatal(err)
	}
	return copied
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rewrite(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// size is how long the newest segment is.
func size(t testing.TB, dir string) int { return len(written(t, newest(t, dir))) }

// written returns what is in a segment without the zeros that were written ahead.
func written(t testing.TB, path string) []byte {
	t.Helper()
	return bytes.TrimRight(contents(t, path), "\x00")
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1 << (at % 8)
	return b
}
