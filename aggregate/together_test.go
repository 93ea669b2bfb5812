package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// transfer moves cents from one account to another, and writes an item.
func transfer(ctx context.Context, st *store.Store, repo *aggregate.Repository[account, any], from, to string, cents int64, opts ...aggregate.Option) (store.Receipt, error) {
	return aggregate.Together(ctx, st, func(tx *aggregate.Tx) error {
		if _, err := repo.ExecuteIn(ctx, tx, from, withdraw{cents}); err != nil {
			return err
		}
		if _, err := repo.ExecuteIn(ctx, tx, to, deposit{cents}); err != nil {
			return err
		}
		tx.Write(store.Put("transfers", from+"/"+to, []byte("1")))
		return nil
	}, opts...)
}

func TestTogetherIsOneCommit(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "a", open{}, deposit{1000})
	execute(t, repo, "b", open{})
	spy.appends.Store(0)

	receipt, err := transfer(t.Context(), st, repo, "a", "b", 300)
	if err != nil || receipt.Revisions["account-a"] != 3 || receipt.Revisions["account-b"] != 2 || spy.appends.Load() != 1 {
		t.Errorf("receipt is %+v after %d appends, %v", receipt, spy.appends.Load(), err)
	}
	item, err := st.Get(t.Context(), "transfers", "a/b")
	if err != nil || item.Revision != receipt.ItemRevision {
		t.Errorf("item is %+v, %v", item, err)
	}
	if a, b := load(t, repo, "a"), load(t, repo, "b"); a.State.Balance != 700 || b.State.Balance != 300 {
		t.Errorf("balances are %d and %d", a.State.Balance, b.State.Balance)
	}
}

func TestTogetherWritesNothingWhenRefused(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "a", open{}, deposit{1000})
	spy.appends.Store(0)
	for name, fn := range map[string]func(tx *aggregate.Tx) error{
		"by the first": func(tx *aggregate.Tx) error {
			_, err := repo.ExecuteIn(t.Context(), tx, "a", withdraw{2000})
			return err
		},
		"by the last": func(tx *aggregate.Tx) error {
			tx.Write(store.Put("b", "k", nil))
			if _, err := repo.ExecuteIn(t.Context(), tx, "b", deposit{1}); err != nil {
				return err
			}
			_, err := repo.ExecuteIn(t.Context(), tx, "a", withdraw{2000})
			return err
		},
	} {
		if receipt, err := aggregate.Together(t.Context(), st, fn); err != errFunds || receipt.First != 0 {
			t.Errorf("%s: receipt %+v, error is %v, want Decide's own", name, receipt, err)
		}
	}
	receipt, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		_, err := repo.ExecuteIn(t.Context(), tx, "a", open{})
		return err
	})
	if err != nil || receipt.Last != 0 {
		t.Errorf("without events: receipt %+v, %v", receipt, err)
	}
	if spy.appends.Load() != 0 {
		t.Errorf("%d appends", spy.appends.Load())
	}
}

func TestTogetherWritesItemsWithoutEvents(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", deposit{150})
	interfere(t, spy, 1)
	receipt, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		loaded, err := repo.LoadIn(t.Context(), tx, "42")
		tx.Write(store.Put("balances", "42", fmt.Append(nil, loaded.State.Balance)))
		return err
	})
	item, err2 := st.Get(t.Context(), "balances", "42")
	if err != nil || err2 != nil || receipt.ItemRevision == 0 || string(item.Value) != "50" {
		t.Errorf("receipt %+v, item %+v, %v, %v; want what held at the commit", receipt, item, err, err2)
	}
}

func TestTogetherHoldsEverythingThatWasLoaded(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{150})
	interfere(t, spy, 1)
	var seen []int64
	_, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		loaded, err := repo.LoadIn(t.Context(), tx, "42")
		if err != nil {
			return err
		}
		seen = append(seen, loaded.State.Balance)
		_, err = repo.ExecuteIn(t.Context(), tx, "b", deposit{loaded.State.Balance})
		return err
	})
	if err != nil || len(seen) != 2 || seen[1] != 50 {
		t.Errorf("seen %v, %v; want a second attempt with what others left", seen, err)
	}
	if b := load(t, repo, "b"); b.State.Balance != 50 {
		t.Errorf("balance is %d", b.State.Balance)
	}
}

