package filelog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// threeCommits appends to an open log in dir and returns where in the segment the last of them begins.
func threeCommits(t *testing.T, l *filelog.Log, dir string) (last int) {
	t.Helper()
	appendTo(t, l, commit(record(1, "a")))
	appendTo(t, l, commit(record(2, "a"), record(3, "b")))
	last = size(t, dir)
	c := commit(record(4, "a"), record(5, "c"))
	c.Items = []store.ItemWrite{store.Put("bucket", "key", []byte("value"))}
	appendTo(t, l, c)
	return last
}

var firstTwo = []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}

func TestTornCommitIsCutOffAsAWhole(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	whole := written(t, newest(t, dir))
	for end := begin; end < len(whole); end++ {
		for _, torn := range [][]byte{
			whole[:end], // the file ends early
			slices.Concat(whole[:end], make([]byte, len(whole)-end)),                                   // the size was written, the rest of the data was not
			slices.Concat(whole[:begin], make([]byte, end-begin), whole[end:]),                         // the end was written before the beginning
			slices.Concat(whole[:end], make([]byte, 10_000)),                                           // zeros far behind it
			slices.Concat(whole[:end], bytes.Repeat([]byte("\xf1oxb rubbish"), (len(whole)-end)/12+1)), // rubbish
		} {
			if end == begin && len(torn) == len(whole) {
				continue // nothing is torn
			}
			rewriteAndRecover(t, dir, torn, begin)
		}
	}
}

func rewriteAndRecover(t *testing.T, dir string, torn []byte, begin int) {
	t.Helper()
	copied := t.TempDir()
	path := filepath.Join(copied, "log", filepath.Base(newest(t, dir)))
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	rewrite(t, path, torn)
	l := openOn(t, copied, filelog.Config{}, quick())
	var cut filelog.Recovery // nothing where there are only zeros
	if n := len(bytes.TrimRight(torn, "\x00")) - begin; n > 0 {
		cut = filelog.Recovery{File: path, Offset: int64(begin), Bytes: int64(n)}
	}
	cut.Unclean = true
	if r := l.Recovery(); r != cut {
		t.Fatalf("recovery says %+v, want %+v", r, cut)
	}
	if item, err := l.Get(t.Context(), "bucket", "key"); err != nil || item.Revision != 0 {
		t.Fatalf("the torn commit's item is there: %+v, %v", item, err)
	}
	receipt := appendTo(t, l, commit(record(6, "a")))
	if receipt.First != 4 || receipt.Revisions["a"] != 3 {
		t.Fatalf("the next commit got %+v, want position 4 and revision 3", receipt)
	}
	l.Close()
	l = openOn(t, copied, filelog.Config{}, quick())
	if got, want := texts(t, l), append(slices.Clone(firstTwo), `{"n":6}`); !slices.Equal(got, want) {
		t.Fatalf("after reopening there is %v, want %v", got, want)
	}
	l.Close()
	if report := verify(t, copied); report.Torn != nil || !report.Closed || report.Err() != nil {
		t.Fatalf("after mending Verify says %+v", report)
	}
}

func TestFlippedBitIsDamageOnceTheLogWasClosed(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	threeCommits(t, l, dir)
	l.Close()
	path := newest(t, dir)
	whole := contents(t, path)
	mark := len(whole) - filelog.FrameSize
	for at := range whole {
		rewrite(t, path, flipped(whole, at))
		report, err := filelog.Verify(t.Context(), dir, nil)
		if err != nil {
			t.Fatalf("byte %d flipped: Verify: %v", at, err)
		}
		l, err := filelog.OpenOn(dir, filelog.Config{}, quick())
		if at >= mark {
			// The mark that says that the log was closed is the last thing in it, and holds no event.
			if err != nil || len(texts(t, l)) != 5 || report.Torn == nil {
				t.Fatalf("byte %d flipped, in the mark: got %v, want all five events and a torn tail", at, err)
			}
			l.Close()
			continue
		}
		if !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("byte %d flipped: Open: %v, want damage", at, err)
		}
		if len(report.Damage) == 0 || !errors.Is(report.Err(), store.ErrDamaged) || report.Damage[0].Offset > int64(at) {
			t.Fatalf("byte %d flipped: Verify found %v, want damage at or before that byte", at, report.Damage)
		}
		if !bytes.Equal(contents(t, path), flipped(whole, at)) {
			t.Fatalf("byte %d flipped: Open or Verify changed a damaged file", at)
		}
	}
}

