package aggregate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const bucket = aggregate.Bucket + "/account"

var every = aggregate.Config{Snapshots: aggregate.Snapshots{Every: 5}}

func snapshotOf(t testing.TB, st *store.Store, id string) store.Item {
	t.Helper()
	item, err := st.Get(t.Context(), bucket, id)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

func putSnapshot(t testing.TB, st *store.Store, id string, value []byte) {
	t.Helper()
	if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(bucket, id, value)}}); err != nil {
		t.Fatal(err)
	}
}

func take(t testing.TB, repo *aggregate.Repository[account, any], id string) {
	t.Helper()
	if err := repo.Snapshot(t.Context(), id); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotSparesTheEventsBeforeIt(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, every)
	for range 20 {
		execute(t, repo, "42", deposit{1})
	}
	take(t, repo, "42")
	execute(t, repo, "42", deposit{1}, deposit{1})
	var got aggregate.Loaded[account]
	if n := spy.read(func() { got = load(t, repo, "42") }); n != 3 { // the one that proves the snapshot, and two more
		t.Errorf("%d records read", n)
	}
	if got.State.Balance != 22 || got.Revision != 22 || got.Position != 22 {
		t.Errorf("loaded %+v", got)
	}
}

// summed returns a snapshot's JSON with the right checksum.
func summed[T string | []byte](text T) []byte {
	return fmt.Appendf(nil, "%08x %s", crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)), text)
}

func TestSnapshotsThatDoNotServeAreIgnored(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, every)
	execute(t, repo, "42", open{}, deposit{10}, raw{events: []any{noted{"a"}, noted{"b"}}})
	execute(t, repo, "other", open{}, deposit{1}, deposit{2}, deposit{3}, deposit{4})
	take(t, repo, "42")
	take(t, repo, "other")
	good := snapshotOf(t, st, "42").Value
	want := load(t, repo, "42")

	older, _ := aggregate.New(st, "account", accounts, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 5, Version: 2}})
	if n := spy.read(func() { load(t, older, "42") }); n != 4 {
		t.Errorf("a snapshot of version 1 was used for version 2: %d records read", n)
	}
	without := newAccounts(t, st, aggregate.Config{})
	if n := spy.read(func() { load(t, without, "42") }); n != 4 {
		t.Errorf("a snapshot was used although they are off: %d records read", n)
	}
	for name, value := range map[string][]byte{
		"empty":                nil,
		"no snapshot":          []byte("hello"),
		"cut":                  good[:len(good)-1],
		"longer":               append(bytes.Clone(good), ' '),
		"a changed digit":      bytes.Replace(good, []byte(`"Balance":10`), []byte(`"Balance":90`), 1),
		"of no event":          summed(`{"version":1,"revision":0,"position":1,"state":{"Balance":90}}`),
		"of another Go type":   summed(bytes.Replace(good[9:], []byte(`{"Open":true`), []byte(`{"Open":"yes"`), 1)),
		"of another aggregate": snapshotOf(t, st, "other").Value,
	} {
		putSnapshot(t, st, "42", value)
		var got aggregate.Loaded[account]
		n := spy.read(func() { got = load(t, repo, "42") })
		if !reflect.DeepEqual(got, want) || n < 4 {
			t.Errorf("%s: loaded %+v from %d records, want %+v", name, got, n, want)
		}
	}
	take(t, repo, "42")
	if !bytes.Equal(snapshotOf(t, st, "42").Value, good) {
		t.Error("the snapshot was not taken anew")
	}
}

