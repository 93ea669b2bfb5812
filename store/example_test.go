package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

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

type (
	Withdrawn struct{ Cents int64 }
	Deposited struct{ Cents int64 }
)

// inStream makes the record of an event in a stream.
func inStream(ctx context.Context, st *store.Store, stream string, data any) (event.Record, error) {
	e, err := event.New(ctx, data, event.WithStream(stream))
	if err != nil {
		return event.Record{}, err
	}
	return st.Registry().Encode(e)
}

// A transfer is one commit: both events and the item, or nothing. Sent again, it is the same transfer.
func ExampleStore_Commit() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	withdrawn, err := inStream(ctx, st, "account-ann", Withdrawn{500})
	if err != nil {
		fmt.Println(err)
	}
	deposited, err := inStream(ctx, st, "account-bob", Deposited{500})
	if err != nil {
		fmt.Println(err)
	}
	transfer := store.Commit{
		Events:     []event.Record{withdrawn, deposited},
		Items:      []store.ItemWrite{store.Put("transfers", "7", []byte("done"))},
		Conditions: []store.Condition{store.NoStream("account-ann"), store.ItemAt("transfers", "7", 0)},
	}
	for range 2 {
		receipt, err := st.Commit(ctx, transfer)
		fmt.Println(receipt.First, receipt.Last, receipt.Repeated, err)
	}
	item, err := st.Get(ctx, "transfers", "7")
	fmt.Println(string(item.Value), item.Revision, err)
	// Output:
	// 1 2 false <nil>
	// 1 2 true <nil>
	// done 1 <nil>
}

// The newest two bookings of any flight, newest first, as values of their Go type.
func ExampleStore_Read() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if err := event.Register[SeatBooked](st.Registry()); err != nil {
		fmt.Println(err)
	}
	if _, err := st.Append(ctx, SeatBooked{"OX1", "12A"}, SeatBooked{"OX2", "1C"}, SeatBooked{"OX1", "12B"}); err != nil {
		fmt.Println(err)
	}

	q := store.Where(store.Filter{Types: []string{"seat.booked"}})
	q.Backward, q.Limit = true, 2
	for r, err := range st.Read(ctx, q) {
		if err != nil {
			fmt.Println(err)
			return
		}
		e, err := st.Decode(r)
		fmt.Println(e.Data.(SeatBooked).Seat, r.Stream, r.Revision, r.Position, err)
	}
	// Output:
	// 12B seat-OX1 2 3 <nil>
	// 1C seat-OX2 1 2 <nil>
}

// A rule about what several streams hold: a flight of two seats is not overbooked. What has the tag is read up to the head, and the
// booking is appended on the condition that nothing with the tag has come since.
func ExampleNoneAfter_boundary() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	flight := store.Filter{Tags: []string{"flight:OX1"}}
	book := func(stream, seat string) error {
		head, err := st.Head(ctx)
		if err != nil {
			return err
		}
		taken := 0
		for _, err := range st.Read(ctx, store.Query{Any: []store.Filter{flight}, Before: head + 1}) {
			if err != nil {
				return err
			}
			taken++
		}
		if taken == 2 {
			return errors.New("the flight is full")
		}
		booking, err := event.New(ctx, SeatBooked{"OX1", seat}, event.WithTags("flight:OX1"))
		if err != nil {
			return err
		}
		_, err = st.AppendTo(ctx, stream, []any{booking}, store.NoneAfter(head, flight))
		return err // a conflict: somebody else has booked meanwhile, so begin anew
	}
	fmt.Println(book("booking-1", "1A"))
	fmt.Println(book("booking-2", "1B"))
	fmt.Println(book("booking-3", "1C"))
	// Output:
	// <nil>
	// <nil>
	// the flight is full
}

