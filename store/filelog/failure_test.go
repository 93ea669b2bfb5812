package filelog_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// result is what an Append in another goroutine returned.
type result struct {
	receipt store.Receipt
	err     error
}

func appending(ctx context.Context, l *filelog.Log, c store.Commit) <-chan result {
	done := make(chan result, 1)
	go func() {
		receipt, err := l.Append(ctx, c)
		done <- result{receipt, err}
	}()
	return done
}

func TestNothingIsReadableBeforeItIsSynced(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		d := quick()
		l := openOn(t, dir, filelog.Config{}, d)
		appendTo(t, l, commit(record(1, "a")))
		d.sync = g.sync
		c := commit(record(2, "a"), record(3, "new"))
		c.Items = []store.ItemWrite{store.Put("b", "k", []byte("v"))}
		appended := appending(t.Context(), l, c)
		waited := make(chan store.Position, 1)
		go func() {
			head, _ := l.Wait(t.Context(), 1)
			waited <- head
		}()
		<-g.reached
		synctest.Wait()
		wantOnlyTheFirst(t, l)
		if len(waited) > 0 || len(appended) > 0 {
			t.Error("Wait or Append returned before the sync did")
		}
		g.result <- nil
		if r := <-appended; r.err != nil || r.receipt.Durability != store.Fsynced {
			t.Errorf("got %+v", r)
		}
		if head := <-waited; head != 3 {
			t.Errorf("Wait returned %d, want 3", head)
		}
		if got := texts(t, l); len(got) != 3 {
			t.Errorf("after the sync there is %v", got)
		}
		d.sync = nil
	})
}

func wantOnlyTheFirst(t *testing.T, l *filelog.Log) {
	t.Helper()
	if got := texts(t, l); !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("before the sync one can read %v", got)
	}
	if head, err := l.Head(t.Context()); head != 1 || err != nil {
		t.Errorf("before the sync the head is %d, %v", head, err)
	}
	if item, err := l.Get(t.Context(), "b", "k"); item.Revision != 0 || err != nil {
		t.Errorf("before the sync the item is %+v, %v", item, err)
	}
	for item, err := range l.List(t.Context(), "b", "", "") {
		t.Errorf("before the sync the items are %+v, %v", item, err)
	}
	for s, err := range l.Streams(t.Context(), "") {
		if s.Name != "a" || s.Revision != 1 || s.Last != 1 || err != nil {
			t.Errorf("before the sync there is a stream %+v, %v", s, err)
		}
	}
	stats, err := l.Stats(t.Context())
	if err != nil || stats.Events != 1 || stats.Streams != 1 || stats.Items != 0 || stats.Types["order.placed"] != 1 {
		t.Errorf("before the sync the counts are %+v, %v", stats, err)
	}
}

func TestWaitingCommitsShareOneSync(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g, d := newGate(), quick()
		l := openOn(t, dir, filelog.Config{}, d)
		d.sync = g.sync
		first := appending(t.Context(), l, commit(record(0, "a")))
		<-g.reached
		var others []<-chan result
		for n := range 20 {
			others = append(others, appending(t.Context(), l, commit(record(n+1, "a"))))
		}
		synctest.Wait() // until all of them wait
		g.result <- nil
		<-first
		<-g.reached
		g.result <- nil
		for _, other := range others {
			if r := <-other; r.err != nil {
				t.Error(r.err)
			}
		}
		if n := g.syncs(); n != 2 {
			t.Errorf("21 commits took %d syncs, want 2", n)
		}
		d.sync = nil
	})
}

