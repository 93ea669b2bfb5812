package filelog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	files "github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// What compaction leaves of a segment is written in huge pages, so that the system can keep each as one.
func TestCompactedSegmentsAreWrittenInHugePages(t *testing.T) {
	var whole, parts int
	d := newSimDisk(rand.New(rand.NewPCG(1, 1)), func(format string, args ...any) {
		var n, off int64
		text := strings.TrimSpace(fmt.Sprintf(format, args...))
		if _, err := fmt.Sscanf(text, "write %d bytes at %d", &n, &off); err != nil || !strings.HasSuffix(text, ".seg.new") {
			return
		}
		if off/files.HugePage != (off+n-1)/files.HugePage {
			t.Errorf("%s: across the end of a huge page", text)
		}
		if n == files.HugePage {
			whole++
		} else {
			parts++
		}
	})
	l, err := filelog.OpenSimulated(faultFolder, filelog.Config{SegmentBytes: 7 << 20}, d, d.items, zeros{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n := range 120 {
		r := record(n, fmt.Sprint("s", n%8))
		r.Data = fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, n, strings.Repeat("x", 100_000))
		appendTo(t, l, commit(r))
	}
	setMeta(t, l, "s0", store.StreamMeta{MaxCount: 1})
	whole, parts = 0, 0
	if report := compactAll(t, l); report.Records == 0 {
		t.Fatalf("nothing was compacted: %+v", report)
	}
	if whole < 2 || parts > 8 {
		t.Errorf("%d huge pages and %d smaller parts were written, want at least 2 and at most 8", whole, parts)
	}
}

// A reader takes memory for the records of a list at once, and none for itself.
func TestReadingAFewRecordsTakesLittleMemory(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{NoSync: true})
	for n := range 100 {
		r := record(n, fmt.Sprint("s", n%10))
		r.Tags, r.Data = nil, fmt.Appendf(nil, `{"n":%03d}`, n)
		appendTo(t, l, commit(r))
	}
	q, read := store.Stream("s3"), 0
	few := testing.AllocsPerRun(100, func() {
		for r, err := range l.Read(t.Context(), q) {
			if err != nil || len(r.Data) == 0 {
				t.Fatal(r, err)
			}
			read++
		}
	})
	q.Limit = 1
	one := testing.AllocsPerRun(100, func() {
		for _, err := range l.Read(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if read != 101*10 || one > 15 || few > one+1 {
		t.Errorf("one record takes %.0f allocations, want at most 15; ten take %.0f", one, few)
	}
}