// Whoever did not hear the answer sends the same events again.
func ExampleReceipt() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	booking, err := event.New(ctx, SeatBooked{"OX1", "12A"}) // has its id from here on
	if err != nil {
		fmt.Println(err)
	}
	for range 2 {
		receipt, err := st.Append(ctx, booking)
		fmt.Println(receipt.Last, receipt.Repeated, err)
	}
	// Output:
	// 1 false <nil>
	// 1 true <nil>
}

// A stream that keeps its newest two events, and none older than a month.
func ExampleStore_SetStreamMeta() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	_, err := st.SetStreamMeta(ctx, "seat-OX1", store.StreamMeta{MaxCount: 2, MaxAge: 30 * 24 * time.Hour})
	if err != nil {
		fmt.Println(err)
	}
	for _, seat := range []string{"12A", "12B", "12C"} {
		if _, err := st.Append(ctx, SeatBooked{"OX1", seat}); err != nil {
			fmt.Println(err)
		}
	}
	for r, err := range st.Read(ctx, store.Stream("seat-OX1")) {
		fmt.Println(r.Revision, string(r.Data), err)
	}
	item, err := st.Get(ctx, store.StreamBucket, "seat-OX1")
	fmt.Println(string(item.Value), err)
	// Output:
	// 2 {"Flight":"OX1","Seat":"12B"} <nil>
	// 3 {"Flight":"OX1","Seat":"12C"} <nil>
	// {"max_age":"720h0m0s","max_count":2} <nil>
}

func ExampleStore_DeleteStream() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if _, err := st.Append(ctx, SeatBooked{"OX1", "12A"}, SeatBooked{"OX1", "12B"}); err != nil {
		fmt.Println(err)
	}

	if _, err := st.DeleteStream(ctx, "seat-OX1"); err != nil {
		fmt.Println(err)
	}
	receipt, err := st.AppendTo(ctx, "seat-OX1", []any{SeatBooked{"OX1", "1A"}}, store.NoStream("seat-OX1"))
	fmt.Println(receipt.Revisions, err)
	for r, err := range st.Read(ctx, store.Stream("seat-OX1")) {
		fmt.Println(r.Revision, string(r.Data), err)
	}
	// Output:
	// map[seat-OX1:3] <nil>
	// 3 {"Flight":"OX1","Seat":"1A"} <nil>
}

func ExampleStore_TombstoneStream() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if _, err := st.Append(ctx, SeatBooked{"OX1", "12A"}); err != nil {
		fmt.Println(err)
	}

	if _, err := st.TombstoneStream(ctx, "seat-OX1"); err != nil {
		fmt.Println(err)
	}
	_, err := st.Append(ctx, SeatBooked{"OX1", "12B"})
	fmt.Println(errors.Is(err, store.ErrTombstone), err)
	// Output:
	// true stream "seat-OX1" was deleted for good, and takes neither events nor metadata; use another name
}

// Metadata go into the commit of the event that is the reason for them: after the landing, only that is kept.
func ExamplePutStreamMeta() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if _, err := st.Append(ctx, SeatBooked{"OX1", "12A"}, SeatBooked{"OX1", "12B"}); err != nil {
		fmt.Println(err)
	}

	meta, at, err := st.StreamMeta(ctx, "seat-OX1")
	if err != nil {
		fmt.Println(err)
	}
	landed, err := inStream(ctx, st, "seat-OX1", event.From("flight.landed", nil))
	if err != nil {
		fmt.Println(err)
	}
	meta.Before = 3
	_, err = st.Commit(ctx, store.Commit{
		Events:     []event.Record{landed},
		Items:      []store.ItemWrite{store.PutStreamMeta("seat-OX1", meta)},
		Conditions: []store.Condition{store.AtRevision("seat-OX1", 2), store.ItemAt(store.StreamBucket, "seat-OX1", at)},
	})
	fmt.Println(err)
	for r, err := range st.Read(ctx, store.Stream("seat-OX1")) {
		fmt.Println(r.Revision, r.Type, err)
	}
	// Output:
	// <nil>
	// 3 flight.landed <nil>
}
