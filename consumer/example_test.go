package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// OrderShipped is about one order.
type OrderShipped struct{ Order string }

func (o OrderShipped) AggregateID() string { return o.Order }

// OrderBilled follows from it.
type OrderBilled struct{ Order string }

// What a handler writes through its transaction is one commit with the consumer's checkpoint.
func ExampleTransaction() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	c, err := consumer.New(st, "billing", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[OrderShipped]) error {
		return consumer.Transaction(ctx).Append(OrderBilled{e.Data.Order})
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	handle(ctx, st, c, OrderShipped{"42"}, OrderShipped{"43"})
	for r := range st.Read(ctx, store.Where(store.Filter{Types: []string{"order.billed"}})) {
		fmt.Println(r.Type, string(r.Data))
	}
	// Output:
	// order.billed {"Order":"42"}
	// order.billed {"Order":"43"}
}

// A transaction reads what it is about to change, and says what must still hold when it is committed.
func ExampleTx() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	c, err := consumer.New(st, "stock", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[OrderShipped]) error {
		tx := consumer.Transaction(ctx)
		stock, err := tx.Get(ctx, "stock", e.Data.Order)
		if err != nil {
			return err
		}
		left, _ := strconv.Atoi(string(stock.Value))
		return errors.Join(
			tx.Put("stock", e.Data.Order, strconv.AppendInt(nil, int64(left-1), 10)),
			tx.Append(OrderBilled{e.Data.Order}),
			tx.Expect(store.ItemAt("stock", e.Data.Order, stock.Revision)), // nobody else changed it meanwhile
		)
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	handle(ctx, st, c, OrderShipped{"42"}, OrderShipped{"42"})
	item, err := st.Get(ctx, "stock", "42")
	fmt.Println(string(item.Value), err)
	// Output:
	// -2 <nil>
}

// A batch handler gets what there is, at once.
func ExampleOnBatch() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	orders := 0
	c, err := consumer.New(st, "warehouse", consumer.Config{Workers: 1}, consumer.OnBatch(func(_ context.Context, events []event.Event[OrderShipped]) error {
		orders += len(events) // or one bulk insert
		return nil
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	handle(ctx, st, c, OrderShipped{"42"}, OrderShipped{"43"}, OrderShipped{"42"})
	fmt.Println(orders, "orders")
	// Output:
	// 3 orders
}

// handle runs the consumer until it has handled the events.
func handle(ctx context.Context, st *store.Store, c *consumer.Consumer, events ...any) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for _, e := range events {
		receipt, err := st.Append(ctx, e)
		if err == nil {
			err = c.WaitFor(ctx, receipt.Last)
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		fmt.Println(err)
	}
}

// Middleware of the consumer is around all of its handlers, With around one.
func ExampleHandler_With() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	attempts := 0
	mail := consumer.On(func(_ context.Context, e event.Event[OrderShipped]) error {
		if attempts++; attempts == 1 {
			return errors.New("mail server is busy")
		}
		fmt.Println("mail about", e.Data.Order, "at attempt", attempts)
		return nil
	})
	c, err := consumer.New(st, "mails", consumer.Config{
		Logger:     slog.New(slog.DiscardHandler),
		Middleware: []middleware.Func{middleware.Deduplicate(middleware.DeduplicateConfig{})},
	}, mail.With(
		middleware.Retry(middleware.RetryConfig{First: time.Millisecond}),
		middleware.Timeout(time.Second),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	receipt, err := st.Append(ctx, OrderShipped{"42"})
	if err == nil {
		err = c.WaitFor(ctx, receipt.Last)
	}
	cancel()
	fmt.Println(err, <-ended)
	// Output:
	// mail about 42 at attempt 2
	// <nil> <nil>
}
