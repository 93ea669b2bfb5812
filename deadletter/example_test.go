package deadletter_test

import (
	"context"
	"fmt"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// parkedStore returns a store whose consumer "billing" parked order-1 (two letters) and order-2 (one).
func parkedStore(ctx context.Context) *store.Store {
	st := store.New(memory.New(), store.Config{})
	var park []parked.Letter
	for i, order := range []string{"order-1", "order-2", "order-1"} {
		p := event.Position(i + 1)
		l := parked.Letter{
			Record: event.Record{
				Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1},
				Place:    event.Place{Stream: order, Revision: 1, Position: p},
				Data:     []byte(`{"total":"12,50"}`),
			},
			Key: order, State: parked.Failed, Error: "total: 12,50 is no number", Attempts: 10, First: noon, Last: noon,
		}
		if p == 3 {
			l.State, l.Error, l.Attempts = parked.Waiting, "", 0
		}
		park = append(park, l)
	}
	w, err := parked.Writes("billing", parked.Count{}, parked.Change{Park: park})
	if err == nil {
		_, err = st.Commit(ctx, store.Commit{Items: w.Items, Conditions: w.Conditions})
	}
	if err != nil {
		panic(err)
	}
	return st
}

func ExampleLetters_List() {
	ctx := context.Background()
	letters, err := deadletter.New(parkedStore(ctx), "billing")
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := letters.List(ctx, deadletter.Filter{}, 0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range page.Letters {
		fmt.Println(l.Record.Position, l.State, l.Key, l.Attempts, l.Error)
	}
	// Output:
	// 1 failed order-1 10 total: 12,50 is no number
	// 2 failed order-2 10 total: 12,50 is no number
	// 3 waiting order-1 0
}

func ExampleLetters_Get() {
	ctx := context.Background()
	letters, _ := deadletter.New(parkedStore(ctx), "billing")
	l, err := letters.Get(ctx, 3)
	fmt.Println(l.Record.Type, string(l.Record.Data), "behind", l.Behind, err)
	// Output: order.placed {"total":"12,50"} behind 1 <nil>
}

func ExampleLetters_Edit() {
	ctx := context.Background()
	letters, _ := deadletter.New(parkedStore(ctx), "billing")
	l, err := letters.Edit(ctx, 1, deadletter.Change{Data: []byte(`{"total":12.50}`), By: "ann", Why: "comma in the total"})
	fmt.Println(string(l.Record.Data), l.Edits[0].Why, err)
	_, err = letters.Edit(ctx, 1, deadletter.Change{Data: []byte(`{"total":}`), By: "ann", Why: "comma in the total"})
	fmt.Println(err)
	// Output:
	// {"total":12.50} comma in the total <nil>
	// data: is not JSON, and the record's content type says that it is: '}' where a value should be at byte 9
}

func ExampleLetters_Redrive() {
	ctx := context.Background()
	letters, _ := deadletter.New(parkedStore(ctx), "billing")

	report, err := letters.Redrive(ctx, deadletter.Filter{Position: 3}, deadletter.Options{By: "ann"})
	fmt.Println(report.Letters, "go on,", report.Held, "is held behind", report.Behind[0].Front, err)

	report, err = letters.Redrive(ctx, deadletter.Filter{Key: "order-1"}, deadletter.Options{By: "ann", Why: "handler mended"})
	fmt.Println(report.Letters, "go on in", report.Keys, "key", err)
	// Output:
	// 0 go on, 1 is held behind 1 <nil>
	// 2 go on in 1 key <nil>
}

func ExampleLetters_Discard() {
	ctx := context.Background()
	letters, _ := deadletter.New(parkedStore(ctx), "billing")
	report, err := letters.Discard(ctx, deadletter.Filter{Position: 2}, deadletter.Options{By: "ann", Why: "a test order"})
	fmt.Println(report.Letters, err)
	count, err := letters.Count(ctx)
	fmt.Println(count.Letters, "left,", count.Failed, "of them failed", err)
	_, err = letters.Discard(ctx, deadletter.Filter{}, deadletter.Options{By: "ann", Why: "spring cleaning"})
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// 2 left, 1 of them failed <nil>
	// filter: leaves nothing out; say which letters, or say that all are meant
}

func ExampleLetters_Journal() {
	ctx := context.Background()
	letters, _ := deadletter.New(parkedStore(ctx), "billing")
	_, _ = letters.Edit(ctx, 1, deadletter.Change{Data: []byte(`{"total":12.50}`), By: "ann", Why: "comma in the total"})
	_, _ = letters.Redrive(ctx, deadletter.Filter{Key: "order-1"}, deadletter.Options{By: "bob", Why: "handler mended"})
	page, err := letters.Journal(ctx, 0, 0)
	for _, e := range page.Entries {
		fmt.Println(e.Number, e.By, e.Action, e.Positions, e.Why)
	}
	fmt.Println(err)
	// Output:
	// 2 bob redrive [1] handler mended
	// 1 ann edit [1] comma in the total
	// <nil>
}

func ExampleConsumers() {
	ctx := context.Background()
	for c, err := range deadletter.Consumers(ctx, parkedStore(ctx), "") {
		fmt.Println(c.Name, c.Letters, c.Failed, err)
	}
	// Output: billing 3 2 <nil>
}
