// Requests asks one shop for a price, all shops for theirs, and has a list streamed.
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/request"
)

type (
	PriceAsked struct{ SKU string }
	Price      struct{ Cents int64 }
	ListAsked  struct{ Max int64 }
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	c, err := request.Over(bus.New(bus.Config{}), request.Config{})
	if err != nil {
		return err
	}
	_, err = request.Do[Price](ctx, c, PriceAsked{"oak"})
	fmt.Println(errors.Is(err, request.ErrNoResponder)) // at once, not after a time-out

	for _, cents := range []int64{1200, 1150} {
		_, err := request.Handle(c, func(context.Context, PriceAsked) (Price, error) { return Price{cents}, nil })
		if err != nil {
			return err
		}
	}
	prices, err := request.Gather[Price](ctx, c, PriceAsked{"oak"}, 0) // 0: of all who are there
	if err != nil {
		return err
	}
	fmt.Println(len(prices), "prices,", prices[0].Cents+prices[1].Cents, "in all")

	_, err = request.HandleStream(c, func(_ context.Context, q ListAsked) iter.Seq2[Price, error] {
		return func(yield func(Price, error) bool) {
			for cents := int64(100); cents <= q.Max && yield(Price{cents}, nil); cents += 100 {
			}
		}
	})
	if err != nil {
		return err
	}
	for p, err := range request.Stream[Price](ctx, c, ListAsked{Max: 300}) {
		fmt.Println(p.Cents, err)
	}
	return c.Close(ctx)
}