func TestFlippedBitAfterAKillIsDamageUnlessInTheLastBatch(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	crashed := image(t, dir)
	path := newest(t, crashed)
	whole := contents(t, path)
	for at := range written(t, path) {
		rewrite(t, path, flipped(whole, at))
		l, err := filelog.OpenOn(crashed, filelog.Config{}, quick())
		if at < begin {
			if !errors.Is(err, store.ErrDamaged) {
				t.Fatalf("byte %d flipped: got %v, want damage", at, err)
			}
			continue
		}
		if err != nil || !slices.Equal(texts(t, l), firstTwo) || l.Recovery().Offset != int64(begin) {
			t.Fatalf("byte %d flipped, in the last commit: got %v, want it cut off", at, err)
		}
		l.Close()
	}
}

func TestWhatWasSeenAfterAKillIsProtectedFromThenOn(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	crashed := image(t, dir)
	open(t, crashed, filelog.Config{}) // and killed again
	again := image(t, crashed)
	path := newest(t, again)
	rewrite(t, path, flipped(contents(t, path), begin+60))
	if _, err := filelog.Open(again, filelog.Config{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("got %v, want damage: the commit was readable between the two crashes", err)
	}
}

func TestDamageNamesFileOffsetPositionAndWhatToDo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	threeCommits(t, l, dir)
	l.Close()
	path := newest(t, dir)
	b := contents(t, path)
	at := bytes.Index(b, []byte(`{"n":3}`))
	rewrite(t, path, flipped(b, at))
	_, err := filelog.Open(dir, filelog.Config{})
	var damage *filelog.DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	if damage.File != path || damage.Position != 3 || damage.Offset >= int64(at) || damage.Offset < int64(at)-100 {
		t.Errorf("got %+v, want %s, shortly before %d, position 3", damage, path, at)
	}
	for _, part := range []string{filepath.ToSlash(path), "position 3", "oxbow verify", "backup"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q: %v", part, err)
		}
	}
}

func TestReadReportsARecordThatChangedUnderIt(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	threeCommits(t, l, dir)
	path := newest(t, dir)
	b := contents(t, path)
	rewrite(t, path, flipped(b, bytes.Index(b, []byte(`{"n":3}`))))
	var seen int
	var failed error
	for _, err := range l.Read(t.Context(), store.Query{}) {
		if failed = err; err == nil {
			seen++
		}
	}
	var damage *filelog.DamageError
	if seen != 2 || !errors.As(failed, &damage) || damage.Position != 3 || damage.File != path {
		t.Errorf("read %d records, then %v; want 2, then damage at position 3", seen, failed)
	}
	for r, err := range l.Read(t.Context(), store.Stream("c")) {
		if err != nil || r.Position != 5 {
			t.Errorf("a sound record cannot be read any more: %v, %v", r.Position, err)
		}
	}
}

func TestCleanLogNeedsNoRecovery(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	threeCommits(t, l, dir)
	l.Close()
	before := contents(t, newest(t, dir))
	l = open(t, dir, filelog.Config{})
	if r := l.Recovery(); r != (filelog.Recovery{}) {
		t.Errorf("recovery says %+v, want nothing", r)
	}
	l.Close()
	if !bytes.Equal(before, contents(t, newest(t, dir))) {
		t.Error("opening and closing changed the log")
	}
}

