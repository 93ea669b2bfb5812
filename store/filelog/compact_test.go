package filelog_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

var compactSeeds = flag.Int("compact.seeds", 12, "how many seeds the test of compaction goes through")

// setMeta writes what a stream keeps.
func setMeta(t testing.TB, l store.Driver, stream string, m store.StreamMeta) {
	t.Helper()
	if _, err := l.Append(t.Context(), store.Commit{Items: []store.ItemWrite{store.PutStreamMeta(stream, m)}}); err != nil {
		t.Fatal(err)
	}
}

func compactAll(t testing.TB, l *filelog.Log) filelog.CompactReport {
	t.Helper()
	report, err := l.Compact(t.Context(), filelog.CompactConfig{All: true})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// secret is the n-th record of a stream s0 to s9, of which nothing is shared with others but its type.
func secret(n int, stream string) store.Commit {
	r := record(int(stream[1]-'0')<<10+n, stream)
	r.Data = fmt.Appendf(nil, `{"secret":"of %s %04d"}`, stream, n)
	r.Tags = []string{"tag-of-" + stream}
	return commit(r)
}

// fill writes n records to each of the streams in turn, one commit each, with an item that each commit replaces.
func fill(t testing.TB, l store.Driver, n int, streams ...string) {
	t.Helper()
	for i := range n {
		for _, stream := range streams {
			c := secret(i, stream)
			c.Items = []store.ItemWrite{store.Put("bucket", "key-of-"+stream, fmt.Appendf(nil, "value %d of %s", i, stream))}
			if _, err := l.Append(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// grep returns the files of the folder in which the text stands.
func grep(t testing.TB, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// answers is everything that a store says of itself, but for the bytes it takes.
func answers(t testing.TB, d store.Driver) string {
	t.Helper()
	var b strings.Builder
	ctx := context.Background()
	st := store.New(d, store.Config{})
	for _, q := range []store.Query{
		{},
		{Backward: true},
		{After: 7, Limit: 9},
		store.Where(store.Filter{Types: []string{"order.placed"}}),
		store.Where(store.Filter{StreamPrefix: "s"}), store.Where(store.Filter{Tags: []string{"customer:7"}}),
	} {
		say(&b, d, q)
	}
	for i := range 8 {
		stream := fmt.Sprintf("s%d", i)
		for _, after := range []uint64{0, 1, 3, 8} {
			say(&b, d, store.Where(store.Filter{Stream: stream, AfterRevision: after}))
		}
		revision, err := st.StreamRevision(ctx, stream)
		fmt.Fprintf(&b, "%s is at %d (%v)\n", stream, revision, err)
	}
	for info, err := range d.(store.StreamLister).Streams(ctx, "") {
		fmt.Fprintf(&b, "%+v (%v)\n", info, err)
	}
	stats, err := d.(store.Statistician).Stats(ctx)
	stats.Bytes, stats.EventsPerSecond, stats.BytesPerSecond = 0, 0, 0
	fmt.Fprintf(&b, "%+v (%v)\n", stats, err)
	for _, bucket := range []string{"bucket", store.StreamBucket} {
		for item, err := range d.List(ctx, bucket, "", "") {
			fmt.Fprintf(&b, "%+v (%v)\n", item, err)
		}
	}
	return b.String()
}

func say(b *strings.Builder, d store.Driver, q store.Query) {
	fmt.Fprintf(b, "%+v:\n", q)
	for r, err := range d.Read(context.Background(), q) {
		fmt.Fprintf(b, "  %d %s %d %s (%v)\n", r.Position, r.Stream, r.Revision, r.Data, err)
	}
}

// reindexed closes the log, takes away all that is made from it, and opens it again.
func reindexed(t testing.TB, l *filelog.Log, dir string, cfg filelog.Config) *filelog.Log {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index", "items"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir, cfg)
}

func wantSound(t testing.TB, dir string) filelog.Report {
	t.Helper()
	report, err := filelog.Verify(t.Context(), dir, nil)
	if err != nil || report.Err() != nil {
		t.Fatalf("verify: %v, %v", err, report.Err())
	}
	return report
}

func TestCompactTakesAwayWhatIsGoneAndNothingElse(t *testing.T) {
	dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 2000}
	l := open(t, dir, cfg)
	fill(t, l, 20, "s0", "s1", "s2", "s3", "s4")
	setMeta(t, l, "s1", store.StreamMeta{Deleted: 20})
	setMeta(t, l, "s2", store.StreamMeta{Tombstone: true})
	setMeta(t, l, "s3", store.StreamMeta{MaxCount: 3})
	setMeta(t, l, "s4", store.StreamMeta{Before: 100})
	fill(t, l, 20, "s5") // so that all of the others is in full segments
	want := answers(t, l)
	report := compactAll(t, l)
	if report.Records != 20+20+17+19 || report.Items < 90 || report.After >= report.Before/2 || report.Segments < 5 || report.Deferred {
		t.Errorf("got %+v", report)
	}
	for text, stays := range map[string]bool{
		`of s0 0000"`: true, `of s1 0019`: false, `tag-of-s1`: false, `of s2 0019`: false, `of s3 0016`: false, `of s3 0017`: true, `of s4 0018`: false,
		`of s4 0019`: true, `value 0 of s0`: false, `value 19 of s0`: true,
	} {
		if found := grep(t, filepath.Join(dir, "log"), text); (len(found) > 0) != stays {
			t.Errorf("%q is in %v, want it to stay: %t", text, found, stays)
		}
	}
	if got := answers(t, l); got != want {
		t.Errorf("after compaction:\n%s\nwant:\n%s", got, want)
	}
	if again := compactAll(t, l); again.Segments != 0 {
		t.Errorf("a second time: %+v, want nothing to do", again)
	}
	l.Close()
	if r := wantSound(t, dir); r.Gone != 76 || r.Head != 120 || !r.Closed {
		t.Errorf("verify says %+v", r)
	}
	l = open(t, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("opened again:\n%s\nwant:\n%s", got, want)
	}
	l = reindexed(t, l, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("with an index that was made again:\n%s\nwant:\n%s", got, want)
	}
}

func TestADeletedStreamGoesOnBehindWhatWasCompactedAway(t *testing.T) {
	for _, reindex := range []bool{false, true} {
		dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 1000}
		l := open(t, dir, cfg)
		fill(t, l, 6, "s0")
		setMeta(t, l, "s0", store.StreamMeta{Deleted: 6})
		fill(t, l, 6, "s1")
		compactAll(t, l)
		if reindex {
			l = reindexed(t, l, dir, cfg)
		}
		c := secret(100, "s0")
		c.Conditions = []store.Condition{store.NoStream("s0")}
		if got := appendTo(t, l, c); got.Revisions["s0"] != 7 {
			t.Errorf("reindexed %t: the stream goes on with revision %d, want 7", reindex, got.Revisions["s0"])
		}
		appendTo(t, l, secret(101, "s0"))
		want := answers(t, l)
		l = reindexed(t, l, dir, cfg)
		if got := answers(t, l); got != want {
			t.Errorf("reindexed again: %s\nwant %s", got, want)
		}
		l.Close()
		wantSound(t, dir)
	}
}

// A store in memory, to which the same is done, and which nobody compacts, says what must be there.
func TestCompactedLogAnswersAsOneThatNeverWas(t *testing.T) {
	for seed := range uint64(*compactSeeds) {
		tryCompaction(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func tryCompaction(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 500 + random.Int64N(1500), NoSync: true}
	l, model := open(t, dir, cfg), memory.New()
	made := 0
	both := func(c store.Commit) {
		want, wantErr := model.Append(t.Context(), c)
		got, err := l.Append(t.Context(), c)
		got.Durability, want.Durability = 0, 0
		if fmt.Sprint(got, err) != fmt.Sprint(want, wantErr) {
			t.Errorf("got %+v, %v\nwant %+v, %v", got, err, want, wantErr)
		}
	}
	for range 120 {
		stream := fmt.Sprintf("s%d", random.IntN(7))
		switch n := random.IntN(20); {
		case n < 15:
			c := commit()
			for range 1 + random.IntN(3) {
				made++
				r := record(made, fmt.Sprintf("s%d", random.IntN(7)))
				r.Type = fmt.Sprintf("type.t%d", random.IntN(3))
				c.Events = append(c.Events, r)
			}
			if random.IntN(2) == 0 {
				c.Items = append(c.Items, store.Put("bucket", fmt.Sprint(random.IntN(4)), []byte(fmt.Sprint(made))))
			}
			if random.IntN(6) == 0 {
				c.Items = append(c.Items, store.Delete("bucket", fmt.Sprint(4+random.IntN(2))), store.Put("bucket", fmt.Sprint(6+random.IntN(2)), nil))
			}
			if random.IntN(3) == 0 {
				c.Conditions = append(c.Conditions, store.AtRevision(stream, random.Uint64N(5)))
			}
			both(c)
		case n < 17:
			m := randomMeta(t, random, model, stream)
			both(store.Commit{Items: []store.ItemWrite{store.PutStreamMeta(stream, m)}})
		case n < 19:
			if _, err := l.Compact(t.Context(), filelog.CompactConfig{All: random.IntN(2) == 0}); err != nil {
				t.Fatal(err)
			}
		default:
			l = reopenSomehow(t, random, l, dir, cfg)
		}
	}
	for range 2 {
		if got, want := answers(t, l), answers(t, model); got != want {
			t.Errorf("got %s\nwant %s", got, want)
			return
		}
		compactAll(t, l)
		l = reindexed(t, l, dir, cfg)
	}
	if got, want := answers(t, l), answers(t, model); got != want {
		t.Errorf("in the end: got %s\nwant %s", got, want)
	}
	l.Close()
	wantSound(t, dir)
}

// randomMeta returns limits that only ever take more: what they once took does not come back for certain.
func randomMeta(t *testing.T, random *rand.Rand, model *memory.Memory, stream string) store.StreamMeta {
	st := store.New(model, store.Config{})
	m, _, err := st.StreamMeta(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := st.StreamRevision(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	switch random.IntN(8) {
	case 0, 1, 2:
		m.Deleted = max(m.Deleted, revision)
	case 3, 4:
		m.Before = max(m.Before, random.Uint64N(revision+2))
	case 5, 6:
		if limit := 1 + random.Uint64N(6); m.MaxCount == 0 || limit < m.MaxCount {
			m.MaxCount = limit
		}
	default:
		m.Tombstone = random.IntN(3) == 0
	}
	return m
}

// reopenSomehow closes the log, takes away some of what can be made again, and opens it.
func reopenSomehow(t *testing.T, random *rand.Rand, l *filelog.Log, dir string, cfg filelog.Config) *filelog.Log {
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(filepath.Join(dir, "index", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range made {
		if random.IntN(4) == 0 {
			os.Remove(path)
		}
	}
	if random.IntN(3) == 0 {
		os.RemoveAll(filepath.Join(dir, "items"))
	}
	return open(t, dir, cfg)
}

func TestRecordsThatAreTooOldAreCompactedAwayButForTheNewest(t *testing.T) {
	dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 1000}
	l := open(t, dir, cfg)
	fill(t, l, 6, "s0", "s1")
	setMeta(t, l, "s0", store.StreamMeta{MaxAge: time.Hour})
	fill(t, l, 6, "s2")
	want := answers(t, l)
	if report := compactAll(t, l); report.Records != 5 {
		t.Errorf("got %+v, want 5 records gone", report)
	}
	if got := answers(t, l); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	l = reindexed(t, l, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("reindexed: got %s\nwant %s", got, want)
	}
	if got := appendTo(t, l, secret(200, "s0")).Revisions["s0"]; got != 7 {
		t.Errorf("the stream goes on with revision %d, want 7", got)
	}
}

func TestCompactLeavesSegmentsWithLittleGoneAlone(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{SegmentBytes: 4000})
	for n := range 60 {
		appendTo(t, l, secret(n, "s0"))
	}
	setMeta(t, l, "s0", store.StreamMeta{Before: 3}) // two of about 25 in the first segment
	for _, cfg := range []filelog.CompactConfig{{}, {MinGone: 0.5}} {
		if report, err := l.Compact(t.Context(), cfg); err != nil || report != (filelog.CompactReport{}) {
			t.Errorf("%+v: got %+v, %v; want nothing to do", cfg, report, err)
		}
	}
	if report, err := l.Compact(t.Context(), filelog.CompactConfig{MinGone: 0.01}); err != nil || report.Segments != 1 || report.Records != 2 {
		t.Errorf("with 1%%: %+v, %v", report, err)
	}
	for _, share := range []float64{-0.1, 1.1} {
		var invalid interface{ Error() string }
		if _, err := l.Compact(t.Context(), filelog.CompactConfig{MinGone: share}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "min gone") {
			t.Errorf("a share of %v: got %v", share, err)
		}
	}
}

func TestIDsOfWhatWasCompactedAwayAreForgotten(t *testing.T) {
	for _, reindex := range []bool{false, true} {
		dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 900}
		l := open(t, dir, cfg)
		kept := commit(record(1, "s0"), record(2, "s0"))
		kept.Items = []store.ItemWrite{store.Put("bucket", "a", []byte("first"))}
		first := appendTo(t, l, kept)
		gone := commit(record(3, "s1"), record(4, "s1"))
		appendTo(t, l, gone)
		begun := commit(record(5, "s1"), record(6, "s0")) // the first event will be gone
		appendTo(t, l, begun)
		ended := commit(record(7, "s0"), record(8, "s1")) // the last one will
		appendTo(t, l, ended)
		setMeta(t, l, "s1", store.StreamMeta{Deleted: 4})
		appendTo(t, l, store.Commit{Items: []store.ItemWrite{store.Put("bucket", "a", []byte("second"))}})
		fill(t, l, 6, "s2")
		compactAll(t, l)
		if reindex {
			l = reindexed(t, l, dir, cfg)
		}
		again := appendTo(t, l, kept)
		if !again.Repeated || again.First != first.First || again.ItemRevision != first.ItemRevision || again.Revisions["s0"] != 2 {
			t.Errorf("reindexed %t: what is whole again: %+v, want that of the first time: %+v", reindex, again, first)
		}
		for _, c := range []store.Commit{begun, ended} {
			if r, err := l.Append(t.Context(), c); !errors.Is(err, store.ErrConflict) {
				t.Errorf("reindexed %t: what is there in part: %+v, %v, want a conflict", reindex, r, err)
			}
		}
		if r := appendTo(t, l, gone); r.Repeated || r.Revisions["s1"] != 6 {
			t.Errorf("reindexed %t: what is gone: %+v, want it written again at revision 6", reindex, r)
		}
		l.Close()
		wantSound(t, dir)
	}
}

func TestWritersAndReadersGoOnWhileTheLogIsCompacted(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 3000, NoSync: true})
	fill(t, l, 100, "s0", "s1")
	setMeta(t, l, "s1", store.StreamMeta{MaxCount: 2})
	want := fmt.Sprint(streamOf(t, l, "s0"))
	done := make(chan error, 3)
	stop := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := l.Append(context.Background(), commit(record(5000+n, "s2"))); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 2 {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				if got := fmt.Sprint(streamOf(t, l, "s0")); got != want {
					done <- fmt.Errorf("got %s, want %s", got, want)
					return
				}
			}
		}()
	}
	for range 5 {
		compactAll(t, l)
		setMeta(t, l, "s2", store.StreamMeta{MaxCount: 5})
	}
	close(stop)
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	l.Close()
	wantSound(t, dir)
}

func streamOf(t testing.TB, l *filelog.Log, stream string) (all []string) {
	for r, err := range l.Read(context.Background(), store.Where(store.Filter{Stream: stream})) {
		if err != nil {
			t.Error(err)
		}
		all = append(all, string(r.Data))
	}
	return all
}

func TestAReaderThatBeganBeforeCompactionReadsOnToItsEnd(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{SegmentBytes: 1000})
	fill(t, l, 10, "s0", "s1")
	want := texts(t, l)
	var got []string
	for r, err := range l.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 1 {
			setMeta(t, l, "s1", store.StreamMeta{Deleted: 10})
			if report := compactAll(t, l); report.Segments == 0 {
				t.Error("nothing was compacted")
			}
		}
		got = append(got, string(r.Data))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the reader got %v, want %v", got, want)
	}
}

func TestCompactNeverGivesDamageNewChecksums(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 1000})
	fill(t, l, 10, "s0", "s1")
	setMeta(t, l, "s1", store.StreamMeta{Deleted: 10})
	path := segments(t, dir)[1]
	sound := contents(t, path)
	at := bytes.Index(sound, []byte("of s0"))
	plain := flipped(sound, at)
	forged := bytes.Clone(plain) // only the digest in the seal tells
	filelog.ForgeEntry(forged, bytes.LastIndex(forged[:at], []byte("\xf1oxb")))
	for _, damaged := range [][]byte{plain, forged} {
		rewrite(t, path, damaged)
		_, err := l.Compact(t.Context(), filelog.CompactConfig{All: true})
		var damage *filelog.DamageError
		if !errors.As(err, &damage) || damage.File != path {
			t.Errorf("got %v, want damage in %s", err, path)
		}
		if !bytes.Equal(contents(t, path), damaged) {
			t.Error("the damaged file was written anew")
		}
	}
	rewrite(t, path, sound)
	if report := compactAll(t, l); report.Segments == 0 {
		t.Error("nothing was compacted once the file was mended")
	}
}

