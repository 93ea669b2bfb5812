package oxbowtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

type opened struct {
	Owner string `json:"owner"`
}

type deposited struct {
	Cents int64 `json:"cents"`
}

type withdrawn struct {
	Cents int64 `json:"cents"`
}

type frozen struct{}

type deposit int64

type withdraw int64

type freeze struct{}

type account struct {
	Balance int64 `json:"balance"`
	Log     []int64
}

var errFunds = errors.New("not enough money in the account")

func accounts() aggregate.Decider[account, any] {
	return aggregate.Decider[account, any]{
		Events: []any{opened{}, deposited{}, withdrawn{}},
		Decide: func(a account, command any) ([]any, error) {
			switch c := command.(type) {
			case deposit:
				return []any{deposited{int64(c)}}, nil
			case withdraw:
				if int64(c) > a.Balance {
					return nil, fmt.Errorf("withdraw %d: %w", c, errFunds)
				}
				return []any{withdrawn{int64(c)}}, nil
			case freeze:
				return []any{frozen{}}, nil
			}
			return nil, nil
		},
		Evolve: func(a account, e any) account {
			switch e := e.(type) {
			case deposited:
				a.Balance += e.Cents
			case withdrawn:
				a.Balance -= e.Cents
			}
			return a
		},
	}
}

// wallet is an aggregate in the method form.
type wallet struct {
	Balance int64
	since   time.Time
}

func (w *wallet) OnDeposited(e event.Event[deposited]) {
	w.Balance += e.Data.Cents
	if w.since.IsZero() {
		w.since = e.Time
	}
}

func (w *wallet) OnWithdrawn(e withdrawn) { w.Balance -= e.Cents }

func (w *wallet) Withdraw(cents int64) ([]any, error) {
	if cents > w.Balance {
		return nil, errFunds
	}
	return []any{withdrawn{cents}}, nil
}

// Spoil changes what it must not.
func (w *wallet) Spoil() ([]any, error) {
	w.Balance = 0
	return []any{withdrawn{1}}, nil
}

func TestAnAggregateDoesWhatIsExpected(t *testing.T) {
	passes(t, func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).
			Given(opened{"ann"}, deposited{900}).
			When(withdraw(500)).Then(withdrawn{500}).ThenState(account{Balance: 400}).
			When(withdraw(500)).ThenError(errFunds).ThenState(account{Balance: 400}).
			When("nothing").Then()
		a := oxbowtest.Aggregate(t, aggregate.Methods[wallet]()).
			Given(deposited{900}).
			When(func(w *wallet) ([]any, error) { return w.Withdraw(200) }).
			Then(withdrawn{200})
		if got := a.State(); got.Balance != 700 || !got.since.Equal(oxbowtest.Epoch) {
			t.Errorf("the state is %+v", got)
		}
	})
}

func TestFailuresOfAggregatesAreReadable(t *testing.T) {
	golden(t, "aggregate-other-event", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(opened{"ann"}, deposited{900}).When(withdraw(500)).Then(withdrawn{600})
	})
	golden(t, "aggregate-refused", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(opened{"ann"}).When(withdraw(500)).Then(withdrawn{500})
	})
	golden(t, "aggregate-not-refused", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(deposited{900}).When(withdraw(500)).ThenError(errFunds)
	})
	golden(t, "aggregate-refused-otherwise", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(deposited{900}).When(withdraw(5000)).ThenError(store.ErrConflict)
	})
	golden(t, "aggregate-other-state", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(deposited{900}).When(withdraw(500)).ThenState(account{Balance: 500})
	})
	golden(t, "aggregate-unlisted-event", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(deposited{900}).When(freeze{}).Then(frozen{})
	})
	golden(t, "aggregate-decide-changes-state", func(t testing.TB) {
		oxbowtest.Aggregate(t, aggregate.Methods[wallet]()).Given(deposited{900}).
			When(func(w *wallet) ([]any, error) { return w.Spoil() })
	})
	golden(t, "aggregate-unknown-given", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(frozen{}).When(withdraw(1))
	})
	golden(t, "aggregate-then-before-when", func(t testing.TB) {
		oxbowtest.Aggregate(t, accounts()).Given(deposited{1}).Then(withdrawn{1})
	})
}

// placing handles commands.
type placeOrder struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

var errKnown = errors.New("there is such an order")

