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
	for i, path := range segments(t, dir) {
		golden := filepath.Join("testdata", "v1-"+filepath.Base(path)+".hex")
		got := hex.Dump(contents(t, path))
		if *update {
			rewrite(t, golden, []byte(got))
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("segment %d is not what %s says (%v):\n%s", i+1, golden, err, got)
		}
	}
	if n := len(segments(t, dir)); n != 2 {
		t.Errorf("there are %d segments, want 2 so that there is a seal", n)
	}
}
