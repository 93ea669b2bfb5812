package projection_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

// accountsOfOld reads account.credited as account.deposited, and splits account.changed into account.deposited and account.closed.
func accountsOfOld(t *testing.T, reg *event.Registry) {
	t.Helper()
	into, over := event.Schema{Type: "account.deposited", Version: 1}, event.Schema{Type: "account.closed", Version: 1}
	err := errors.Join(
		reg.UpcastTo(event.Schema{Type: "account.credited", Version: 1}, into, event.Unchanged),
		reg.UpcastSplit(event.Schema{Type: "account.changed", Version: 1}, []event.Schema{into, over},
			func(data []byte) (event.Schema, []byte, error) {
				if bytes.Contains(data, []byte("Cents")) {
					return into, data, nil
				}
				return over, data, nil
			}))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAProjectionAppliesWhatIsLiftedIntoItsTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		accountsOfOld(t, st.Registry())
		for _, e := range []event.Event[any]{
			event.From("account.credited", map[string]any{"Account": "a", "Cents": 1}),
			event.From("account.changed", map[string]any{"Account": "a", "Cents": 2}),
			event.From("account.changed", map[string]any{"Account": "b", "Cents": 4}),
			event.From("account.changed", map[string]any{"Account": "b"}),
			event.From("account.seen", map[string]any{"Account": "a", "Cents": 8}),
		} {
			publish(t, st, e)
		}
		last := deposit(t, st, "a", 16)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		if err := p.WaitFor(ctx, last); err != nil {
			t.Fatal(err)
		}
		want := account{Cents: 19, Events: 3}
		if got, ok, err := p.Get(ctx, "a"); err != nil || !ok || got != want {
			t.Errorf("a is %+v, %t, %v, want %+v", got, ok, err, want)
		}
		if got, ok, err := p.Get(ctx, "b"); err != nil || ok {
			t.Errorf("b is %+v, %v, want none", got, err)
		}
		if err := p.Rebuild(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if got, _, err := p.Get(ctx, "a"); err != nil || got != want {
			t.Errorf("rebuilt, a is %+v, %v, want %+v", got, err, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOnAnyTakesRecordsAsTheyAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		accountsOfOld(t, st.Registry())
		p, err := projection.New[int](st, "types", projection.Config{})
		if err != nil {
			t.Fatal(err)
		}
		projection.OnAny(p, func(ctx context.Context, docs *projection.Docs[int], r event.Record) error {
			return docs.Update(ctx, r.Type, func(n *int) { *n++ })
		})
		projection.On(p, func(ctx context.Context, docs *projection.Docs[int], e event.Event[closed]) error {
			return docs.Update(ctx, "closed", func(n *int) { *n++ })
		})
		publish(t, st, event.From("account.changed", map[string]any{"Cents": 1}))
		publish(t, st, event.From("account.changed", map[string]any{}))
		last := publish(t, st, event.From("account.credited", nil)) // nobody by type wants it
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		if err := p.WaitFor(ctx, store.Position(last)); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]int{"account.changed": 2, "account.credited": 1, "closed": 1} {
			if got, _, err := p.Get(ctx, key); err != nil || got != want {
				t.Errorf("%s is counted %d times, %v, want %d", key, got, err, want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
