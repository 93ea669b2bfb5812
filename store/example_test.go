package store_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type SeatBooked struct{ Flight, Seat string }

func (e SeatBooked) AggregateID() string { return e.Flight }

func ExampleStore_Append() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	receipt, err := st.Append(ctx, SeatBooked{"OX1", "12A"}, SeatBooked{"OX1", "12B"})
	fmt.Println(receipt.Last, receipt.Revisions, receipt.Durability, err)

	for r, err := range st.Read(ctx, store.Stream("seat-OX1")) {
		fmt.Println(r.Revision, r.Type, string(r.Data), err)
	}
	// Output:
	// 2 map[seat-OX1:2] memory <nil>
	// 1 seat.booked {"Flight":"OX1","Seat":"12A"} <nil>
	// 2 seat.booked {"Flight":"OX1","Seat":"12B"} <nil>
}

func ExampleStore_AppendTo() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	for range 2 {
		_, err := st.AppendTo(ctx, "seat-OX1", []any{SeatBooked{"OX1", "12A"}}, store.NoStream("seat-OX1"))
		var conflict *store.ConflictError
		if errors.As(err, &conflict) {
			fmt.Println(err)
			fmt.Println("somebody was faster; the stream is at revision", conflict.GotRevision)
		}
	}
	// Output:
	// conflict: stream "seat-OX1": expected none, found revision 1
	// somebody was faster; the stream is at revision 1
}

// A seat is booked once, although its bookings may be in any stream: no record with its tag may exist.
func ExampleNoneAfter() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	seat := store.Filter{Tags: []string{"seat:OX1/12A"}}
	for _, stream := range []string{"booking-1", "booking-2"} {
		booking, _ := event.New(ctx, SeatBooked{"OX1", "12A"}, event.WithTags("seat:OX1/12A"))
		_, err := st.AppendTo(ctx, stream, []any{booking}, store.NoneAfter(0, seat))
		fmt.Println(stream, err)
	}
	// Output:
	// booking-1 <nil>
	// booking-2 conflict: query: expected no match after position 0, found one at position 1
}

func ExampleStore_Follow() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if _, err := st.Append(ctx, SeatBooked{"OX1", "12A"}); err != nil {
		fmt.Println(err)
	}

	for r, err := range st.Follow(ctx, store.Query{}) {
		if err != nil {
			fmt.Println("ended:", err)
			break
		}
		fmt.Println(r.Position, r.Type)
		if r.Position == 1 {
			st.Append(ctx, SeatBooked{"OX1", "12B"}) // arrives while following
		} else {
			stop()
		}
	}
	// Output:
	// 1 seat.booked
	// 2 seat.booked
	// ended: context canceled
}

// An item changes only if nobody changed it since it was read.
func ExampleItemAt() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	item, _ := st.Get(ctx, "carts", "7") // revision 0: there is none yet
	for _, value := range []string{"apples", "pears"} {
		_, err := st.Commit(ctx, store.Commit{
			Items:      []store.ItemWrite{store.Put("carts", "7", []byte(value))},
			Conditions: []store.Condition{store.ItemAt("carts", "7", item.Revision)},
		})
		fmt.Println(value, err)
	}
	// Output:
	// apples <nil>
	// pears conflict: item "7" in "carts": expected none, found revision 1
}
