package aggregate_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func setMeta(t *testing.T, st *store.Store, id string, m store.StreamMeta) {
	t.Helper()
	if _, err := st.SetStreamMeta(t.Context(), "account-"+id, m); err != nil {
		t.Fatal(err)
	}
}

func deleteStream(t *testing.T, st *store.Store, id string) {
	t.Helper()
	if _, err := st.DeleteStream(t.Context(), "account-"+id); err != nil {
		t.Fatal(err)
	}
}

// gone reports an error that does not say that these revisions are gone.
func gone(t *testing.T, err error, first, last uint64) {
	t.Helper()
	var facts *aggregate.GoneError
	if !errors.As(err, &facts) || !errors.Is(err, aggregate.ErrGone) || facts.First != first || facts.Last != last {
		t.Errorf("error is %v, want that revisions %d to %d are gone", err, first, last)
	}
}

// depositAgo decides a deposit on account 42 that happened so long ago.
func depositAgo(t *testing.T, cents int64, age time.Duration) raw {
	t.Helper()
	e, err := event.New(t.Context(), deposited{cents}, event.WithStream("account-42"), event.WithTime(time.Now().Add(-age)))
	if err != nil {
		t.Fatal(err)
	}
	return raw{events: []any{e}}
}

func TestDeletedAggregateBeginsAgain(t *testing.T) {
	for name, cfg := range map[string]aggregate.Config{"no snapshot": {}, "a snapshot from before the deletion": every} {
		t.Run(name, func(t *testing.T) {
			st, _ := newStore(t)
			repo := newAccounts(t, st, cfg)
			execute(t, repo, "42", open{}, deposit{1000}, deposit{500})
			if cfg.Snapshots.Every > 0 {
				take(t, repo, "42")
			}
			deleteStream(t, st, "42")
			if got := load(t, repo, "42"); got.Revision != 0 || got.State.Open || got.State.Balance != 0 {
				t.Errorf("after the deletion: %+v", got)
			}
			if got, err := repo.LoadAsOf(t.Context(), "42", time.Now()); err != nil || got.Revision != 0 {
				t.Errorf("as of now: %+v, %v", got, err)
			}
			result := execute(t, repo, "42", open{}, deposit{7})
			if result.Revision != 5 || result.State.Balance != 7 || result.Events[0].Revision != 5 || result.Position != head(t, st) {
				t.Errorf("begun again: %+v", result)
			}
			if got := load(t, repo, "42"); got.Revision != 5 || got.State.Balance != 7 {
				t.Errorf("loaded %+v", got)
			}
			for revision, want := range map[uint64]int64{0: 0, 4: 0, 5: 7} {
				got, err := repo.LoadAt(t.Context(), "42", revision)
				if err != nil || got.Revision != revision || got.State.Balance != want {
					t.Errorf("at %d: %+v, %v", revision, got, err)
				}
			}
			_, err := repo.LoadAt(t.Context(), "42", 3)
			gone(t, err, 1, 3)
			if _, err = repo.LoadAt(t.Context(), "42", 6); !errors.Is(err, event.ErrInvalid) {
				t.Errorf("at 6: %v", err)
			}
			if cfg.Snapshots.Every > 0 {
				take(t, repo, "42")
				if got := load(t, repo, "42"); got.Revision != 5 || got.State.Balance != 7 {
					t.Errorf("with a new snapshot: %+v", got)
				}
			}
		})
	}
}

func TestSnapshotsOfAnAggregateBegunAgainAreDueByItsOwnEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _ := newStore(t)
		repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 3}})
		execute(t, repo, "42", open{}, deposit{1}, deposit{1}, deposit{1})
		deleteStream(t, st, "42")
		repo = newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 3}}) // knows of nothing that is due
		stop := running(t, repo)
		defer stop()
		for n, want := range []bool{false, false, true} {
			execute(t, repo, "42", deposit{1})
			synctest.Wait()
			if got := snapshotOf(t, st, "42").Revision > 0; got != want {
				t.Errorf("after event %d: snapshot taken %v, want %v", n+1, got, want)
			}
		}
	})
}

