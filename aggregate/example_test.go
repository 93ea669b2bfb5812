package aggregate_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// A test of the pure form needs no store: given these events, when this is asked, then these events follow. In a test function, the
// comparison would end in t.Errorf.
func ExampleDecider_Given() {
	for _, c := range []struct {
		given   []any
		when    any
		then    []any
		refused error
	}{
		{given: nil, when: Open("Ann"), then: []any{AccountOpened{Owner: "Ann"}}},
		{given: []any{MoneyDeposited{Cents: 100}}, when: Withdraw(100), then: []any{MoneyWithdrawn{Cents: 100}}},
		{given: []any{MoneyDeposited{Cents: 100}}, when: Withdraw(101), refused: ErrFunds},
	} {
		got, err := Accounts.Decide(Accounts.Given(c.given...), c.when)
		fmt.Println(reflect.DeepEqual(got, c.then), errors.Is(err, c.refused))
	}
	// Output:
	// true true
	// true true
	// true true
}

// Order is an aggregate in the method form: On… methods change it, other methods decide.
type Order struct {
	Placed  bool
	Shipped bool
}

type (
	OrderPlaced  struct{ Item string }
	OrderShipped struct{ Carrier string }
)

func (o *Order) OnPlaced(OrderPlaced)   { o.Placed = true }
func (o *Order) OnShipped(OrderShipped) { o.Shipped = true }

func (o *Order) Place(item string) ([]any, error) {
	return []any{OrderPlaced{Item: item}}, nil
}

func (o *Order) Ship() ([]any, error) {
	if !o.Placed || o.Shipped {
		return nil, errors.New("there is nothing to ship")
	}
	return []any{OrderShipped{Carrier: "post"}}, nil
}

func ExampleMethods() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	orders, err := aggregate.New(st, "order", aggregate.Methods[Order](), aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = orders.Execute(ctx, "42", func(o *Order) ([]any, error) { return o.Place("lamp") })
	fmt.Println(err)
	result, err := orders.Execute(ctx, "42", (*Order).Ship)
	fmt.Println(result.Events[0].Type, result.State.Shipped, err)
	_, err = orders.Execute(ctx, "42", (*Order).Ship)
	fmt.Println(err)
	// Output:
	// <nil>
	// order.shipped true <nil>
	// there is nothing to ship
}

// Time travel: the same account at an earlier revision, and at an earlier time.
func ExampleRepository_LoadAsOf() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	accounts, err := aggregate.New(st, "account", Accounts, aggregate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = st.AppendTo(ctx, accounts.Stream("ann"), []any{ // as they came from another system
		onFirst(ctx, time.January, MoneyDeposited{Cents: 100}),
		onFirst(ctx, time.February, MoneyDeposited{Cents: 50}),
		onFirst(ctx, time.March, MoneyWithdrawn{Cents: 120}),
	})
	fmt.Println(err)

	now, err := accounts.Load(ctx, "ann")
	fmt.Println(now.State.Balance, now.Revision, err)
	second, err := accounts.LoadAt(ctx, "ann", 2)
	fmt.Println(second.State.Balance, err)
	january, err := accounts.LoadAsOf(ctx, "ann", time.Date(2026, time.January, 31, 0, 0, 0, 0, time.UTC))
	fmt.Println(january.State.Balance, january.Revision, err)
	// Output:
	// <nil>
	// 30 3 <nil>
	// 150 <nil>
	// 100 1 <nil>
}

func onFirst(ctx context.Context, month time.Month, data any) event.Event[any] {
	e, err := event.New(ctx, data, event.WithTime(time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)))
	if err != nil {
		fmt.Println(err)
	}
	return e
}

// Snapshots make long histories cheap to load. Run takes them in the background.
func ExampleSnapshots() {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	accounts, err := aggregate.New(st, "account", Accounts, aggregate.Config{
		Snapshots: aggregate.Snapshots{Every: 100, Age: 24 * time.Hour, Version: 1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- accounts.Run(ctx) }()

	deposits := make([]any, 0, 250)
	for range cap(deposits) {
		deposits = append(deposits, MoneyDeposited{Cents: 1})
	}
	_, err = st.AppendTo(ctx, accounts.Stream("ann"), deposits)
	fmt.Println(err)
	fmt.Println(accounts.Snapshot(ctx, "ann")) // a program may also take one itself
	loaded, err := accounts.Load(ctx, "ann")   // reads the snapshot, and one event that proves it
	fmt.Println(loaded.State.Balance, err)

	stop()
	fmt.Println(<-ended)
	// Output:
	// <nil>
	// <nil>
	// 250 <nil>
	// <nil>
}
