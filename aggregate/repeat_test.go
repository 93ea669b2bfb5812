package aggregate_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestCommandWithAnIDIsExecutedOnce(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{}, deposit{500})
	id := event.NewID()
	first, err := repo.Execute(t.Context(), "42", raw{events: []any{withdrawn{300}, noted{"rent"}}}, aggregate.WithCommandID(id))
	if err != nil || first.Repeated {
		t.Fatalf("result %+v, %v", first, err)
	}
	execute(t, repo, "42", deposit{1}, withdraw{201})

	// By now the command would be refused; yet it was executed, and that is the answer.
	again, err := repo.Execute(t.Context(), "42", withdraw{300}, aggregate.WithCommandID(id))
	if err != nil || !again.Repeated {
		t.Fatalf("again: %+v, %v", again, err)
	}
	again.Repeated = false
	if !reflect.DeepEqual(first, again) {
		t.Errorf("first\n%+v, again\n%+v", first, again)
	}
	if got := load(t, repo, "42"); got.State.Balance != 0 || got.Revision != 6 {
		t.Errorf("loaded %+v, want one withdrawal", got)
	}
}

func TestRefusedCommandMayBeSentAgain(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{})
	id := aggregate.WithCommandID(event.NewID())
	if _, err := repo.Execute(t.Context(), "42", withdraw{5}, id); err != errFunds {
		t.Fatalf("error is %v", err)
	}
	execute(t, repo, "42", deposit{5})
	if got, err := repo.Execute(t.Context(), "42", withdraw{5}, id); err != nil || got.Repeated {
		t.Errorf("result %+v, %v; want it executed now", got, err)
	}
}

func TestTogetherWithAnIDHappensOnce(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "a", open{}, deposit{500})
	id := aggregate.WithCommandID(event.NewID())
	first, err := transfer(t.Context(), st, repo, "a", "b", 400, id)
	if err != nil || first.Repeated {
		t.Fatalf("receipt %+v, %v", first, err)
	}
	again, err := transfer(t.Context(), st, repo, "a", "b", 400, id)
	if err != nil || !again.Repeated || again.First != first.First || !reflect.DeepEqual(again.Revisions, first.Revisions) {
		t.Errorf("again: receipt %+v, %v; want the first %+v", again, err, first)
	}
	if a, b := load(t, repo, "a"), load(t, repo, "b"); a.State.Balance != 100 || b.State.Balance != 400 {
		t.Errorf("balances are %d and %d", a.State.Balance, b.State.Balance)
	}
}

func TestCommandIDOfAnotherAggregateIsRefused(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	id := aggregate.WithCommandID(event.NewID())
	if _, err := repo.Execute(t.Context(), "a", open{}, id); err != nil {
		t.Fatal(err)
	}
	execute(t, repo, "b", deposit{1})
	_, err := repo.Execute(t.Context(), "b", open{}, id)
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "command id: was used for a command on account-a") {
		t.Errorf("error is %v, want the second use refused", err)
	}
	if head(t, st) != 2 {
		t.Errorf("head is %d", head(t, st))
	}
}

func TestSameCommandAtTheSameTimeIsExecutedOnce(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	repo := newAccounts(t, st, aggregate.Config{})
	execute(t, repo, "42", open{})
	for range 20 {
		id := event.NewID()
		before := load(t, repo, "42")
		results := make([]aggregate.Result[account], 8)
		var work sync.WaitGroup
		for i := range results {
			work.Go(func() {
				var err error
				results[i], err = repo.Execute(t.Context(), "42", deposit{5}, aggregate.WithCommandID(id), aggregate.WithAttempts(100))
				if err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		executed := 0
		for _, got := range results {
			if !got.Repeated {
				executed++
			}
			if got.Revision != before.Revision+1 || got.State.Balance != before.State.Balance+5 || !reflect.DeepEqual(got.Events, results[0].Events) {
				t.Errorf("result is %+v, want the same for everybody", got)
			}
		}
		if executed != 1 {
			t.Errorf("executed %d times", executed)
		}
	}
}

// The store has the commit, but the answer got lost: sending the command again is safe.
func TestLostAnswerIsMendedBySendingAgain(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	id := aggregate.WithCommandID(event.NewID())
	ctx, cancel := context.WithCancel(t.Context())
	spy.beforeAppend = func(c store.Commit) {
		spy.beforeAppend = nil
		if _, err := spy.Driver.Append(t.Context(), c); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if _, err := repo.Execute(ctx, "42", deposit{5}, id); !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v", err)
	}
	got, err := repo.Execute(t.Context(), "42", deposit{5}, id)
	if err != nil || !got.Repeated || got.State.Balance != 5 || head(t, st) != 1 {
		t.Errorf("result %+v, %v, head %d; want one deposit", got, err, head(t, st))
	}
}

// Between the look-up and the append of a command, the same command got through elsewhere, with the same events.
func TestStoreRecognisesARepeatedCommand(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	spy.beforeAppend = func(c store.Commit) {
		spy.beforeAppend = nil
		if _, err := spy.Driver.Append(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	got, err := repo.Execute(t.Context(), "42", raw{events: []any{deposited{5}, deposited{6}}}, aggregate.WithCommandID(event.NewID()))
	if err != nil || !got.Repeated || got.Revision != 2 || len(got.Events) != 2 || got.State.Balance != 11 {
		t.Errorf("result %+v, %v", got, err)
	}
}

func TestEventsWithIDsOfTheirOwnAreRecognisedToo(t *testing.T) {
	st, _ := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	e, err := event.New(t.Context(), deposited{5}, event.WithStream("account-42"))
	if err != nil {
		t.Fatal(err)
	}
	first := execute(t, repo, "42", raw{events: []any{e}})
	execute(t, repo, "42", deposit{1})
	again := execute(t, repo, "42", raw{events: []any{e}})
	if first.Repeated || !again.Repeated || again.Revision != 1 || again.State.Balance != 5 || head(t, st) != 2 {
		t.Errorf("first %+v, again %+v", first, again)
	}
}
