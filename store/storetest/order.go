package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var order = []claim{
	{"ReadersNeverFindASmallerPositionLater", readersInOrder},
	{"PollingNeverGoesBackWhile64WritersCommit", pollingAmong64},
	{"LaterAppendsGetLaterPositions", laterAppendsLaterPositions},
	{"AcknowledgedIsReadableAtOnce", acknowledgedIsReadable},
	{"HeadIsTheNewestRecord", headIsNewest},
	{"WaitReturnsWhenThereIsMore", waitReturns},
	{"EveryWaiterIsWoken", everyWaiterIsWoken},
	{"FollowCatchesUpThenGoesOnWithoutGapOrDuplicate", followGoesOn},
	{"FollowOfAFilterMissesNothing", followFilter},
	{"FollowBeginsAfterAPosition", followAfter},
}

// traffic is many writers at once, each with its own share of commits.
type traffic struct {
	writers, commits int
	streams          int
	make             func(rng *rand.Rand, stream string) event.Record
}

var busy = traffic{writers: 16, commits: 15, streams: 8, make: func(rng *rand.Rand, stream string) event.Record {
	return typed(stream, [...]string{"thing.happened", "thing.ended"}[rng.IntN(2)])
}}

// run writes, calls acknowledged after each commit, and returns how many events were written.
func (w traffic) run(t *trial, seed uint64, acknowledged func(writer int, c store.Commit, r store.Receipt)) int {
	var written atomic.Int64
	var writing sync.WaitGroup
	for writer := range w.writers {
		writing.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(writer)))
			for range w.commits {
				jitter(rng)
				var c store.Commit
				for range 1 + rng.IntN(3) {
					c.Events = append(c.Events, w.make(rng, fmt.Sprintf("s%d", rng.IntN(w.streams))))
				}
				r, err := t.d.Append(t.ctx, c)
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				written.Add(int64(len(c.Events)))
				acknowledged(writer, c, r)
			}
		})
	}
	writing.Wait()
	return int(written.Load())
}

func unheard(int, store.Commit, store.Receipt) {}

// readersInOrder lets readers of every kind watch writers. Each must see every record, once, in the order that stands at the end.
func readersInOrder(t *trial) {
	seed := t.random().Uint64()
	ctx, stop := context.WithCancel(t.ctx)
	defer stop()
	watchers := map[string]*watcher{
		"polling":   watch(ctx, t, poll),
		"waiting":   watch(ctx, t, wait),
		"following": watch(ctx, t, follow),
	}
	busy.run(t, seed, unheard)
	want := t.read(store.Query{})
	for name, w := range watchers {
		t.sameRecords(w.until(t, len(want)), want, name)
	}
	t.contiguous(want)
}

// pollingAmong64 polls while writers commit after delays of random length: what a poll has passed, no later one may bring.
func pollingAmong64(t *trial) {
	w := traffic{writers: 64, commits: 6, streams: 16, make: func(_ *rand.Rand, stream string) event.Record { return record(stream) }}
	seed := t.random().Uint64()
	polling := watch(t.ctx, t, poll)
	w.run(t, seed, unheard)
	last := record("last")
	t.commit(events(last))
	var seen []event.Record
	for len(seen) == 0 || seen[len(seen)-1].ID != last.ID {
		next := polling.until(t, 1)
		if len(next) == 0 {
			return
		}
		seen = append(seen, next...)
	}
	t.sameRecords(seen, t.read(store.Query{}), "polling")
	t.contiguous(seen)
}

// contiguous reports revisions that are not 1, 2, 3… and positions that do not grow.
func (t *trial) contiguous(rs []event.Record) {
	t.Helper()
	revisions := map[string]uint64{}
	last := store.Position(0)
	for _, r := range rs {
		if revisions[r.Stream]++; r.Revision != revisions[r.Stream] {
			t.Errorf("a record of %s has revision %d, want %d", r.Stream, r.Revision, revisions[r.Stream])
		}
		if r.Position <= last {
			t.Errorf("position %d comes after %d", r.Position, last)
		}
		last = r.Position
	}
}

// ahead is how many records a watcher takes before somebody looks at them: so many that it reads while others write.
const ahead = 10_000

// watcher is a reader in the background.
type watcher struct {
	seen chan event.Record
	err  error // why it ended; to read once seen is closed
}

