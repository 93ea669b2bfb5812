package request_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

func Example() {
	ctx := context.Background()
	b := bus.New(bus.Config{})
	c, _ := request.Over(b, request.Config{})

	_, err := request.Do[Price](ctx, c, PriceAsked{SKU: "oak"})
	fmt.Println(err)

	request.Handle(c, func(_ context.Context, q PriceAsked) (Price, error) {
		return Price{SKU: q.SKU, Cents: 995}, nil
	}, request.Named("pricing"))
	price, err := request.Do[Price](ctx, c, PriceAsked{SKU: "oak"})
	fmt.Println(price.SKU, price.Cents, err)

	fmt.Println(c.Close(ctx), b.Close(ctx))
	// Output:
	// request price.asked: there is no responder; start one with request.Handle
	// oak 995 <nil>
	// <nil> <nil>
}

var ErrSoldOut = errors.New("sold out")

// An error keeps its identity: here within the process, and by its code between processes.
func ExampleError() {
	c, _ := request.Over(bus.New(bus.Config{}), request.Config{
		Codes: map[string]error{"shop.sold.out": ErrSoldOut},
	})
	request.Handle(c, func(_ context.Context, q PriceAsked) (Price, error) {
		return Price{}, fmt.Errorf("%s: %w", q.SKU, ErrSoldOut)
	}, request.Named("pricing"))

	_, err := request.Do[Price](context.Background(), c, PriceAsked{SKU: "oak"})
	fmt.Println(err)
	var failure *request.Error
	fmt.Println(errors.Is(err, ErrSoldOut), errors.As(err, &failure), failure.Code, failure.Responder)
	// Output:
	// request price.asked: pricing: oak: sold out
	// true true shop.sold.out pricing
}

// Two of three suppliers have it.
func ExampleGather() {
	c, _ := request.Over(bus.New(bus.Config{}), request.Config{})
	for n, name := range []string{"north", "south", "west"} {
		request.Handle(c, func(_ context.Context, q PriceAsked) (Price, error) {
			if name == "west" {
				return Price{}, ErrSoldOut
			}
			return Price{q.SKU, int64(900 + n)}, nil
		}, request.Named(name))
	}

	prices, err := request.Gather[Price](context.Background(), c, PriceAsked{SKU: "oak"}, 0)
	cheapest := slices.MinFunc(prices, func(a, b Price) int { return int(a.Cents - b.Cents) })
	fmt.Println(len(prices), "prices, the best is", cheapest.Cents)
	fmt.Println(errors.Is(err, request.ErrIncomplete), err)
	// Output:
	// 2 prices, the best is 900
	// true request price.asked: 1 of 3 answers are missing, 3 responders were asked: west: sold out
}

// Leaving the loop stops the responder.
func ExampleStream() {
	c, _ := request.Over(bus.New(bus.Config{}), request.Config{})
	request.HandleStream(c, func(_ context.Context, q CountAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for n := 1; yield(n, nil); n++ { // for ever, as far as it knows
			}
		}
	})

	for n, err := range request.Stream[int](context.Background(), c, CountAsked{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(n)
		if n == 3 {
			break
		}
	}
	fmt.Println(c.Close(context.Background()))
	// Output:
	// 1
	// 2
	// 3
	// <nil>
}

func ExampleHandleTopic() {
	c, _ := request.Over(bus.New(bus.Config{}), request.Config{})
	request.HandleTopic(c, "echo.**", func(_ context.Context, q event.Event[any]) (any, error) {
		return fmt.Sprint(q.Type, " ", q.Data), nil
	})

	answer, err := request.Do[string](context.Background(), c, map[string]any{"type": "echo.please", "text": "hello"})
	fmt.Println(answer, err)
	// Output: echo.please map[text:hello] <nil>
}

func ExampleLimit() {
	c, _ := request.Over(bus.New(bus.Config{}), request.Config{})
	begun, release := make(chan struct{}), make(chan struct{})
	request.Handle(c, func(context.Context, PriceAsked) (Price, error) {
		close(begun)
		<-release
		return Price{Cents: 995}, nil
	}, request.Named("pricing"), request.Limit(1, 0))

	first := make(chan Price)
	go func() {
		price, _ := request.Do[Price](context.Background(), c, PriceAsked{})
		first <- price
	}()
	<-begun
	_, err := request.Do[Price](context.Background(), c, PriceAsked{})
	fmt.Println(errors.Is(err, request.ErrBusy), err)
	close(release)
	fmt.Println((<-first).Cents)
	// Output:
	// true request price.asked: pricing: responder is busy
	// 995
}
