// Payments charges orders, and cannot for one customer: those orders are parked in their order, the others go on. Fix the code, redrive:
//
//	go run ./examples/payments -data shop
//	go run ./cmd/oxbow deadletters redrive payments --all --data shop
//	go run ./examples/payments -data shop -fixed
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog"
)

type (
	OrderPlaced  struct{ Customer, Order string }
	OrderCharged struct{ Customer, Order string }
)

func (e OrderPlaced) AggregateID() string { return e.Customer } // the stream, and so what keeps its order

func main() {
	data, fixed := flag.String("data", "payments-data", "keep events in this `folder`"), flag.Bool("fixed", false, "charge bob, too")
	flag.Parse()
	if err := run(context.Background(), *data, *fixed); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data string, fixed bool) error {
	l, err := filelog.Open(data, filelog.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	app := oxbow.New(l, oxbow.Config{})
	app.Consume("payments", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[OrderPlaced]) error {
		if e.Data.Customer == "bob" && !fixed {
			return consumer.Permanent(errors.New("bob's card has no number")) // other errors are tried again first
		}
		fmt.Println("charge", e.Data.Customer, "for", e.Data.Order)
		return consumer.Transaction(ctx).Append(OrderCharged(e.Data)) // happens once, with the checkpoint
	}))
	return app.RunWhile(ctx, func(ctx context.Context) error {
		for _, o := range []OrderPlaced{{"bob", "tea"}, {"bob", "milk"}, {"bob", "sugar"}, {"ann", "coffee"}} {
			id := event.WithID(event.ID{}.Derive(o.Customer + o.Order)) // so that the second program does not place them again
			if _, err := app.Publish(ctx, o, id); err != nil {
				return err
			}
		}
		return app.Settle(ctx)
	})
}