func TestAnAggregateWhoseBeginningIsGoneIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		meta store.StreamMeta
		last uint64 // that is gone
	}{
		"by count": {store.StreamMeta{MaxCount: 2}, 2}, "by number": {store.StreamMeta{Before: 3}, 2}, "by age": {store.StreamMeta{MaxAge: time.Hour}, 2},
		"altogether": {store.StreamMeta{Before: 5}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			st, spy := newStore(t)
			repo := newAccounts(t, st, every)
			execute(t, repo, "42", depositAgo(t, 1, 48*time.Hour), depositAgo(t, 2, 48*time.Hour), deposit{4}, deposit{8})
			setMeta(t, st, "42", c.meta)
			spy.appends.Store(0)
			_, err := repo.Load(t.Context(), "42")
			gone(t, err, 1, c.last)
			if !strings.Contains(err.Error(), "account-42") || !strings.Contains(err.Error(), "take snapshots before") {
				t.Errorf("message is %q", err)
			}
			_, err = repo.LoadAt(t.Context(), "42", 2)
			gone(t, err, 1, c.last)
			if got, err := repo.LoadAt(t.Context(), "42", 0); err != nil || got.Revision != 0 {
				t.Errorf("at 0, where nothing had happened: %+v, %v", got, err)
			}
			_, err = repo.LoadAsOf(t.Context(), "42", time.Now().Add(-24*time.Hour))
			gone(t, err, 1, c.last)
			_, err = repo.Execute(t.Context(), "42", deposit{1})
			gone(t, err, 1, c.last)
			gone(t, repo.Snapshot(t.Context(), "42"), 1, c.last)
			if head(t, st) != 4 {
				t.Errorf("the head is %d, want nothing written", head(t, st))
			}
			deleteStream(t, st, "42") // as the message says
			if got := execute(t, repo, "42", deposit{1}); got.State.Balance != 1 {
				t.Errorf("after deleting the stream: %+v", got)
			}
		})
	}
}

func TestAnAggregateWhoseNewestEventsAreGoneIsAnError(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", deposit{1}, deposit{2}, depositAgo(t, 4, 48*time.Hour)) // an old fact, heard of late
	setMeta(t, st, "42", store.StreamMeta{MaxAge: time.Hour})
	_, err := repo.Load(t.Context(), "42")
	gone(t, err, 3, 3)
	if got, err := repo.LoadAt(t.Context(), "42", 2); err != nil || got.State.Balance != 3 {
		t.Errorf("at 2: %+v, %v", got, err)
	}
	execute(t, repo, "43", deposit{1})
	setMeta(t, st, "43", store.StreamMeta{MaxAge: time.Hour})
	if got := execute(t, repo, "43", deposit{1}); got.State.Balance != 2 {
		t.Errorf("one that has all: %+v", got)
	}
}

func TestSnapshotStandsForWhatIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		meta store.StreamMeta
		at   int // which event the snapshot ends with
	}{
		"its last event is left":           {store.StreamMeta{Before: 3}, 3},
		"its last event is gone":           {store.StreamMeta{Before: 4}, 3},
		"by count":                         {store.StreamMeta{MaxCount: 2}, 3},
		"everything after it is left":      {store.StreamMeta{MaxAge: time.Hour}, 3},
		"it ends with the newest":          {store.StreamMeta{MaxCount: 2}, 5},
		"it is all that there is":          {store.StreamMeta{Before: 6}, 5},
		"gone by age, and it is all there": {store.StreamMeta{MaxAge: time.Nanosecond}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := newStore(t)
			repo := newAccounts(t, st, every)
			for n := range 5 {
				age := 48 * time.Hour
				if n > 2 {
					age = time.Second
				}
				execute(t, repo, "42", depositAgo(t, int64(1)<<n, age))
				if n+1 == c.at {
					take(t, repo, "42")
				}
			}
			setMeta(t, st, "42", c.meta)
			if got := load(t, repo, "42"); got.Revision != 5 || got.State.Balance != 31 {
				t.Errorf("loaded %+v", got)
			}
			if got, err := repo.LoadAt(t.Context(), "42", uint64(c.at)); err != nil || got.State.Balance != 1<<c.at-1 {
				t.Errorf("at the snapshot: %+v, %v", got, err)
			}
			_, err := repo.LoadAt(t.Context(), "42", 1)
			if !errors.Is(err, aggregate.ErrGone) {
				t.Errorf("before the snapshot: %v", err)
			}
			if _, err := newAccounts(t, st, aggregate.Config{}).Load(t.Context(), "42"); !errors.Is(err, aggregate.ErrGone) {
				t.Errorf("without the snapshot: %v", err)
			}
			if c.meta.MaxAge == time.Nanosecond {
				return
			}
			if got := execute(t, repo, "42", deposit{32}); got.Revision != 6 || got.State.Balance != 63 {
				t.Errorf("executed %+v", got)
			}
		})
	}
}

func TestSnapshotThatEndsBeforeAGapDoesNotHelp(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, every)
	execute(t, repo, "42", deposit{1}, deposit{2})
	take(t, repo, "42")
	execute(t, repo, "42", deposit{4}, deposit{8})
	setMeta(t, st, "42", store.StreamMeta{Before: 4})
	_, err := repo.Load(t.Context(), "42")
	gone(t, err, 3, 3)
	if got, err := repo.LoadAt(t.Context(), "42", 2); err != nil || got.State.Balance != 3 {
		t.Errorf("at the snapshot: %+v, %v", got, err)
	}
}

func TestSnapshotFromBeforeADeletionIsIgnoredAlsoWhereEventsGo(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, every)
	setMeta(t, st, "42", store.StreamMeta{MaxCount: 100, MaxAge: 1000 * time.Hour, Before: 1})
	execute(t, repo, "42", deposit{1}, deposit{2})
	take(t, repo, "42")
	deleteStream(t, st, "42")
	if got := load(t, repo, "42"); got.Revision != 0 || got.State.Balance != 0 {
		t.Errorf("after the deletion: %+v", got)
	}
	execute(t, repo, "42", deposit{4})
	if got := load(t, repo, "42"); got.Revision != 3 || got.State.Balance != 4 {
		t.Errorf("begun again: %+v", got)
	}
}