type source func(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error]

func watch(ctx context.Context, t *trial, from source) *watcher {
	w := &watcher{seen: make(chan event.Record, ahead)}
	ctx, stop := context.WithCancel(ctx)
	t.Cleanup(func() {
		stop()
		for range w.seen {
		}
	})
	go func() {
		defer close(w.seen)
		for r, err := range from(ctx, t.d) {
			if err != nil {
				w.err = err
				return
			}
			select {
			case w.seen <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w
}

// until takes n records. The watcher may go on.
func (w *watcher) until(t *trial, n int) (rs []event.Record) {
	t.Helper()
	for len(rs) < n {
		r, ok := <-w.seen
		if !ok {
			t.Errorf("the reader ended after %d records of %d: %v", len(rs), n, w.err)
			return rs
		}
		rs = append(rs, r)
	}
	return rs
}

// poll reads again and again what is after the last position seen.
func poll(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		after := store.Position(0)
		for ctx.Err() == nil {
			for r, err := range d.Read(ctx, store.Query{After: after, Limit: 7}) {
				if !yield(r, err) {
					return
				}
				after = max(after, r.Position)
			}
		}
	}
}

// wait reads up to the head that Wait returned.
func wait(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for after := store.Position(0); ; {
			head, err := d.Wait(ctx, after)
			if err != nil {
				yield(event.Record{}, err)
				return
			}
			for r, err := range d.Read(ctx, store.Query{After: after, Before: head + 1}) {
				if !yield(r, err) {
					return
				}
			}
			after = head
		}
	}
}

func follow(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error] {
	return store.New(d, store.Config{}).Follow(ctx, store.Query{})
}

// laterAppendsLaterPositions compares every append with all that were acknowledged before it began.
func laterAppendsLaterPositions(t *trial) {
	var newest atomic.Uint64
	before := make([]uint64, busy.writers) // what each writer knew when its append began
	w := busy
	w.make = func(rng *rand.Rand, stream string) event.Record { return record(stream) }
	w.run(t, t.random().Uint64(), func(writer int, _ store.Commit, r store.Receipt) {
		if uint64(r.First) <= before[writer] || r.Last < r.First {
			t.Errorf("positions %d to %d were given after %d had been acknowledged", r.First, r.Last, before[writer])
		}
		for {
			known := newest.Load()
			if known >= uint64(r.Last) || newest.CompareAndSwap(known, uint64(r.Last)) {
				break
			}
		}
		before[writer] = newest.Load()
	})
}

func acknowledgedIsReadable(t *trial) {
	busy.run(t, t.random().Uint64(), func(_ int, c store.Commit, r store.Receipt) {
		if head, err := t.d.Head(t.ctx); err != nil || head < r.Last {
			t.Errorf("the head is %d, %v after position %d was acknowledged", head, err, r.Last)
		}
		stored, err := collect(t.d.Read(t.ctx, store.Query{After: r.First - 1, Before: r.Last + 1}))
		if err != nil || len(stored) != len(c.Events) {
			t.Errorf("positions %d to %d hold %d records, %v; want the %d acknowledged", r.First, r.Last, len(stored), err, len(c.Events))
			return
		}
		for i, e := range c.Events {
			if stored[i].ID != e.ID || stored[i].Revision == 0 || stored[i].Revision > r.Revisions[e.Stream] {
				t.Errorf("event %d of a commit is stored as %v at revision %d, want %v up to %d",
					i, stored[i].ID, stored[i].Revision, e.ID, r.Revisions[e.Stream])
			}
		}
		for stream, revision := range r.Revisions {
			in, err := collect(t.d.Read(t.ctx, store.Where(store.Filter{Stream: stream, AfterRevision: revision - 1})))
			if err != nil || len(in) == 0 || in[0].Revision != revision {
				t.Errorf("revision %d of %s was acknowledged, and reading it gives %d records, %v", revision, stream, len(in), err)
			}
		}
	})
}

func headIsNewest(t *trial) {
	if head := t.head(); head != 0 {
		t.Errorf("the head of an empty store is %d, want 0", head)
	}
	t.commit(puts(store.Put(things, "k", nil)))
	if head := t.head(); head != 0 {
		t.Errorf("the head is %d after a commit without events, want 0", head)
	}
	for range 3 {
		r := t.commit(events(record("a"), record("b")))
		if head := t.head(); head != r.Last || r.First == 0 || r.First >= r.Last {
			t.Errorf("the head is %d after positions %d to %d", head, r.First, r.Last)
		}
	}
	rs := t.read(store.Query{Backward: true, Limit: 1})
	if len(rs) != 1 || rs[0].Position != t.head() {
		t.Errorf("the newest record is %v, want the one at %d", rs, t.head())
	}
}

func waitReturns(t *trial) {
	last := t.commit(events(records("s", 3)...)).Last
	for after := range last {
		if head, err := t.d.Wait(t.ctx, after); err != nil || head != last {
			t.Errorf("Wait(%d) returned %d, %v; want %d at once", after, head, err, last)
		}
	}
	t.waitsInVain(last)
	for range 20 {
		heads := make(chan store.Position, 1)
		go func() {
			head, err := t.d.Wait(t.ctx, last)
			if err != nil {
				t.Errorf("Wait: %v", err)
			}
			heads <- head
		}()
		r := t.commit(events(record("s")))
		if head := <-heads; head < r.Last {
			t.Fatalf("Wait(%d) returned %d when %d was appended", last, head, r.Last)
		}
		last = r.Last
	}
}

// waitsInVain reports a Wait that returns although there is nothing new. An item is nothing new.
func (t *trial) waitsInVain(after store.Position) {
	t.Helper()
	t.commit(puts(store.Put(things, "k", nil)))
	ctx, cancel := context.WithTimeout(t.ctx, 5*time.Millisecond)
	defer cancel()
	if head, err := t.d.Wait(ctx, after); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait(%d) returned %d, %v when there was nothing after it", after, head, err)
	}
}

