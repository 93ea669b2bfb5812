package aggregate_test

import (
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestStateIsMadeOfWhatIsLiftedIntoItsEvents(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo, err := aggregate.New(st, "account", accounts, aggregate.Config{Ignore: []string{"audited", "reviewed"}})
	if err != nil {
		t.Fatal(err)
	}
	v1 := func(name string) event.Schema { return event.Schema{Type: name, Version: 1} }
	err = errors.Join(
		st.Registry().UpcastTo(v1("credited"), v1("deposited"), event.Unchanged),
		st.Registry().UpcastTo(v1("checked"), v1("audited"), event.Unchanged),
		st.Registry().UpcastTo(v1("reviewed"), v1("inspected"), event.Unchanged),
		st.Registry().UpcastTo(v1("dropped"), v1("discarded"), event.Unchanged),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = st.AppendTo(t.Context(), "account-1", []any{
		opened{}, event.From("credited", map[string]any{"Cents": 5}), deposited{2}, event.From("checked", nil), event.From("reviewed", nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := repo.Load(t.Context(), "1")
	if err != nil || got.State.Balance != 7 || got.Revision != 5 {
		t.Errorf("got %+v, %v, want a balance of 7 at revision 5", got, err)
	}
	if _, err := repo.Execute(t.Context(), "1", deposit{3}); err != nil {
		t.Error(err)
	}
	if _, err := st.AppendTo(t.Context(), "account-1", []any{event.From("dropped", nil)}); err != nil {
		t.Fatal(err)
	}
	var unknown *aggregate.UnknownEventError
	if _, err := repo.Load(t.Context(), "1"); !errors.As(err, &unknown) || unknown.Type != "discarded" || unknown.Revision != 7 {
		t.Errorf("an event lifted into an unknown type: %v", err)
	}
}

func TestAnEventThatCannotBeLiftedIsNoState(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo, err := aggregate.New(st, "account", accounts, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no cents")
	err = st.Registry().UpcastTo(event.Schema{Type: "credited", Version: 1}, event.Schema{Type: "deposited", Version: 1},
		func([]byte) ([]byte, error) { return nil, broken })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.AppendTo(t.Context(), "account-1", []any{event.From("credited", nil)}); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Load(t.Context(), "1"); !errors.Is(err, broken) || err.Error() != "account-1 at revision 1: upcast credited from version 1: no cents" {
		t.Errorf("got %v", err)
	}
}