// rotated returns a closed log of several segments.
func rotated(t *testing.T) (dir string) {
	dir = t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 500, NoSync: true})
	for n := range 12 {
		appendTo(t, l, commit(record(n, "a")))
	}
	l.Close()
	if n := len(segments(t, dir)); n < 4 {
		t.Fatalf("there are %d segments, want at least 4", n)
	}
	return dir
}

func TestCrashWhileRotatingIsMended(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 600})
	n := 0
	for ; len(segments(t, dir)) < 3; n++ {
		appendTo(t, l, commit(record(n, "a")))
	}
	crashed := image(t, dir)
	paths := segments(t, crashed)
	last, before := contents(t, paths[2])[:filelog.HeaderSize], contents(t, paths[1])
	sealed := len(before)
	seal := bytes.LastIndex(before, []byte("\xf1oxb"))
	for end := seal; end <= sealed; end++ { // the seal was not written, or in part, or as a whole
		copied := image(t, crashed)
		paths := segments(t, copied)
		rewrite(t, paths[2], last)
		rewrite(t, paths[1], before[:end])
		rewrite(t, strings.TrimSuffix(paths[2], ".seg")+"9.seg.new", []byte("half a header"))
		if report, err := filelog.Verify(t.Context(), copied, nil); err != nil || report.Err() != nil {
			t.Fatalf("seal cut after %d bytes: Verify: %v, %v", end-seal, err, report.Err())
		}
		l := openOn(t, copied, filelog.Config{SegmentBytes: 600}, quick())
		if got := len(texts(t, l)); got != n-1 {
			t.Fatalf("seal cut after %d bytes: %d events, want %d", end-seal, got, n-1)
		}
		appendTo(t, l, commit(record(n, "a")))
		l.Close()
		if report, err := filelog.Verify(t.Context(), copied, nil); err != nil || report.Err() != nil || !report.Closed {
			t.Fatalf("seal cut after %d bytes: after mending: %v, %+v", end-seal, err, report)
		}
		if left, _ := filepath.Glob(filepath.Join(copied, "log", "*.new")); len(left) > 0 {
			t.Fatalf("%v is left", left)
		}
	}
}

func TestLostOrForeignSegmentsAreRefused(t *testing.T) {
	other := segments(t, rotated(t))
	for _, c := range []struct {
		name string
		harm func(t *testing.T, paths []string)
		says string
	}{
		{"FirstMissing", func(t *testing.T, paths []string) { remove(t, paths[0]) }, "segments before it are missing"},
		{"MiddleMissing", func(t *testing.T, paths []string) { remove(t, paths[1]) }, "a segment is missing"},
		{"NewestMissing", func(t *testing.T, paths []string) { remove(t, paths[len(paths)-1]) }, "the one after it is missing"},
		{"FromACopyThatWentItsOwnWay", func(t *testing.T, paths []string) { rewrite(t, paths[2], diverged(t, paths)) }, "another digest"},
		{"FromAnotherStore", func(t *testing.T, paths []string) { rewrite(t, paths[1], contents(t, other[1])) }, "another store"},
		{"UnderAnotherName", func(t *testing.T, paths []string) { rename(t, paths[1]) }, "it was written as"},
		{"Exchanged", func(t *testing.T, paths []string) {
			a, b := contents(t, paths[1]), contents(t, paths[2])
			rewrite(t, paths[1], b)
			rewrite(t, paths[2], a)
		}, "it was written as"},
		{"SealCutOff", func(t *testing.T, paths []string) {
			b := contents(t, paths[1])
			rewrite(t, paths[1], b[:bytes.LastIndex(b, []byte("\xf1oxb"))])
		}, "no seal"},
		{"SomethingBehindTheSeal", func(t *testing.T, paths []string) { rewrite(t, paths[1], append(contents(t, paths[1]), 0)) }, "behind the seal"},
		{"CutToItsHeader", func(t *testing.T, paths []string) { rewrite(t, paths[1], contents(t, paths[1])[:filelog.HeaderSize]) }, "no seal"},
		{"CutWithinItsHeader", func(t *testing.T, paths []string) { rewrite(t, paths[3], contents(t, paths[3])[:20]) }, "cut short"},
		{"Empty", func(t *testing.T, paths []string) { rewrite(t, paths[1], nil) }, "does not begin"},
		{"NotASegment", func(t *testing.T, paths []string) { rewrite(t, paths[2], []byte("%PDF-1.4 and so on")) }, "does not begin"},
		{"NotASegmentsName", func(t *testing.T, paths []string) {
			rewrite(t, filepath.Join(filepath.Dir(paths[0]), "notes.seg"), nil)
		}, "not that of a segment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := rotated(t)
			c.harm(t, segments(t, dir))
			l, err := filelog.Open(dir, filelog.Config{})
			if err == nil {
				l.Close()
			}
			if !errors.Is(err, store.ErrDamaged) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("Open: %v, want damage that says %q", err, c.says)
			}
			report, err := filelog.Verify(t.Context(), dir, nil)
			if err == nil {
				err = report.Err()
			}
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("Verify: %v, want damage", err)
			}
		})
	}
}