func TestCommitsOfOneBatchSeeEachOther(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g, d := newGate(), quick()
		l := openOn(t, dir, filelog.Config{}, d)
		d.sync = g.sync
		first := appending(t.Context(), l, commit(record(0, "z")))
		<-g.reached
		put := store.Commit{Items: []store.ItemWrite{store.Put("b", "k", nil)}}
		queued := []store.Commit{
			commit(record(1, "a")),
			{Events: commit(record(2, "a")).Events, Conditions: []store.Condition{store.NoStream("a")}},
			{Events: commit(record(3, "a")).Events, Conditions: []store.Condition{store.AtRevision("a", 1)}},
			commit(record(1, "a")),
			{Events: commit(record(4, "b")).Events, Conditions: []store.Condition{store.NoneAfter(1, store.Filter{Tags: []string{"customer:7"}})}},
			put,
			{Items: put.Items, Conditions: []store.Condition{store.ItemAt("b", "k", 0)}},
			commit(record(1, "other")),
		}
		var results []<-chan result
		for _, c := range queued {
			results = append(results, appending(t.Context(), l, c))
			synctest.Wait() // so that they queue in this order
		}
		g.result <- nil
		<-first
		<-g.reached
		g.result <- nil
		refused := []bool{1: true, 4: true, 6: true, 7: true}
		for i := range queued {
			r := <-results[i]
			if got := errors.Is(r.err, store.ErrConflict); got != refused[i] || r.err != nil && !got {
				t.Errorf("commit %d: %v", i, r.err)
			}
			if i == 3 && (!r.receipt.Repeated || r.receipt.First != 2 || r.receipt.Revisions["a"] != 1) {
				t.Errorf("the repeated commit got %+v", r.receipt)
			}
		}
		if got := texts(t, l); len(got) != 3 {
			t.Errorf("there is %v", got)
		}
		d.sync = nil
	})
}

func TestCancelledAppendReturnsAtOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g, d := newGate(), quick()
		l := openOn(t, dir, filelog.Config{}, d)
		d.sync = g.sync
		ctx, cancel := context.WithCancel(t.Context())
		taken := appending(ctx, l, commit(record(1, "a")))
		<-g.reached
		queued := appending(ctx, l, commit(record(2, "a")))
		synctest.Wait()
		cancel()
		for _, done := range []<-chan result{taken, queued} {
			if r := <-done; !errors.Is(r.err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", r.err)
			}
		}
		g.result <- nil
		d.sync = nil
		if r := appendTo(t, l, commit(record(1, "a"))); !r.Repeated || r.First != 1 {
			t.Errorf("the commit that was being written: a retry got %+v", r)
		}
		if r := appendTo(t, l, commit(record(2, "a"))); r.Repeated || r.First != 2 {
			t.Errorf("the commit that was still waiting: a retry got %+v", r)
		}
	})
}

func TestFailedSyncStopsWritingAndKeepsReading(t *testing.T) {
	dir, d := t.TempDir(), quick()
	l := openOn(t, dir, filelog.Config{}, d)
	appendTo(t, l, commit(record(1, "a")))
	d.sync = func() error { return syscall.EIO }
	wantFailed(t, l, syscall.EIO)
	d.sync = nil // an error that went away is no reason to go on
	wantFailed(t, l, syscall.EIO)
	if got := texts(t, l); !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("one can read %v, want what was acknowledged", got)
	}
	if head, err := l.Wait(t.Context(), 0); head != 1 || err != nil {
		t.Errorf("Wait for what is there: %d, %v", head, err)
	}
	if _, err := l.Wait(t.Context(), 1); !errors.Is(err, store.ErrFailed) {
		t.Errorf("Wait for what cannot come: %v, want ErrFailed", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l = open(t, dir, filelog.Config{})
	if got := texts(t, l); got[0] != `{"n":1}` || !l.Recovery().Unclean {
		t.Errorf("after reopening there is %v", got)
	}
	appendTo(t, l, commit(record(3, "a")))
}

func wantFailed(t *testing.T, l *filelog.Log, cause error) {
	t.Helper()
	_, err := l.Append(t.Context(), commit(record(2, "a")))
	if !errors.Is(err, store.ErrFailed) || !errors.Is(err, cause) || !strings.Contains(err.Error(), "open the folder again") {
		t.Fatalf("got %v, want ErrFailed, the cause, and what to do", err)
	}
}

func TestFailureWakesWhoeverWaits(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := quick()
		l := openOn(t, dir, filelog.Config{}, d)
		waited := make(chan error, 1)
		go func() {
			_, err := l.Wait(t.Context(), 0)
			waited <- err
		}()
		synctest.Wait()
		d.sync = func() error { return syscall.EIO }
		wantFailed(t, l, syscall.EIO)
		if err := <-waited; !errors.Is(err, store.ErrFailed) {
			t.Errorf("got %v, want ErrFailed", err)
		}
	})
}

