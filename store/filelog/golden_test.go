package filelog_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fullRecord has something in every field.
func fullRecord() event.Record {
	r := record(7, "order-42")
	foreign, _ := event.ParseID("ABC/ströme-1")
	r.CorrelationID, r.CausationID = foreign, event.UUID([16]byte{15: 1})
	r.Version, r.Topic, r.Source, r.Subject = 300, "orders.eu", "/shop", "order 42"
	r.UserID, r.AggregateType, r.AggregateID = "user", "order", "42"
	r.Tags = []string{"customer:7", "vip"}
	r.TraceParent, r.TraceState = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "vendor=1"
	r.ContentType, r.DataSchema = "text/plain", "https://example.com/schema"
	r.Headers = map[string]string{"b": "2", "a": "1"}
	r.Time = time.Date(1, 1, 1, 0, 0, 0, 999_999_999, time.UTC)
	return r
}

// TestFormatIsWhatItWas fails when the bytes on the disk change. A change needs a new format version, and a reader for the old one.
func TestFormatIsWhatItWas(t *testing.T) {
	dir := t.TempDir()
	random := bytes.NewReader([]byte("sixteen bytes id"))
	l, err := filelog.OpenFixed(dir, filelog.Config{SegmentBytes: 500}, time.Unix(1_800_000_000, 5), random)
	if err != nil {
		t.Fatal(err)
	}
	bare := record(8, "order-42")
	bare.Data, bare.Tags, bare.CorrelationID = nil, nil, event.ID{}
	empty := record(9, "order-42")
	empty.Data, empty.Headers = []byte{}, map[string]string{}
	c := commit(fullRecord(), bare)
	c.Items = []store.ItemWrite{store.Put("bucket", "key", []byte("value")), store.Put("bucket", "nil", nil), store.Delete("bucket", "gone")}
	appendTo(t, l, c)
	appendTo(t, l, commit(empty))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range segments(t, dir) {
		wantGolden(t, path, "v1-"+filepath.Base(path))
	}
	if n := len(segments(t, dir)); n != 2 {
		t.Errorf("there are %d segments, want 2 so that there is a seal", n)
	}
}

// wantGolden compares a file of the log with what it was when the golden file was written.
func wantGolden(t *testing.T, path, name string) {
	t.Helper()
	golden := filepath.Join("testdata", name+".hex")
	got := hex.Dump(contents(t, path))
	if *update {
		rewrite(t, golden, []byte(got))
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%s is not what %s says (%v):\n%s", path, golden, err, got)
	}
}

// compactedGolden makes a log of which the first segment was compacted: it has a commit that is whole, one of which the first event
// is gone, one of which only items are left, a gap, and a commit of which an item is gone.
func compactedGolden(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	random := bytes.NewReader([]byte("sixteen bytes id"))
	l, err := filelog.OpenFixed(dir, filelog.Config{SegmentBytes: 1500}, time.Unix(1_800_000_000, 5), random)
	if err != nil {
		t.Fatal(err)
	}
	typed := func(n int, stream, name string) event.Record {
		r := record(n, stream)
		r.Type = name
		return r
	}
	appendTo(t, l, commit(typed(1, "kept", "a")))
	appendTo(t, l, commit(typed(2, "gone", "b"), typed(3, "gone", "a"), typed(4, "kept", "b")))
	left := commit(typed(5, "gone", "b"))
	left.Items = []store.ItemWrite{store.Delete("bucket", "key")}
	appendTo(t, l, left)
	appendTo(t, l, commit(typed(20, "gone", "b"), typed(21, "gone", "a")))
	appendTo(t, l, store.Commit{Items: []store.ItemWrite{store.Put("bucket", "key", []byte("old"))}})
	mixed := commit(typed(8, "kept", "a"))
	mixed.Items = []store.ItemWrite{store.Put("bucket", "key", []byte("older")), store.Put("bucket", "other", []byte("stays"))}
	appendTo(t, l, mixed)
	appendTo(t, l, commit(typed(9, "gone", "a")))
	appendTo(t, l, store.Commit{Items: []store.ItemWrite{
		store.PutStreamMeta("gone", store.StreamMeta{Deleted: 6}), store.Put("bucket", "key", []byte("newest")),
	}})
	appendTo(t, l, commit(fullRecord()))
	appendTo(t, l, commit(typed(10, "kept", string(bytes.Repeat([]byte("c"), 200)))))
	compactAll(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFormatOfCompactedSegmentsIsWhatItWas(t *testing.T) {
	dir := compactedGolden(t)
	wantGolden(t, segments(t, dir)[0], "v2-"+filepath.Base(segments(t, dir)[0]))
	if r := wantSound(t, dir); r.Gone != 6 || len(segments(t, dir)) != 2 {
		t.Errorf("verify says %+v", r)
	}
}
