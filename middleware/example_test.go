package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// order makes a call as a room does, for the examples.
func order(id string, data any) *middleware.Call {
	parsed, err := event.ParseID(id)
	if err != nil {
		panic(err)
	}
	return &middleware.Call{
		Kind: middleware.Command, Name: "order.place", Handler: "shop",
		Metadata: &event.Metadata{ID: parsed, CorrelationID: parsed, Type: "order.place"}, Data: data, Attempt: 1,
	}
}

// The recommended order, and a breaker that is kept to be asked how it stands.
func ExampleChain() {
	cards, err := middleware.NewBreaker(middleware.BreakerConfig{Name: "cards", Failures: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	around := middleware.Chain(
		middleware.Correlate(),
		middleware.Logging(middleware.LoggingConfig{}),
		middleware.Recover(),
		middleware.Validate(),
		middleware.Deduplicate(middleware.DeduplicateConfig{}),
		cards.Around,
		middleware.Retry(middleware.RetryConfig{First: time.Millisecond}),
		middleware.RateLimit(1000, middleware.RateLimitConfig{Burst: 10}),
		middleware.Concurrency(8, middleware.ConcurrencyConfig{}),
		middleware.Timeout(time.Second),
	)
	attempts := 0
	handle := around(func(context.Context, *middleware.Call) (any, error) {
		if attempts++; attempts < 3 {
			return nil, errors.New("card service is down")
		}
		return "paid", nil
	})
	result, err := handle(context.Background(), order("order-42", nil))
	fmt.Println(result, err, attempts, cards.Status().State)
	// Output: paid <nil> 3 closed
}

func ExampleRecover() {
	handle := middleware.Recover()(func(context.Context, *middleware.Call) (any, error) { panic("nil map") })
	_, err := handle(context.Background(), order("order-42", nil))
	panicked, ok := errors.AsType[*middleware.PanicError](err)
	fmt.Println(err, ok, len(panicked.Stack) > 0)
	// Output: panic: nil map true true
}

func ExampleTimeout() {
	handle := middleware.Timeout(time.Millisecond)(func(ctx context.Context, _ *middleware.Call) (any, error) {
		<-ctx.Done() // as whatever takes the context does
		return nil, ctx.Err()
	})
	_, err := handle(context.Background(), order("order-42", nil))
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded))
	// Output: shop: timeout of 1ms: context deadline exceeded true
}

func ExampleRetry() {
	attempts := 0
	handle := middleware.Retry(middleware.RetryConfig{Attempts: 5, First: time.Millisecond})(func(context.Context, *middleware.Call) (any, error) {
		if attempts++; attempts == 3 {
			return nil, middleware.Permanent(errors.New("account closed"))
		}
		return nil, errors.New("card service is down")
	})
	_, err := handle(context.Background(), order("order-42", nil))
	fmt.Println(err)
	// Output: after 3 attempts: account closed
}

func ExampleDeduplicate() {
	placed := 0
	handle := middleware.Deduplicate(middleware.DeduplicateConfig{TTL: time.Hour})(func(context.Context, *middleware.Call) (any, error) {
		placed++
		return fmt.Sprint("invoice ", placed), nil
	})
	for _, id := range []string{"order-42", "order-43", "order-42"} {
		result, err := handle(context.Background(), order(id, nil))
		fmt.Println(id, result, err)
	}
	// Output:
	// order-42 invoice 1 <nil>
	// order-43 invoice 2 <nil>
	// order-42 invoice 1 <nil>
}

func ExampleRateLimit() {
	perCustomer := middleware.RateLimitConfig{
		Burst: 2, NoWait: true,
		Key: func(c *middleware.Call) string { return c.Metadata.UserID },
	}
	handle := middleware.RateLimit(0.01, perCustomer)(func(context.Context, *middleware.Call) (any, error) { return nil, nil })
	for _, customer := range []string{"ann", "ann", "ann", "bob"} {
		c := order("order-42", nil)
		c.Metadata.UserID = customer
		_, err := handle(context.Background(), c)
		fmt.Println(customer, errors.Is(err, middleware.ErrLimited))
	}
	// Output:
	// ann false
	// ann false
	// ann true
	// bob false
}

func ExampleConcurrency() {
	alone := middleware.Concurrency(1, middleware.ConcurrencyConfig{NoWait: true})
	second := alone(func(context.Context, *middleware.Call) (any, error) { return nil, nil })
	first := alone(func(ctx context.Context, c *middleware.Call) (any, error) { return second(ctx, c) })
	_, err := first(context.Background(), order("order-42", nil))
	fmt.Println(err)
	// Output: shop: concurrency limit reached
}

func ExampleBreaker() {
	cards, err := middleware.NewBreaker(middleware.BreakerConfig{
		Name: "cards", Failures: 2, Open: time.Minute,
		OnChange: func(from, to middleware.State) { fmt.Println(from, "->", to) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handle := cards.Around(func(context.Context, *middleware.Call) (any, error) { return nil, errors.New("card service is down") })
	for range 3 {
		_, err = handle(context.Background(), order("order-42", nil))
	}
	open, _ := errors.AsType[*middleware.OpenError](err)
	fmt.Println(errors.Is(err, middleware.ErrOpen), time.Until(open.Until) > 59*time.Second)
	// Output:
	// closed -> open
	// true true
}

func ExampleLogging() {
	plain := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{} // which differ each time
			}
			return a
		},
	}))
	handle := middleware.Logging(middleware.LoggingConfig{Logger: plain})(func(context.Context, *middleware.Call) (any, error) {
		return nil, errors.New("card service is down")
	})
	_, _ = handle(context.Background(), order("order-42", nil))
	// Output: level=WARN msg="handler failed" kind=command name=order.place handler=shop id=order-42 correlation=order-42 attempt=1 error="card service is down"
}

// Place is a command that knows when it is wrong.
type Place struct{ Items int }

func (p Place) Validate() error {
	if p.Items == 0 {
		return errors.New("an order needs an item")
	}
	return nil
}

func ExampleValidate() {
	handle := middleware.Validate()(func(context.Context, *middleware.Call) (any, error) { return "placed", nil })
	_, err := handle(context.Background(), order("order-42", Place{}))
	fmt.Println(err, errors.Is(err, event.ErrInvalid))
	// Output: data: middleware_test.Place is not valid: an order needs an item true
}

func ExampleCorrelate() {
	handle := middleware.Correlate()(func(ctx context.Context, _ *middleware.Call) (any, error) {
		return event.New(ctx, event.From("order.placed", nil))
	})
	result, _ := handle(context.Background(), order("order-42", nil))
	placed := result.(event.Event[any])
	fmt.Println(placed.CausationID, placed.CorrelationID)
	// Output: order-42 order-42
}