func place(st *store.Store) func(context.Context, placeOrder) (cqrs.Outcome[int64], error) {
	return func(ctx context.Context, c placeOrder) (cqrs.Outcome[int64], error) {
		stream := "order-" + c.Order
		for _, err := range st.Read(ctx, store.Stream(stream)) {
			if err == nil {
				err = errKnown
			}
			return cqrs.Outcome[int64]{}, err
		}
		return cqrs.Outcome[int64]{
			Result:     c.Cents / 10,
			Events:     cqrs.Events{orderPlaced{Order: c.Order, Cents: c.Cents}},
			Conditions: []store.Condition{store.NoStream(stream)},
		}, nil
	}
}

func command(t testing.TB) *oxbowtest.CommandTest {
	return oxbowtest.Command(t, cqrs.Config{}, func(b *cqrs.CommandBus, st *store.Store) error {
		return cqrs.HandleCommand(b, place(st))
	})
}

func TestACommandDoesWhatIsExpected(t *testing.T) {
	passes(t, func(t testing.TB) {
		command(t).
			Given(orderPlaced{Order: "41"}).
			When(placeOrder{"42", 900}).
			Then(oxbowtest.Event(orderPlaced{Order: "42", Cents: 900}, event.WithStream("order-42"))).
			ThenResult(90).
			When(placeOrder{"41", 900}).ThenError(errKnown)
	})
}

func TestFailuresOfCommandsAreReadable(t *testing.T) {
	golden(t, "command-other-event", func(t testing.TB) {
		command(t).Given(orderPlaced{Order: "41"}).When(placeOrder{"42", 900}).
			Then(oxbowtest.Event(orderPlaced{Order: "42", Cents: 800}, event.WithStream("order-43"), event.WithUser("ann")))
	})
	golden(t, "command-other-result", func(t testing.TB) { command(t).When(placeOrder{"42", 900}).ThenResult(91) })
	golden(t, "command-failed", func(t testing.TB) {
		command(t).Given(orderPlaced{Order: "41"}).When(placeOrder{"41", 900}).Then(orderPlaced{Order: "41"})
	})
	golden(t, "command-did-not-fail", func(t testing.TB) { command(t).When(placeOrder{"41", 900}).ThenError(errKnown) })
	golden(t, "command-without-handler", func(t testing.TB) { command(t).When(freeze{}).Then() })
}

// charge handles orders: it notes what it has charged, and appends a payment.
func charge(st *store.Store) []consumer.Handler {
	return []consumer.Handler{consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
		switch {
		case e.Data.Cents < 0:
			return consumer.Permanent(errors.New("the amount is negative"))
		case e.Data.Customer == "slow" && !tried(ctx, st, e.ID):
			return consumer.RetryAfter(time.Hour, errors.New("the bank is closed"))
		case e.Data.Customer == "broken":
			panic("no such customer")
		}
		if _, err := st.Append(ctx, paidOnce(e)); err != nil {
			return err
		}
		return countOnce(ctx, st, e.ID)
	})}
}

// tried reports whether the event was tried before, and notes that it is now.
func tried(ctx context.Context, st *store.Store, id event.ID) bool {
	item, err := st.Get(ctx, "tried", id.String())
	if err == nil && item.Revision == 0 {
		_, err = st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("tried", id.String(), []byte("1"))}})
	}
	return err == nil && item.Revision > 0
}

func charging(t testing.TB, cfg consumer.Config) *oxbowtest.ConsumerTest {
	return oxbowtest.Consumer(t, cfg, charge)
}

func TestAConsumerDoesWhatIsExpected(t *testing.T) {
	passes(t, func(t testing.TB) {
		charging(t, consumer.Config{}).
			Given(orderPlaced{Order: "1", Cents: 1}).
			GivenItem("counts", "paid", 6).
			GivenHandled(orderPlaced{Order: "2", Cents: 2}).
			When(orderPlaced{Order: "3", Cents: 3}).
			Then(orderPaid{"3", 3}).
			ThenItem("counts", "paid", 8).
			ThenNoItem("counts", "lost").
			ThenAttempts(1).
			ThenGivenUp(0)
		charging(t, consumer.Config{}).
			When(orderPlaced{Order: "3", Customer: "slow", Cents: 3}).
			Then(orderPaid{"3", 3}).
			ThenError(nil).
			ThenAttempts(2)
		charging(t, consumer.Config{Spent: consumer.Skip}).
			When(orderPlaced{Order: "3", Cents: -3}, orderPlaced{Order: "4", Cents: 4}).
			ThenGivenUp(1).
			ThenItem("counts", "paid", 1)
		charging(t, consumer.Config{Spent: consumer.Skip, Retry: consumer.Retry{Attempts: 3}}).
			When(orderPlaced{Order: "3", Customer: "broken"}).
			ThenGivenUp(1).
			ThenAttempts(3)
		charging(t, consumer.Config{Spent: consumer.Halt}).
			When(orderPlaced{Order: "3", Cents: -3}).
			ThenGivenUp(1)
	})
}

