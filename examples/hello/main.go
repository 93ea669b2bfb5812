// Hello publishes one event and hears of it.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/memory"
)

type OrderPlaced struct{ OrderID string }

func main() {
	app := oxbow.New(memory.New(), oxbow.Config{})
	oxbow.Subscribe(app, func(ctx context.Context, e event.Event[OrderPlaced]) error {
		fmt.Println(e.Type, e.Data.OrderID)
		return nil
	})
	if _, err := app.Publish(context.Background(), OrderPlaced{OrderID: "42"}); err != nil {
		log.Fatal(err)
	}
}
