package cqrs_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type BookSeat struct{ Flight, Seat string }

func (c BookSeat) Validate() error {
	if c.Seat == "" {
		return errors.New("which seat?")
	}
	return nil
}

type SeatBooked struct{ Flight, Seat string }

func (e SeatBooked) AggregateID() string { return e.Flight }

// A clerk books seats on flights that have two.
type Clerk struct{ st *store.Store }

func (c Clerk) Book(ctx context.Context, b BookSeat) (cqrs.Outcome[int], error) {
	stream := "seat-" + b.Flight
	booked, err := c.st.StreamRevision(ctx, stream)
	if err != nil {
		return cqrs.Outcome[int]{}, err
	}
	if booked == 2 {
		return cqrs.Outcome[int]{}, errors.New("the flight is full")
	}
	return cqrs.Outcome[int]{
		Result:     int(booked) + 1,
		Events:     cqrs.Events{SeatBooked(b)},
		Conditions: []store.Condition{store.AtRevision(stream, booked)}, // nobody booked meanwhile
	}, nil
}

func Example() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	b, err := cqrs.NewCommandBus(st, cqrs.Config{NoLogging: true})
	if err != nil {
		panic(err)
	}
	if err := cqrs.HandleCommand(b, Clerk{st}.Book); err != nil {
		panic(err)
	}
	for _, seat := range []string{"1A", "1B", "1B", "1C", ""} {
		n, err := cqrs.Send[int](ctx, b, BookSeat{"OX1", seat}, cqrs.WithKey("booking/"+seat))
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 2 <nil>
	// 0 the flight is full
	// 0 command book.seat is not valid: which seat?
}

func ExampleCommandBus_Register() {
	st := store.New(memory.New(), store.Config{})
	b, err := cqrs.NewCommandBus(st, cqrs.Config{})
	if err != nil {
		panic(err)
	}
	report, err := b.Register(Clerk{st})
	fmt.Println(report, err)
	// Output:
	// Book handles book.seat <nil>
}

func ExampleCommandBus_Send() {
	st := store.New(memory.New(), store.Config{})
	b, err := cqrs.NewCommandBus(st, cqrs.Config{
		NoLogging: true,
		Authorize: func(_ context.Context, c *middleware.Call) error {
			if c.Metadata.UserID == "" {
				return errors.New("log in first")
			}
			return nil
		},
		Audit: func(_ context.Context, e cqrs.Entry) error {
			fmt.Printf("audit: %s by %q: %v\n", e.Metadata.Type, e.Metadata.UserID, e.Err)
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	if err := cqrs.HandleCommand(b, Clerk{st}.Book); err != nil {
		panic(err)
	}
	command, err := b.Decode("book.seat", []byte(`{"Flight": "OX1", "Seat": "1A"}`))
	if err != nil {
		panic(err)
	}
	_, err = b.Send(context.Background(), command)
	fmt.Println(errors.Is(err, cqrs.ErrForbidden))

	ctx := event.WithCause(context.Background(), event.Cause{UserID: "ann"})
	reply, err := b.Send(ctx, command)
	fmt.Println(reply.Result, reply.Receipt.First, err)
	// Output:
	// audit: book.seat by "": command book.seat by an unknown user is forbidden: log in first
	// true
	// audit: book.seat by "ann": <nil>
	// 1 1 <nil>
}

func ExampleHandleNoResult() {
	b, err := cqrs.NewCommandBus(nil, cqrs.Config{NoLogging: true}) // no store: no events, no keys
	if err != nil {
		panic(err)
	}
	err = cqrs.HandleNoResult(b, func(_ context.Context, c BookSeat) error {
		fmt.Println("booking", c.Seat)
		return nil
	})
	if err != nil {
		panic(err)
	}
	_, err = cqrs.Send[cqrs.None](context.Background(), b, BookSeat{"OX1", "1A"})
	fmt.Println(err)
	// Output:
	// booking 1A
	// <nil>
}

type SeatsOf struct{ Flight string }

func ExampleQuery() {
	q, err := cqrs.NewQueryBus(nil, cqrs.QueryConfig{NoLogging: true})
	if err != nil {
		panic(err)
	}
	err = cqrs.HandleQuery(q, func(_ context.Context, s SeatsOf) ([]string, error) {
		return []string{s.Flight + "/1A", s.Flight + "/1B"}, nil
	})
	if err != nil {
		panic(err)
	}
	seats, err := cqrs.Query[[]string](context.Background(), q, SeatsOf{"OX1"})
	fmt.Println(seats, err)
	_, err = cqrs.Query[int](context.Background(), q, SeatsOf{"OX1"})
	fmt.Println(err)
	// Output:
	// [OX1/1A OX1/1B] <nil>
	// result: of the query seats.of is []string, and int was asked for
}

func ExampleWatch() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	q, err := cqrs.NewQueryBus(st, cqrs.QueryConfig{NoLogging: true})
	if err != nil {
		panic(err)
	}
	// How many seats are booked, and then each seat as it is.
	count := func(ctx context.Context, s SeatsOf) (n int, asOf store.Position, err error) {
		for r, err := range st.Read(ctx, store.Stream("seat-"+s.Flight)) {
			if err != nil {
				return 0, 0, err
			}
			n, asOf = n+1, r.Position
		}
		return n, asOf, nil
	}
	err = cqrs.HandleWatch(q, count, cqrs.Changes[SeatsOf, string]{
		Events: []any{SeatBooked{}},
		Map: func(_ context.Context, s SeatsOf, e event.Event[any]) (string, bool, error) {
			booked := e.Data.(SeatBooked)
			return booked.Seat, booked.Flight == s.Flight, nil
		},
	})
	if err != nil {
		panic(err)
	}
	book := func(seats ...any) {
		if _, err := st.Append(ctx, seats...); err != nil {
			panic(err)
		}
	}
	book(SeatBooked{"OX1", "1A"})
	w, err := cqrs.Watch[int, string](ctx, q, SeatsOf{"OX1"})
	if err != nil {
		panic(err)
	}
	fmt.Println(w.Initial, "booked at position", w.Position)
	book(SeatBooked{"OX2", "1A"}, SeatBooked{"OX1", "1B"})
	for update, err := range w.Updates(ctx) {
		fmt.Println(update.Data, "booked at position", update.Position, err)
		break // later: cqrs.Watch with cqrs.After(update.Position)
	}
	// Output:
	// 1 booked at position 1
	// 1B booked at position 3 <nil>
}