func TestFailuresOfConsumersAreReadable(t *testing.T) {
	golden(t, "consumer-other-event", func(t testing.TB) {
		charging(t, consumer.Config{}).Given(orderPlaced{Order: "1"}).When(orderPlaced{Order: "3", Cents: 3}).
			Then(orderPaid{"3", 4}, orderPaid{"4", 4})
	})
	golden(t, "consumer-gave-up", func(t testing.TB) {
		charging(t, consumer.Config{Spent: consumer.Skip}).When(orderPlaced{Order: "3", Cents: -3}).Then(orderPaid{"3", 3})
	})
	golden(t, "consumer-did-not-give-up", func(t testing.TB) {
		charging(t, consumer.Config{}).When(orderPlaced{Order: "3", Cents: 3}).ThenGivenUp(1)
	})
	golden(t, "consumer-attempts", func(t testing.TB) {
		charging(t, consumer.Config{Spent: consumer.Skip, Retry: consumer.Retry{Attempts: 3}}).
			When(orderPlaced{Order: "3", Customer: "broken"}, orderPlaced{Order: "4", Cents: 4}).ThenAttempts(2)
	})
	golden(t, "consumer-other-item", func(t testing.TB) {
		charging(t, consumer.Config{}).When(orderPlaced{Order: "3", Cents: 3}).
			ThenItem("counts", "paid", 2).ThenItem("counts", "lost", map[string]int{"n": 1}).ThenNoItem("counts", "paid")
	})
	golden(t, "consumer-no-error", func(t testing.TB) {
		charging(t, consumer.Config{}).When(orderPlaced{Order: "3", Cents: 3}).ThenError(errFunds)
	})
	golden(t, "consumer-mistake", func(t testing.TB) {
		oxbowtest.Consumer(t, consumer.Config{Workers: -1}, charge).When(orderPlaced{Order: "3"})
	})
}

func totalsWithout(st *store.Store) (*projection.Projection[total], error) {
	return totals(st, func() int { return 0 })
}

func TestAProjectionMakesWhatIsExpected(t *testing.T) {
	passes(t, func(t testing.TB) {
		oxbowtest.Projection(t, totalsWithout).
			Given(orderPlaced{Order: "1", Customer: "ann", Cents: 900}, orderPlaced{Order: "2", Customer: "ann", Cents: 100}).
			ThenDoc("ann", total{Orders: 2, Cents: 1000}).
			ThenNoDoc("bob").
			Given(orderPlaced{Order: "3", Customer: "bob"}).
			ThenDocs(map[string]total{"ann": {Orders: 2, Cents: 1000}, "bob": {Orders: 1}})
	})
}

func TestFailuresOfProjectionsAreReadable(t *testing.T) {
	given := func(t testing.TB) *oxbowtest.ProjectionTest[total] {
		return oxbowtest.Projection(t, totalsWithout).
			Given(orderPlaced{Order: "1", Customer: "ann", Cents: 900}, orderPlaced{Order: "2", Customer: "ann", Cents: 100})
	}
	golden(t, "projection-other-document", func(t testing.TB) { given(t).ThenDoc("ann", total{Orders: 2, Cents: 900}) })
	golden(t, "projection-no-document", func(t testing.TB) { given(t).ThenDoc("bob", total{Orders: 1}) })
	golden(t, "projection-a-document-too-many", func(t testing.TB) { given(t).ThenNoDoc("ann") })
	golden(t, "projection-other-documents", func(t testing.TB) { given(t).ThenDocs(map[string]total{"bob": {}}) })
	golden(t, "projection-fails", func(t testing.TB) {
		oxbowtest.Projection(t, func(st *store.Store) (*projection.Projection[total], error) {
			p, err := projection.New[total](st, "broken", projection.Config{Retry: consumer.Retry{Attempts: 1}})
			if err == nil {
				projection.On(p, func(context.Context, *projection.Docs[total], event.Event[orderPlaced]) error { return errFunds })
			}
			return p, err
		}).Given(orderPlaced{Order: "1"}).ThenDocs(nil)
	})
}