func everyWaiterIsWoken(t *trial) {
	const waiting = 64
	var waiters sync.WaitGroup
	for i := range waiting {
		waiters.Go(func() {
			after := store.Position(i % 4)
			if head, err := t.d.Wait(t.ctx, after); err != nil || head <= after {
				t.Errorf("Wait(%d) returned %d, %v", after, head, err)
			}
		})
	}
	for range 4 {
		t.commit(events(record("s")))
	}
	waiters.Wait()
}

func followGoesOn(t *trial) {
	t.commit(events(records("old", 300)...))
	const followers = 3
	var watchers [followers]*watcher
	for i := range watchers {
		watchers[i] = watch(t.ctx, t, follow)
	}
	busy.run(t, t.random().Uint64(), unheard)
	want := t.read(store.Query{})
	for i, w := range watchers {
		t.sameRecords(w.until(t, len(want)), want, fmt.Sprintf("follower %d", i))
	}
	last := record("last")
	t.commit(events(last))
	for _, w := range watchers {
		if rs := w.until(t, 1); len(rs) == 1 && rs[0].ID != last.ID {
			t.Errorf("after catching up a follower got %v, want %v", rs[0].ID, last.ID)
		}
	}
}

func followFilter(t *trial) {
	q := store.Where(
		store.Filter{Types: []string{"thing.ended"}, StreamPrefix: "s"}, store.Filter{Stream: "s1"}, store.Filter{Stream: "end"},
	)
	w := watch(t.ctx, t, func(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error] {
		return store.New(d, store.Config{}).Follow(ctx, q)
	})
	busy.run(t, t.random().Uint64(), unheard)
	t.commit(events(record("unasked"), record("end")))
	want := t.read(q)
	t.sameRecords(w.until(t, len(want)), want, "following a filter")
}

func followAfter(t *trial) {
	rs := records("s", 6)
	r := t.commit(events(rs...))
	stored := t.placed(rs, r)
	st := store.New(t.d, store.Config{})
	ctx, stop := context.WithCancel(t.ctx)
	defer stop()
	var seen []event.Record
	var end error
	for r, err := range st.Follow(ctx, store.Query{After: stored[3].Position, Limit: 1, Backward: true}) {
		if err != nil {
			end = err
			continue
		}
		if seen = append(seen, r); len(seen) == 2 {
			stop()
		}
	}
	t.sameRecords(seen, stored[4:], "following after a position")
	if !errors.Is(end, context.Canceled) {
		t.Errorf("Follow ended with %v, want the context's error", end)
	}
}