func TestForeignSnapshotIsRefusedAlsoWhereEventsGo(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, every)
	execute(t, repo, "42", deposit{1}, deposit{2})
	take(t, repo, "42")
	item, err := st.Get(t.Context(), aggregate.Bucket+"/account", "42")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(item.Bucket, "43", item.Value)}}); err != nil {
		t.Fatal(err)
	}
	setMeta(t, st, "43", store.StreamMeta{MaxCount: 100, MaxAge: time.Hour})
	execute(t, repo, "43", deposit{5})
	if got := load(t, repo, "43"); got.State.Balance != 5 {
		t.Errorf("before its revision: %+v", got)
	}
	execute(t, repo, "43", deposit{6}, deposit{7})
	if got := load(t, repo, "43"); got.State.Balance != 18 {
		t.Errorf("after its revision: %+v", got)
	}
}

func TestTombstoneIsReturnedAtOnce(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{5})
	id := event.NewID()
	if _, err := repo.Execute(t.Context(), "42", deposit{1}, aggregate.WithCommandID(id)); err != nil {
		t.Fatal(err)
	}
	if _, err := st.TombstoneStream(t.Context(), "account-42"); err != nil {
		t.Fatal(err)
	}
	spy.appends.Store(0)
	_, err := repo.Execute(t.Context(), "42", open{})
	if !errors.Is(err, store.ErrTombstone) || spy.appends.Load() != 1 {
		t.Errorf("error is %v after %d appends", err, spy.appends.Load())
	}
	if got := load(t, repo, "42"); got.Revision != 0 || got.State.Balance != 0 {
		t.Errorf("loaded %+v", got)
	}
	_, err = transfer(t.Context(), st, repo, "42", "43", 1)
	if err != errClosed {
		t.Errorf("a decision on the empty state: %v", err)
	}
}

func TestDeletionBetweenLoadAndAppendIsDecidedAnew(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{5})
	once := true
	spy.beforeAppend = func(store.Commit) {
		if once {
			once = false
			deleteStream(t, st, "42")
		}
	}
	if _, err := repo.Execute(t.Context(), "42", withdraw{5}); err != errClosed {
		t.Errorf("error is %v, want the refusal of an account that is not open", err)
	}

	execute(t, repo, "43", open{})
	deleteStream(t, st, "43")
	once = true
	spy.beforeAppend = func(store.Commit) {
		if once { // it is begun and deleted again meanwhile, so that it does not exist as before
			once = false
			execute(t, repo, "43", open{}, deposit{1})
			deleteStream(t, st, "43")
		}
	}
	if got := execute(t, repo, "43", open{}); got.Revision != 4 || got.Events[0].Revision != 4 {
		t.Errorf("result %+v, want the revision that it got", got)
	}
}

func TestMetadataThatChangeWhileLoadingAreReadAgain(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{5})
	once := true
	spy.beforeRead = func() {
		if once {
			once = false
			deleteStream(t, st, "42")
			execute(t, repo, "42", deposit{7})
		}
	}
	if got := load(t, repo, "42"); got.Revision != 3 || got.State.Balance != 7 {
		t.Errorf("loaded %+v", got)
	}
}

func TestRepeatedCommandWhoseEventsAreGoneIsNotExecutedAgain(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "a", open{}, deposit{500})
	id := event.NewID()
	first, err := transfer(t.Context(), st, repo, "a", "b", 300, aggregate.WithCommandID(id))
	if err != nil {
		t.Fatal(err)
	}
	single := event.NewID()
	if _, err := repo.Execute(t.Context(), "c", deposit{1}, aggregate.WithCommandID(single)); err != nil {
		t.Fatal(err)
	}
	before := head(t, st)

	deleteStream(t, st, "c")
	_, err = repo.Execute(t.Context(), "c", deposit{1}, aggregate.WithCommandID(single))
	gone(t, err, 1, 1)
	deleteStream(t, st, "b")
	if _, err := transfer(t.Context(), st, repo, "a", "b", 300, aggregate.WithCommandID(id)); !errors.Is(err, aggregate.ErrGone) {
		t.Errorf("its last event gone: %v", err)
	}
	deleteStream(t, st, "a")
	execute(t, repo, "a", open{}, deposit{900})
	receipt, err := transfer(t.Context(), st, repo, "a", "b", 300, aggregate.WithCommandID(id))
	if err != nil || !receipt.Repeated || receipt.First != first.First {
		t.Errorf("all of its events gone: %+v, %v; want the first receipt", receipt, err)
	}
	if head(t, st) != before+2 || load(t, repo, "a").State.Balance != 900 {
		t.Errorf("the command was executed again: the head is %d, want %d", head(t, st), before+2)
	}
}