// A store that was put back to an earlier backup keeps a snapshot of events that it no longer has, or has others in their place.
func TestSnapshotOfAStreamThatIsNoMoreIsIgnored(t *testing.T) {
	before, _ := newStore(t)
	repo := newAccounts(t, before, every)
	execute(t, repo, "42", deposit{1}, deposit{2}, deposit{3}, deposit{4}, deposit{5})
	take(t, repo, "42")
	value := snapshotOf(t, before, "42").Value
	for _, events := range []int{0, 1, 4, 5, 6} {
		after, _ := newStore(t)
		restored := newAccounts(t, after, every)
		for range events {
			execute(t, restored, "42", deposit{100})
		}
		putSnapshot(t, after, "42", value)
		if got := load(t, restored, "42"); got.Revision != uint64(events) || got.State.Balance != 100*int64(events) {
			t.Errorf("after %d other events: loaded %+v", events, got)
		}
		take(t, restored, "42")
		if got := load(t, restored, "42"); got.State.Balance != 100*int64(events) {
			t.Errorf("after %d other events and a snapshot: loaded %+v", events, got)
		}
	}
}

func TestSnapshotOfANewerVersionIsLeftAlone(t *testing.T) {
	st, _ := newStore(t)
	newer := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 5, Version: 3}})
	repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 5, Version: 2}})
	execute(t, repo, "42", deposit{1})
	take(t, newer, "42")
	kept := snapshotOf(t, st, "42")
	execute(t, repo, "42", deposit{1})
	take(t, repo, "42")
	if got := snapshotOf(t, st, "42"); got.Revision != kept.Revision {
		t.Error("the older program replaced the newer's snapshot")
	}
	take(t, newer, "42")
	if got := snapshotOf(t, st, "42"); got.Revision == kept.Revision {
		t.Error("the newer program did not replace its own")
	}
}

func TestSnapshotOfNothingNewWritesNothing(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, every)
	take(t, repo, "42")
	if spy.appends.Load() != 0 {
		t.Error("a snapshot of nothing was written")
	}
	execute(t, repo, "42", deposit{1})
	take(t, repo, "42")
	spy.appends.Store(0)
	take(t, repo, "42")
	if spy.appends.Load() != 0 {
		t.Error("the same snapshot was written again")
	}
	spy.beforeAppend = func(c store.Commit) { // another process takes one at the same time
		spy.beforeAppend = nil
		putSnapshot(t, st, "42", []byte("theirs"))
	}
	execute(t, newAccounts(t, store.New(spy.Driver, store.Config{}), every), "42", deposit{1})
	take(t, repo, "42")
	if got := snapshotOf(t, st, "42"); string(got.Value) != "theirs" {
		t.Errorf("the snapshot is %q, want that of who came first", got.Value)
	}
}

func TestSnapshotsThatAreOffAreNotTaken(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", deposit{1})
	if err := repo.Snapshot(t.Context(), "42"); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("error is %v", err)
	}
}

type secretive struct {
	Shown  int
	hidden int
}

func TestStateThatJSONLosesIsNotTaken(t *testing.T) {
	st, spy := newStore(t)
	repo, err := aggregate.New(st, "account", aggregate.Decider[secretive, int]{
		Events: []any{deposited{}},
		Decide: func(_ secretive, n int) ([]any, error) { return []any{deposited{int64(n)}}, nil },
		Evolve: func(s secretive, _ any) secretive { s.hidden++; s.Shown++; return s },
	}, every)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Execute(t.Context(), "42", 1); err != nil {
		t.Fatal(err)
	}
	spy.appends.Store(0)
	err = repo.Snapshot(t.Context(), "42")
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "export all its fields") || spy.appends.Load() != 0 {
		t.Errorf("error is %v after %d appends", err, spy.appends.Load())
	}
}

// running runs the repository until the returned function is called.
func running(t *testing.T, repo *aggregate.Repository[account, any]) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- repo.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}
}

func TestRunTakesSnapshotsByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, spy := newStore(t)
		repo := newAccounts(t, st, every)
		stop := running(t, repo)
		defer stop()
		for range 4 {
			execute(t, repo, "42", deposit{1})
		}
		synctest.Wait()
		if snapshotOf(t, st, "42").Revision != 0 {
			t.Error("a snapshot was taken before it was due")
		}
		execute(t, repo, "42", deposit{1})
		synctest.Wait()
		taken := snapshotOf(t, st, "42")
		if n := spy.read(func() { load(t, repo, "42") }); taken.Revision == 0 || n != 1 {
			t.Errorf("after the fifth event the snapshot is %+v, %d records read", taken, n)
		}
		execute(t, repo, "42", deposit{1}, deposit{1})
		load(t, repo, "42")
		synctest.Wait()
		if snapshotOf(t, st, "42").Revision != taken.Revision {
			t.Error("another was taken before it was due")
		}
	})
}

func TestRunTakesSnapshotsByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _ := newStore(t)
		repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Age: time.Hour}})
		stop := running(t, repo)
		defer stop()
		execute(t, repo, "42", deposit{1})
		<-time.After(time.Hour - 1)
		execute(t, repo, "42", deposit{1})
		synctest.Wait()
		if snapshotOf(t, st, "42").Revision != 0 {
			t.Error("a snapshot was taken before it was due")
		}
		<-time.After(1)
		load(t, repo, "42") // a look is enough
		synctest.Wait()
		if snapshotOf(t, st, "42").Revision == 0 {
			t.Error("no snapshot was taken, though the oldest event is an hour old")
		}
	})
}

func TestExecutingTakesNoSnapshots(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 1}})
	for range 10 {
		execute(t, repo, "42", deposit{1})
		load(t, repo, "42")
	}
	if spy.appends.Load() != 10 || snapshotOf(t, st, "42").Revision != 0 {
		t.Errorf("%d appends for 10 commands", spy.appends.Load())
	}
}

func TestRunLogsWhatCouldNotBeTakenAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.New(memory.New(), store.Config{})
		defer st.Close()
		var logged bytes.Buffer
		d := accounts
		poison := false
		d.Evolve = func(a account, e any) account {
			if poison && e == (deposited{666}) {
				panic("poison")
			}
			return evolve(a, e)
		}
		repo, err := aggregate.New(st, "account", d, aggregate.Config{
			Snapshots: aggregate.Snapshots{Every: 1}, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		execute(t, repo, "bad", deposit{666})
		execute(t, repo, "good", deposit{1})
		poison = true
		stop := running(t, repo)
		synctest.Wait()
		stop()
		if !strings.Contains(logged.String(), "account-bad") || !strings.Contains(logged.String(), "poison") {
			t.Errorf("logged %q", logged.String())
		}
		if snapshotOf(t, st, "good").Revision == 0 || strings.Contains(logged.String(), "account-good") {
			t.Errorf("the other snapshot was not taken; logged %q", logged.String())
		}
	})
}

func TestRunTakesEachSnapshotOnceAndRemembersSoMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1024
		st, spy := newStore(t)
		repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 1}})
		for n := range most + 10 {
			execute(t, repo, strconv.Itoa(n), deposit{1})
		}
		spy.appends.Store(0)
		stop := running(t, repo)
		defer stop()
		synctest.Wait()
		if n := spy.appends.Load(); n != most {
			t.Errorf("%d snapshots taken, want %d", n, most)
		}
		n := spy.read(func() {
			load(t, repo, strconv.Itoa(most+5)) // found no room; using it is enough
			synctest.Wait()
		})
		if spy.appends.Load() != most+1 || n != 2 {
			t.Errorf("%d snapshots taken and %d records read; want one more, and each record of that one twice", spy.appends.Load(), n)
		}
	})
}

func TestStopIsNotLogged(t *testing.T) {
	st, spy := newStore(t)
	var logged bytes.Buffer
	repo, err := aggregate.New(st, "account", accounts, aggregate.Config{
		Snapshots: aggregate.Snapshots{Every: 1}, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, repo, "42", deposit{1})
	ctx, cancel := context.WithCancel(t.Context())
	spy.beforeAppend = func(store.Commit) { cancel() }
	if err := repo.Run(ctx); err != nil || logged.Len() > 0 {
		t.Errorf("Run returned %v and logged %q", err, logged.String())
	}
}