func TestTogetherHoldsConditions(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	calls := 0
	_, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		calls++
		tx.Require(store.StreamExists("bank"))
		_, err := repo.ExecuteIn(t.Context(), tx, "42", open{})
		return err
	}, aggregate.WithAttempts(3))
	if !errors.Is(err, store.ErrConflict) || calls != 3 || head(t, st) != 0 {
		t.Errorf("error is %v after %d calls", err, calls)
	}
	if spy.appends.Load() != 3 {
		t.Errorf("%d appends", spy.appends.Load())
	}
}

func TestCommandsOnOneAggregateGoOnFromEachOther(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "a", open{}, deposit{500})
	if _, err := transfer(t.Context(), st, repo, "a", "a", 500); err != nil {
		t.Fatal(err)
	}
	if a := load(t, repo, "a"); a.State.Balance != 500 || a.Revision != 4 {
		t.Errorf("loaded %+v, want the balance as before after two more events", a)
	}
	_, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		if _, err := repo.ExecuteIn(t.Context(), tx, "a", withdraw{400}); err != nil {
			return err
		}
		loaded, err := repo.LoadIn(t.Context(), tx, "a")
		if err != nil || loaded.State.Balance != 100 || loaded.Revision != 5 {
			t.Errorf("within the transaction: %+v, %v", loaded, err)
		}
		_, err = repo.ExecuteIn(t.Context(), tx, "a", withdraw{400})
		return err
	})
	if err != errFunds {
		t.Errorf("error is %v, want the second refused because of the first", err)
	}
}

func TestOneTransactionTakesAggregatesOfDifferentKinds(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	parcels, err := aggregate.New(st, "parcel", aggregate.Methods[parcel](), aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		if _, err := repo.ExecuteIn(t.Context(), tx, "42", deposit{1}); err != nil {
			return err
		}
		_, err := parcels.ExecuteIn(t.Context(), tx, "42", (*parcel).Send)
		return err
	})
	if err != nil || len(receipt.Revisions) != 2 {
		t.Errorf("receipt is %+v, %v", receipt, err)
	}
}

func TestTransactionsThatCannotBeOneAreRefused(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	elsewhere, _ := newStore(t)
	_, err := aggregate.Together(t.Context(), elsewhere, func(tx *aggregate.Tx) error {
		_, err := repo.ExecuteIn(t.Context(), tx, "42", open{})
		return err
	})
	if !errors.Is(err, event.ErrInvalid) {
		t.Errorf("another store: error is %v", err)
	}
	type other struct{ Open bool }
	another, err := aggregate.New(st, "account", aggregate.Decider[other, any]{
		Events: []any{opened{}},
		Decide: func(other, any) ([]any, error) { return nil, nil },
		Evolve: func(o other, _ any) other { return o },
	}, aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = aggregate.Together(t.Context(), st, func(tx *aggregate.Tx) error {
		if _, err := repo.ExecuteIn(t.Context(), tx, "42", open{}); err != nil {
			return err
		}
		_, err := another.ExecuteIn(t.Context(), tx, "42", open{})
		return err
	})
	if !errors.Is(err, event.ErrInvalid) || spy.appends.Load() != 0 {
		t.Errorf("another state: error is %v, %d appends", err, spy.appends.Load())
	}
}

// Whatever transfers happen at once, no cent is made or lost, and no account is overdrawn.
func TestTransfersAtTheSameTimeKeepTheSum(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo := newAccounts(t, st, aggregate.Config{Snapshots: aggregate.Snapshots{Every: 7}})
	ids := []string{"a", "b", "c", "d"}
	for _, id := range ids {
		execute(t, repo, id, open{}, deposit{20})
	}
	var work sync.WaitGroup
	for w := range 16 {
		work.Go(func() {
			for n := range 6 {
				from, to := ids[(w+n)%4], ids[(w*3+n*n+1)%4]
				_, err := transfer(t.Context(), st, repo, from, to, int64(1+(w+n)%9))
				if err != nil && err != errFunds && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	sum := int64(0)
	for _, id := range ids {
		balance := load(t, repo, id).State.Balance
		if balance < 0 {
			t.Errorf("%s has %d", id, balance)
		}
		sum += balance
	}
	if sum != 80 {
		t.Errorf("there are %d cents, want 80", sum)
	}
}
