package aggregate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// What can happen to an account. Any struct is an event.
type (
	AccountOpened  struct{ Owner string }
	MoneyDeposited struct{ Cents int64 }
	MoneyWithdrawn struct{ Cents int64 }
)

// What can be asked of an account.
type (
	Open     string // the owner
	Deposit  int64  // cents
	Withdraw int64  // cents
)

// Account is the state: what decisions need to know, and no more.
type Account struct {
	Open    bool
	Balance int64 // cents
}

var ErrFunds = errors.New("not enough money in the account")

func decideAccount(a Account, command any) ([]any, error) {
	switch c := command.(type) {
	case Open:
		if a.Open {
			return nil, nil // it is open already, so there is nothing to do
		}
		return []any{AccountOpened{Owner: string(c)}}, nil
	case Deposit:
		return []any{MoneyDeposited{Cents: int64(c)}}, nil
	case Withdraw:
		if int64(c) > a.Balance {
			return nil, ErrFunds
		}
		return []any{MoneyWithdrawn{Cents: int64(c)}}, nil
	}
	return nil, fmt.Errorf("an account does not know the command %T", command)
}

func evolveAccount(a Account, e any) Account {
	switch e := e.(type) {
	case AccountOpened:
		a.Open = true
	case MoneyDeposited:
		a.Balance += e.Cents
	case MoneyWithdrawn:
		a.Balance -= e.Cents
	}
	return a
}

var Accounts = aggregate.Decider[Account, any]{
	Events: []any{AccountOpened{}, MoneyDeposited{}, MoneyWithdrawn{}},
	Decide: decideAccount,
	Evolve: evolveAccount,
}

// A bank: commands on one account, and a transfer between two in one commit.
func Example() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	accounts, err := aggregate.New(st, "account", Accounts, aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, command := range []any{Open("Ann"), Deposit(1000)} {
		if _, err := accounts.Execute(ctx, "ann", command); err != nil {
			fmt.Println(err)
		}
	}
	result, err := accounts.Execute(ctx, "ann", Withdraw(250))
	fmt.Println(result.State.Balance, result.Revision, err)
	_, err = accounts.Execute(ctx, "ann", Withdraw(5000))
	fmt.Println(err)

	transfer := func(from, to string, cents int64, id event.ID) error {
		_, err := aggregate.Together(ctx, st, func(tx *aggregate.Tx) error {
			if _, err := accounts.ExecuteIn(ctx, tx, from, Withdraw(cents)); err != nil {
				return err
			}
			_, err := accounts.ExecuteIn(ctx, tx, to, Deposit(cents))
			return err
		}, aggregate.WithCommandID(id))
		return err
	}
	id := event.NewID()
	fmt.Println(transfer("ann", "bob", 700, id))
	fmt.Println(transfer("ann", "bob", 700, id)) // sent twice by mistake: it happens once
	fmt.Println(transfer("ann", "bob", 700, event.NewID()))
	for _, name := range []string{"ann", "bob"} {
		loaded, err := accounts.Load(ctx, name)
		fmt.Println(name, loaded.State.Balance, err)
	}
	// Output:
	// 750 3 <nil>
	// not enough money in the account
	// <nil>
	// <nil>
	// not enough money in the account
	// ann 50 <nil>
	// bob 700 <nil>
}