// diverged returns the third segment of a copy that was appended to differently since it was made in the second.
func diverged(t *testing.T, paths []string) []byte {
	t.Helper()
	copied := t.TempDir()
	if err := os.Mkdir(filepath.Join(copied, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range paths[:2] {
		rewrite(t, filepath.Join(copied, "log", filepath.Base(path)), contents(t, path))
	}
	second := newest(t, copied)
	b := contents(t, second)
	begin := bytes.LastIndex(b, []byte("\xf1oxb"))        // of the seal
	begin = bytes.LastIndex(b[:begin], []byte("\xf1oxb")) // of the last commit
	rewrite(t, second, b[:begin])
	l := open(t, copied, filelog.Config{SegmentBytes: 560, NoSync: true}) // room for the mark of the recovery
	for n := 100; len(segments(t, copied)) < 4; n++ {
		appendTo(t, l, commit(record(n, "a")))
	}
	l.Close()
	third := segments(t, copied)[2]
	if filepath.Base(third) != filepath.Base(paths[2]) {
		t.Fatalf("the copy went on with %s, want %s", third, paths[2])
	}
	return contents(t, third)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// rename gives a segment the name of a commit later.
func rename(t *testing.T, path string) {
	t.Helper()
	digit := len(path) - len("0.seg")
	if err := os.Rename(path, path[:digit]+string(path[digit]+1)+".seg"); err != nil {
		t.Fatal(err)
	}
}

func TestNewerFormatIsNotCalledDamage(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, filelog.Config{}).Close()
	path := newest(t, dir)
	rewrite(t, path, newerHeader(contents(t, path)))
	_, err := filelog.Open(dir, filelog.Config{})
	if err == nil || errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "written by a newer Oxbow") {
		t.Errorf("Open: %v", err)
	}
	_, err = filelog.Verify(t.Context(), dir, nil)
	if err == nil || errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "written by a newer Oxbow") {
		t.Errorf("Verify: %v", err)
	}
}

func TestOtherFilesInTheFolderAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	rewrite(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
	l := open(t, dir, filelog.Config{})
	appendTo(t, l, commit(record(1, "a")))
	l.Close()
	rewrite(t, filepath.Join(dir, "log", ".DS_Store"), []byte("theirs"))
	l = open(t, dir, filelog.Config{})
	if got := texts(t, l); len(got) != 1 {
		t.Errorf("got %v, want one event", got)
	}
	if string(contents(t, filepath.Join(dir, "notes.txt"))) != "mine" {
		t.Error("a foreign file was changed")
	}
}

