package memory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type orderPlaced struct{ OrderID string }

func (orderPlaced) EventType() string     { return "order.placed" }
func (o orderPlaced) AggregateID() string { return o.OrderID }

func ExampleNew() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()

	if _, err := st.Append(ctx, orderPlaced{"42"}, orderPlaced{"43"}); err != nil {
		fmt.Println(err)
	}
	for r, err := range st.Read(ctx, store.Stream("order-42")) {
		fmt.Println(r.Position, r.Stream, r.Type, string(r.Data), err)
	}
	// Output: 1 order-42 order.placed {"OrderID":"42"} <nil>
}

func TestReceiptSaysInMemory(t *testing.T) {
	receipt, err := store.New(memory.New(), store.Config{}).Append(t.Context(), orderPlaced{"1"})
	if err != nil || receipt.Durability != store.InMemory {
		t.Errorf("got %v, %v; want durability memory", receipt.Durability, err)
	}
}

func TestAppendInsideAnIterationDoesNotBlock(t *testing.T) {
	ctx := t.Context()
	st := store.New(memory.New(), store.Config{})
	if _, err := st.Append(ctx, orderPlaced{"1"}, orderPlaced{"2"}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, err := range st.Read(ctx, store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Append(ctx, orderPlaced{"3"}); err != nil {
			t.Fatal(err)
		}
		seen++
	}
	if seen != 2 {
		t.Errorf("the snapshot had %d records, want the 2 from before it", seen)
	}
}

func TestEveryWaitReturnsOnOneAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		const waiting = 10
		heads := make(chan store.Position, waiting)
		for range waiting {
			go func() {
				head, _ := d.Wait(t.Context(), 0)
				heads <- head
			}()
		}
		synctest.Wait()
		if _, err := store.New(d, store.Config{}).Append(t.Context(), orderPlaced{"1"}); err != nil {
			t.Fatal(err)
		}
		for range waiting {
			if head := <-heads; head != 1 {
				t.Errorf("Wait returned %d, want 1", head)
			}
		}
	})
}

func TestEventsGoWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, st := t.Context(), store.New(memory.New(), store.Config{})
		if _, err := st.SetStreamMeta(ctx, "order-1", store.StreamMeta{MaxAge: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Append(ctx, orderPlaced{"1"}, orderPlaced{"2"}); err != nil {
			t.Fatal(err)
		}
		left := func() (streams []string) {
			for r, err := range st.Read(ctx, store.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				streams = append(streams, r.Stream)
			}
			return streams
		}
		time.Sleep(time.Hour)
		if got := left(); len(got) != 2 {
			t.Errorf("after an hour: %v, want both", got)
		}
		time.Sleep(time.Nanosecond)
		if got := left(); len(got) != 1 || got[0] != "order-2" {
			t.Errorf("after more than an hour: %v, want the one without a limit", got)
		}
		free := store.NoneAfter(0, store.Filter{Stream: "order-1"})
		if _, err := st.AppendTo(ctx, "order-1", []any{orderPlaced{"1"}}, free, store.AtRevision("order-1", 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseForgets(t *testing.T) {
	d := memory.New()
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Append(t.Context(), store.Commit{Events: []event.Record{{}}}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
