package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