func TestSegmentStoredAsAnEventIsNoProof(t *testing.T) {
	dir := t.TempDir()
	cfg := filelog.Config{SegmentBytes: 3000}
	l := open(t, dir, cfg)
	n := 0
	for ; len(segments(t, dir)) < 2; n++ {
		appendTo(t, l, commit(record(n, "a")))
	}
	l.Close()
	cfg.SegmentBytes = 30_000
	l = open(t, dir, cfg)
	begin := len(contents(t, newest(t, dir)))
	r := record(n, "backup")
	r.Data = append(contents(t, segments(t, dir)[0]), 0) // its frames vouch for more bytes than this file has before the event
	appendTo(t, l, commit(r))
	crashed := image(t, dir)
	path := newest(t, crashed)
	rewrite(t, path, contents(t, path)[:size(t, crashed)-1])
	l = open(t, crashed, cfg)
	if got := len(texts(t, l)); got != n || l.Recovery().Offset != int64(begin) {
		t.Errorf("got %d events, want the torn commit cut off, though it holds frames of the same log", got)
	}
}

func TestForeignIDsAndNamesSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	id, err := event.ParseID("00000000-0000-0000-0000-000000000000")
	if err != nil {
		t.Fatal(err)
	}
	r := record(1, "ströme/1")
	r.ID, r.CausationID = id, id
	appendTo(t, l, commit(r))
	l.Close()
	l = open(t, dir, filelog.Config{})
	for got, err := range l.Read(t.Context(), store.Where(store.Filter{ID: id})) {
		if err != nil || got.ID != id || got.CausationID != id || got.Stream != r.Stream {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if receipt := appendTo(t, l, commit(r)); !receipt.Repeated {
		t.Error("the id is not recognised after reopening")
	}
}

func TestZerosWrittenAheadAreTheEnd(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{})
	threeCommits(t, l, dir)
	crashed := image(t, dir)
	path := newest(t, crashed)
	whole := contents(t, path)
	if ahead := len(whole) - size(t, crashed); ahead < 64<<10 {
		t.Fatalf("there are %d zeros behind the last commit, want many", ahead)
	}
	if report := verify(t, crashed); report.Torn != nil || report.Closed || report.Err() != nil || report.Events != 5 {
		t.Errorf("verify says %+v, want five events, not closed, and nothing torn", report)
	}
	again := open(t, crashed, filelog.Config{})
	if got := again.Recovery(); got != (filelog.Recovery{Unclean: true}) || len(texts(t, again)) != 5 {
		t.Errorf("recovery says %+v, want that nothing was cut", got)
	}
	again.Close()
	if got := len(contents(t, path)); got > len(whole)/2 {
		t.Errorf("after closing in order the segment still takes %d bytes", got)
	}
	l.Close()
	if got := len(contents(t, newest(t, dir))); got > len(whole)/2 {
		t.Errorf("after closing in order the segment takes %d bytes", got)
	}
}

func TestRubbishBehindZerosIsATornTail(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	end := size(t, dir)
	crashed := image(t, dir)
	path := newest(t, crashed)
	rewrite(t, path, flipped(contents(t, path), end+50_000))
	l := open(t, crashed, filelog.Config{})
	want := filelog.Recovery{Unclean: true, File: path, Offset: int64(end), Bytes: 50_001}
	if got := l.Recovery(); got != want || len(texts(t, l)) != 5 {
		t.Errorf("recovery says %+v, want %+v (the last commit begins at %d)", got, want, begin)
	}
}

func TestLogThatIsNotSyncedWritesNoZeros(t *testing.T) {
	dir := t.TempDir()
	threeCommits(t, open(t, dir, filelog.Config{NoSync: true}), dir)
	if got, want := len(contents(t, newest(t, dir))), size(t, dir); got != want {
		t.Errorf("the segment has %d bytes, want the %d that were written", got, want)
	}
}