func TestFullDiskLeavesNothingHalfWritten(t *testing.T) {
	for _, c := range []struct {
		name    string
		segment int64
		refused string // what the refused bytes begin with
	}{
		{"InACommit", 0, "\xf1oxb"},
		{"InANewSegment", 300, "oxbowlog"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, d := t.TempDir(), quick()
			l := openOn(t, dir, filelog.Config{SegmentBytes: c.segment}, d)
			appendTo(t, l, commit(record(1, "a")))
			d.write = func(b []byte) error {
				if strings.HasPrefix(string(b), c.refused) {
					return syscall.ENOSPC
				}
				return nil
			}
			wantFailed(t, l, syscall.ENOSPC)
			l.Close()
			l = open(t, dir, filelog.Config{SegmentBytes: c.segment})
			if got := texts(t, l); !slices.Equal(got, []string{`{"n":1}`}) {
				t.Errorf("after reopening there is %v", got)
			}
			appendTo(t, l, commit(record(2, "a")))
			l.Close()
			if report, err := filelog.Verify(t.Context(), dir, nil); err != nil || report.Err() != nil || report.Events != 2 {
				t.Errorf("verify: %+v, %v", report, err)
			}
		})
	}
}

func TestRecoveryWritesAgainWhatNoSyncVouchesFor(t *testing.T) {
	dir := t.TempDir()
	begin := threeCommits(t, open(t, dir, filelog.Config{}), dir)
	crashed := image(t, dir)
	tail := written(t, newest(t, crashed))[begin:]
	d, again := quick(), false
	d.write = func(b []byte) error {
		again = again || string(b) == string(tail)
		return nil
	}
	openOn(t, crashed, filelog.Config{}, d)
	if !again {
		t.Error("the last batch was not written again; after a failed sync it may never have reached the disk")
	}
}

func TestCloseEndsWaitingCommitsAndFinishesTheOneBeingWritten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		g, d := newGate(), quick()
		l := openOn(t, dir, filelog.Config{}, d)
		d.sync = g.sync
		taken := appending(t.Context(), l, commit(record(1, "a")))
		<-g.reached
		queued := appending(t.Context(), l, commit(record(2, "a")))
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- l.Close() }()
		if r := <-queued; !errors.Is(r.err, store.ErrClosed) {
			t.Errorf("the waiting commit: %v, want ErrClosed", r.err)
		}
		synctest.Wait()
		if len(closed) > 0 {
			t.Error("Close did not wait for the commit being written")
		}
		d.sync = nil // for the mark; the sync under way has its result below
		g.result <- nil
		if r := <-taken; r.err != nil || r.receipt.First != 1 {
			t.Errorf("the commit being written: %+v", r)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
	if got := texts(t, open(t, dir, filelog.Config{})); len(got) != 1 {
		t.Errorf("after reopening there is %v", got)
	}
}

func TestNotSyncedSaysSo(t *testing.T) {
	d := quick()
	l := openOn(t, t.TempDir(), filelog.Config{NoSync: true}, d)
	d.sync = func() error { return errors.New("synced") }
	if r := appendTo(t, l, commit(record(1, "a"))); r.Durability != store.InFile {
		t.Errorf("got durability %v, want file", r.Durability)
	}
	d.sync = nil
}