func TestCompactEndsWithItsContextAndWithTheLog(t *testing.T) {
	l := open(t, t.TempDir(), filelog.Config{SegmentBytes: 1000})
	fill(t, l, 10, "s0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Compact(ctx, filelog.CompactConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	l.Close()
	if _, err := l.Compact(t.Context(), filelog.CompactConfig{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("closed: got %v", err)
	}
}

// Where a file in use cannot be replaced, the new one takes its place when the log is opened.
func TestCompactedSegmentsMayTakeTheirPlaceAtTheNextOpen(t *testing.T) {
	dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 1000}
	l, err := filelog.OpenUnreplaceable(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 10, "s0", "s1")
	setMeta(t, l, "s1", store.StreamMeta{Deleted: 10})
	want := answers(t, l)
	for range 2 {
		if report := compactAll(t, l); !report.Deferred || report.Records < 8 {
			t.Errorf("got %+v, want it deferred", report)
		}
		if got := answers(t, l); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	l.Close()
	wantSound(t, dir)
	if l, err = filelog.OpenUnreplaceable(dir, cfg); err != nil {
		t.Fatal(err)
	}
	if found := grep(t, filepath.Join(dir, "log"), "of s1 0003"); len(found) > 0 {
		t.Errorf("what was deleted is still in %v", found)
	}
	if got := answers(t, l); got != want {
		t.Errorf("opened again: got %s\nwant %s", got, want)
	}
	l.Close()
	wantSound(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "log", "*.compacted")); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

func TestWhatWasCompactedAwayDoesNotComeBackWhenALimitIsRaised(t *testing.T) {
	dir, cfg := t.TempDir(), filelog.Config{SegmentBytes: 1000}
	l := open(t, dir, cfg)
	fill(t, l, 10, "s0", "s1")
	setMeta(t, l, "s0", store.StreamMeta{Before: 9})
	fill(t, l, 6, "s2")
	if report := compactAll(t, l); report.Records != 8 {
		t.Errorf("got %+v", report)
	}
	setMeta(t, l, "s0", store.StreamMeta{})
	want := answers(t, l)
	for _, text := range []string{"{Name:s0 Revision:10 First:17 Last:19}", "  17 s0 9 "} {
		if !strings.Contains(want, text) {
			t.Errorf("there is no %q in %s", text, want)
		}
	}
	l = reindexed(t, l, dir, cfg)
	if got := answers(t, l); got != want {
		t.Errorf("reindexed: got %s\nwant %s", got, want)
	}
}
