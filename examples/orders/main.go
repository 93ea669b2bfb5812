// Orders places one order each time it is run, has it paid, and remembers the earlier ones.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store/filelog"
)

type (
	OrderPlaced struct{ OrderID, Customer string }
	OrderPaid   struct{ OrderID, Customer string }
	Customer    struct{ OrdersPaid int } // the read model: one document for each customer
)

func main() {
	if err := run(context.Background(), "orders-data"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	driver, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		return err
	}
	defer driver.Close()
	app := oxbow.New(driver, oxbow.Config{})
	app.Consume("billing", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[OrderPlaced]) error {
		return consumer.Transaction(ctx).Append(OrderPaid(e.Data)) // one commit with the checkpoint: paid once, whatever happens
	}))
	customers, err := projection.New[Customer](app.Store(), "customers", projection.Config{})
	if err != nil {
		return err
	}
	projection.On(customers, func(ctx context.Context, docs *projection.Docs[Customer], e event.Event[OrderPaid]) error {
		return docs.Update(ctx, e.Data.Customer, func(c *Customer) { c.OrdersPaid++ })
	})
	app.Project(customers)
	err = app.RunWhile(ctx, func(ctx context.Context) error {
		if _, err := app.Publish(ctx, OrderPlaced{OrderID: event.NewID().String(), Customer: "ann"}); err != nil {
			return err
		}
		return app.Settle(ctx) // returns when the order is paid and counted
	})
	if err != nil {
		return err
	}
	ann, _, err := customers.Get(ctx, "ann")
	fmt.Println("orders paid by ann:", ann.OrdersPaid)
	return err
}
