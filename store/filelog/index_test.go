package filelog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// indexed fills a folder with several segments, items among them, and closes it.
func indexed(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 1500, NoSync: true})
	for n := range 60 {
		c := commit(record(3*n, "a"), record(3*n+1, fmt.Sprintf("b-%d", n%7)), record(3*n+2, "c"))
		if n%4 == 0 {
			c.Items = []store.ItemWrite{store.Put("b", fmt.Sprint(n%5), fmt.Append(nil, n)), store.Delete("b", fmt.Sprint((n+4)%5))}
		}
		appendTo(t, l, c)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// everything is all that can be asked of a log, as text.
func everything(t testing.TB, l *filelog.Log) string {
	t.Helper()
	var b strings.Builder
	ask := func(q store.Query) {
		fmt.Fprintf(&b, "%+v:\n", q)
		for r, err := range l.Read(context.Background(), q) {
			fmt.Fprintf(&b, "%d %s %d %s %v\n", r.Position, r.Stream, r.Revision, r.Data, err)
		}
	}
	ask(store.Query{})
	for _, stream := range []string{"a", "b-3", "none"} {
		ask(store.Stream(stream))
		ask(store.Query{Any: []store.Filter{{Stream: stream, AfterRevision: 5}}, Backward: true, Limit: 7})
	}
	ask(store.Where(store.Filter{Tags: []string{"customer:7"}, StreamPrefix: "b-"}))
	ask(store.Where(store.Filter{ID: record(100, "").ID}))
	ask(store.Where(store.Filter{Types: []string{"order.placed"}, Stream: "b-1"}))
	for info, err := range l.Streams(context.Background(), "") {
		fmt.Fprintf(&b, "%+v %v\n", info, err)
	}
	for item, err := range l.List(context.Background(), "b", "", "") {
		fmt.Fprintf(&b, "%+v %v\n", item, err)
	}
	stats, err := l.Stats(context.Background())
	stats.Bytes, stats.EventsPerSecond, stats.BytesPerSecond = 0, 0, 0
	fmt.Fprintf(&b, "%+v %v\n", stats, err)
	return b.String()
}

func TestIndexAndItemsThatAreLostOrDamagedAreMadeAgain(t *testing.T) {
	dir := indexed(t)
	l := open(t, dir, filelog.Config{})
	want := everything(t, l)
	l.Close()
	harms := map[string]func(dir string){
		"nothing":   func(string) {},
		"no index":  func(dir string) { removeAll(t, filepath.Join(dir, "index")) },
		"no items":  func(dir string) { removeAll(t, filepath.Join(dir, "items")) },
		"neither":   func(dir string) { removeAll(t, filepath.Join(dir, "index")); removeAll(t, filepath.Join(dir, "items")) },
		"no places": func(dir string) { removeMatching(t, filepath.Join(dir, "index", "*.pos")) },
		"no runs":   func(dir string) { removeMatching(t, filepath.Join(dir, "index", "*.run")) },
		"runs cut short": func(dir string) {
			harmMatching(t, filepath.Join(dir, "index", "*.run"), func(b []byte) []byte { return b[:len(b)/2] })
		},
		"headers of runs": func(dir string) {
			harmMatching(t, filepath.Join(dir, "index", "*.run"), func(b []byte) []byte { return flipped(b, 50) })
		},
		"runs of another format": func(dir string) {
			harmMatching(t, filepath.Join(dir, "index", "*.run"), func(b []byte) []byte {
				b[8]--
				binary.LittleEndian.PutUint32(b[188:], crc32.Checksum(b[:188], crc32.MakeTable(crc32.Castagnoli)))
				return b
			})
		},
		"headers of places": func(dir string) {
			harmMatching(t, filepath.Join(dir, "index", "*.pos"), func(b []byte) []byte { return flipped(b, 50) })
		},
		"half-written files": func(dir string) {
			rewrite(t, filepath.Join(dir, "index", "00000000000000000001.pos.new"), []byte("half"))
			rewrite(t, filepath.Join(dir, "index", "00000000000000000001-00000000000000000002.run.new"), []byte("half"))
		},
		"runs of another store": func(dir string) {
			removeAll(t, filepath.Join(dir, "index"))
			if err := os.CopyFS(filepath.Join(dir, "index"), os.DirFS(filepath.Join(indexed(t), "index"))); err != nil {
				t.Fatal(err)
			}
		},
		"items of another store": func(dir string) {
			removeAll(t, filepath.Join(dir, "items"))
			if err := os.CopyFS(filepath.Join(dir, "items"), os.DirFS(filepath.Join(indexed(t), "items"))); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range harms {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			harm(copied)
			for range 2 {
				l := open(t, copied, filelog.Config{})
				if got := everything(t, l); got != want {
					t.Fatalf("got\n%s\nwant\n%s", got, want)
				}
				if l.Recovery().Unclean {
					t.Error("the log was closed in order, and opening it says otherwise")
				}
				l.Close()
			}
		})
	}
}

func removeAll(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func matching(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s matches %v, error %v", pattern, paths, err)
	}
	return paths
}

func removeMatching(t *testing.T, pattern string) {
	t.Helper()
	for _, path := range matching(t, pattern) {
		removeAll(t, path)
	}
}

func harmMatching(t *testing.T, pattern string, harm func([]byte) []byte) {
	t.Helper()
	for _, path := range matching(t, pattern) {
		rewrite(t, path, harm(contents(t, path)))
	}
}

// A bit that flips in the part of the index that is looked at is told; nothing is ever left out because of it.
func TestFlippedBitInTheIndexNeverHidesARecord(t *testing.T) {
	dir := indexed(t)
	l := open(t, dir, filelog.Config{})
	want := everything(t, l)
	l.Close()
	for _, path := range slices.Concat(matching(t, filepath.Join(dir, "index", "*.run")), matching(t, filepath.Join(dir, "index", "*.pos"))[:2]) {
		sound := contents(t, path)
		told := 0
		for at := 0; at < len(sound); at += 1 + len(sound)/41 {
			rewrite(t, path, flipped(sound, at))
			l, err := filelog.Open(dir, filelog.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if got := everything(t, l); got != want {
				if !strings.Contains(got, store.ErrDamaged.Error()) || !strings.Contains(got, "oxbow reindex") {
					t.Fatalf("byte %d of %s: got\n%s", at, filepath.Base(path), got)
				}
				told++
			}
			l.Close()
			rewrite(t, path, sound)
		}
		t.Logf("%s: told of %d", filepath.Base(path), told)
	}
}

func TestLogWithItsEndLostMakesItsItemsAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	put := func(l *filelog.Log, value string) {
		c := commit(record(len(value), "a"))
		c.Items = []store.ItemWrite{store.Put("b", "k", []byte(value))}
		appendTo(t, l, c)
	}
	put(l, "first")
	l.Close()
	before := image(t, dir)
	l = open(t, dir, filelog.Config{})
	put(l, "second")
	l.Close()
	removeAll(t, filepath.Join(dir, "log"))
	if err := os.Rename(filepath.Join(before, "log"), filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, filelog.Config{})
	item, err := l.Get(t.Context(), "b", "k")
	if err != nil || string(item.Value) != "first" || item.Revision != 1 {
		t.Errorf("got %+v, error %v", item, err)
	}
	if stats, err := l.Stats(t.Context()); err != nil || stats.Items != 1 {
		t.Errorf("got %+v, error %v", stats, err)
	}
}

func TestReadersKeepWhatTheyBeganWithWhileTheIndexChanges(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{SegmentBytes: 3000, NoSync: true})
	const writers, each = 4, 400
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for n := range each {
				r := record(w*each+n, fmt.Sprintf("s-%d", w))
				if _, err := l.Append(context.Background(), store.Commit{
					Events: commit(r).Events, Conditions: []store.Condition{store.AtRevision(r.Stream, uint64(n))},
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		for w := range writers {
			want := uint64(0)
			for r, err := range l.Read(t.Context(), store.Stream(fmt.Sprintf("s-%d", w))) {
				if want++; err != nil || r.Revision != want {
					t.Fatalf("revision %d, want %d; error %v", r.Revision, want, err)
				}
			}
		}
	}
	head, _ := l.Head(t.Context())
	last := store.Position(0)
	for r, err := range l.Read(t.Context(), store.Query{}) {
		if last++; err != nil || r.Position != last {
			t.Fatalf("position %d, want %d; error %v", r.Position, last, err)
		}
	}
	if last != head || head != writers*each {
		t.Errorf("read %d of %d, want %d", last, head, writers*each)
	}
}

func TestCloseWhileReadingLetsTheReaderGo(t *testing.T) {
	dir := indexed(t)
	l := open(t, dir, filelog.Config{})
	var got error
	for _, err := range l.Read(t.Context(), store.Query{}) {
		if got = err; err == nil {
			l.Close()
		}
	}
	if !errors.Is(got, store.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", got)
	}
	open(t, dir, filelog.Config{})
}
