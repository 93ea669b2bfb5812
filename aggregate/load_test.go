package aggregate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestWhatDoesNotExistHasTheInitialState(t *testing.T) {
	st, _ := newStore(t)
	d := accounts
	d.Initial = func() account { return account{Balance: 7} }
	repo, err := aggregate.New(st, "account", d, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, repo, "42"); got.Revision != 0 || got.Position != 0 || got.State.Balance != 7 {
		t.Errorf("loaded %+v", got)
	}
	if got := load(t, newAccounts(t, st, aggregate.Config{}), "42"); got.State.Balance != 0 {
		t.Errorf("without Initial: %+v, want the zero value", got)
	}
	if got := d.Given(deposited{1}); got.Balance != 8 {
		t.Errorf("given: %+v", got)
	}
}

func TestLoadAtReturnsEveryPast(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{10}, deposit{20}, withdraw{5})
	for revision, want := range []int64{0, 0, 10, 30, 25} {
		got, err := repo.LoadAt(t.Context(), "42", uint64(revision))
		if err != nil || got.Revision != uint64(revision) || got.State.Balance != want {
			t.Errorf("at %d: %+v, %v, want %d", revision, got, err, want)
		}
	}
	_, err := repo.LoadAt(t.Context(), "42", 5)
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "account-42 is at revision 4") {
		t.Errorf("at 5: error is %v", err)
	}
}

func TestLoadAsOfStopsBeforeTheFirstLaterEvent(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for i, minutes := range []int{0, 2, 1, 3} { // the third was noted with an earlier time than the second
		e, err := event.New(t.Context(), deposited{int64(1) << i}, event.WithStream("account-42"), event.WithTime(noon.Add(time.Duration(minutes)*time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		execute(t, repo, "42", raw{events: []any{e}})
	}
	for _, c := range []struct {
		after    time.Duration
		revision uint64
		balance  int64
	}{{-1, 0, 0}, {0, 1, 1}, {time.Minute, 1, 1}, {2 * time.Minute, 3, 7}, {time.Hour, 4, 15}} {
		got, err := repo.LoadAsOf(t.Context(), "42", noon.Add(c.after).In(time.FixedZone("", 3600)))
		if err != nil || got.Revision != c.revision || got.State.Balance != c.balance {
			t.Errorf("as of noon%+v: %+v, %v", c.after, got, err)
		}
	}
	if _, err := repo.LoadAsOf(t.Context(), "42", time.Time{}); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("as of no time: error is %v", err)
	}
}

func TestUnknownEventsInTheStreamAreAnErrorUnlessIgnored(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{})
	if _, err := st.AppendTo(t.Context(), "account-42", []any{event.From("account.audited", nil), deposited{5}}); err != nil {
		t.Fatal(err)
	}
	spy.appends.Store(0)
	_, err := repo.Load(t.Context(), "42")
	var unknown *aggregate.UnknownEventError
	if !errors.Is(err, aggregate.ErrUnknownEvent) || !errors.As(err, &unknown) || unknown.Revision != 2 || unknown.Position != 2 {
		t.Errorf("error is %v", err)
	}
	if want := "account-42: the event at revision 2 is of type account.audited, which the aggregate does not know; " +
		"add its Go type to the decider's Events, or its name to Config.Ignore"; err.Error() != want {
		t.Errorf("message is %q", err)
	}
	if _, err := repo.Execute(t.Context(), "42", deposit{1}); !errors.Is(err, aggregate.ErrUnknownEvent) || spy.appends.Load() != 0 {
		t.Errorf("execute: error is %v, %d appends", err, spy.appends.Load())
	}

	lenient := newAccounts(t, st, aggregate.Config{Ignore: []string{"account.audited"}})
	if got := execute(t, lenient, "42", deposit{1}); got.State.Balance != 6 || got.Revision != 4 {
		t.Errorf("result %+v", got)
	}
	if _, err := lenient.Execute(t.Context(), "42", raw{events: []any{event.From("account.audited", nil)}}); !errors.Is(err, aggregate.ErrUnknownEvent) {
		t.Errorf("deciding what is ignored: error is %v", err)
	}
}

func TestGapInTheStreamIsAnError(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{10}, deposit{20})
	for _, gone := range []uint64{1, 2} {
		spy.drop = func(rec event.Record) bool { return rec.Revision == gone }
		got, err := repo.Load(t.Context(), "42")
		var facts *aggregate.GoneError
		if !errors.As(err, &facts) || *facts != (aggregate.GoneError{Stream: "account-42", First: gone, Last: gone}) {
			t.Errorf("without revision %d: loaded %+v, %v", gone, got, err)
		}
	}
}

// deposited2 is deposited after it was made more precise.
type deposited2 struct{ MilliCents int64 }

func (deposited2) EventType() string { return "deposited" }
func (deposited2) EventVersion() int { return 2 }

func TestOldVersionsAreLifted(t *testing.T) {
	driver := memory.New()
	execute(t, newAccounts(t, store.New(driver, store.Config{}), aggregate.Config{}), "42", deposit{5})

	st := store.New(driver, store.Config{})
	if err := st.Registry().Upcast("deposited", 1, func(data []byte) ([]byte, error) {
		data = bytes.Replace(data, []byte(`"Cents":`), []byte(`"MilliCents":`), 1)
		return bytes.Replace(data, []byte(`}`), []byte(`000}`), 1), nil
	}); err != nil {
		t.Fatal(err)
	}
	repo, err := aggregate.New(st, "account", aggregate.Decider[int64, int64]{
		Events: []any{deposited2{}},
		Decide: func(_, add int64) ([]any, error) { return []any{deposited2{add}}, nil },
		Evolve: func(sum int64, e any) int64 { return sum + e.(deposited2).MilliCents },
	}, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := repo.Execute(t.Context(), "42", 17)
	if err != nil || got.State != 5017 || got.Events[0].Version != 2 {
		t.Errorf("result %+v, %v", got, err)
	}
}

func TestEventThatCannotBeDecodedIsAnError(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	if _, err := st.AppendTo(t.Context(), "account-42", []any{event.From("deposited", map[string]any{"Cents": "five"})}); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Load(t.Context(), "42"); err == nil || !strings.Contains(err.Error(), "account-42 at revision 1: decode deposited") {
		t.Errorf("error is %v", err)
	}
}

func TestErrorsOfTheStoreAreReturned(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 1}})
	st.Close()
	_, loading := repo.Load(t.Context(), "42")
	_, executing := repo.Execute(t.Context(), "42", open{}, aggregate.WithCommandID(event.NewID()))
	for _, err := range []error{loading, executing, repo.Snapshot(t.Context(), "42")} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("error is %v", err)
		}
	}
}
