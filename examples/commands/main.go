// Commands books seats: a command decides, its event is stored with its key in one commit, and a query asks what came of it.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type (
	BookSeat   struct{ Train, Seat string }
	FreeSeats  struct{ Train string }
	SeatBooked struct{ Train, Seat string }
)

func (e SeatBooked) AggregateType() string { return "train" }
func (e SeatBooked) AggregateID() string   { return e.Train }

const seats = 3

func main() {
	app := oxbow.New(memory.New(), oxbow.Config{})
	oxbow.Subscribe(app, func(_ context.Context, e event.Event[SeatBooked]) error {
		fmt.Println("booked", e.Data.Seat, "in", e.Stream, "at revision", e.Revision)
		return nil
	})
	oxbow.HandleCommand(app, func(ctx context.Context, c BookSeat) (cqrs.Outcome[int], error) {
		booked, err := app.Store().StreamRevision(ctx, "train-"+c.Train)
		if err != nil || booked == seats {
			return cqrs.Outcome[int]{Result: 0}, err
		}
		return cqrs.Outcome[int]{
			Result:     seats - int(booked) - 1,
			Events:     cqrs.Events{SeatBooked(c)},
			Conditions: []store.Condition{store.AtRevision("train-"+c.Train, booked)}, // somebody was faster: it is decided again
		}, nil
	})
	oxbow.HandleQuery(app, func(ctx context.Context, q FreeSeats) (int, error) {
		booked, err := app.Store().StreamRevision(ctx, "train-"+q.Train)
		return seats - int(booked), err
	})

	ctx := context.Background()
	for range 2 { // sent twice, booked once
		left, err := oxbow.Send[int](ctx, app, BookSeat{"OX1", "4A"}, cqrs.WithKey("booking-17"))
		fmt.Println("left:", left, err)
	}
	free, err := oxbow.Query[int](ctx, app, FreeSeats{"OX1"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("free:", free)
}
