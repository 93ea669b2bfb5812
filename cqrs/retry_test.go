package cqrs_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

type Reserved struct{ Seat string }

// reserve takes the next free number of a stream: what two do at once conflicts.
func reserve(st *store.Store, calls *counter) func(context.Context, Tick) (cqrs.Outcome[uint64], error) {
	return func(ctx context.Context, _ Tick) (cqrs.Outcome[uint64], error) {
		calls.add()
		revision, err := st.StreamRevision(ctx, "seats")
		return cqrs.Outcome[uint64]{
			Result:     revision + 1,
			Events:     cqrs.Events{cqrs.Event(Reserved{strconv.FormatUint(revision+1, 10)}, event.WithStream("seats"))},
			Conditions: []store.Condition{store.AtRevision("seats", revision)},
		}, err
	}
}

func TestWhoWasSlowerDecidesAnew(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{Attempts: 100})
	var calls counter
	handle(t, b, reserve(st, &calls))
	var senders sync.WaitGroup
	var mu sync.Mutex
	got := map[uint64]bool{}
	for range 16 {
		senders.Go(func() {
			n, err := cqrs.Send[uint64](t.Context(), b, Tick{})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[n] = true
		})
	}
	senders.Wait()
	if len(got) != 16 || len(records(t, st)) != 16 {
		t.Errorf("%d numbers and %d events for 16 commands", len(got), len(records(t, st)))
	}
}

func TestAttemptsAreBoundedAndWaitBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		var calls counter
		b := newBus(t, st, cqrs.Config{Attempts: 4})
		handle(t, b, func(context.Context, PlaceOrder) (cqrs.Outcome[int], error) {
			calls.add()
			return cqrs.Outcome[int]{Events: cqrs.Events{OrderPlaced{}}, Conditions: []store.Condition{store.StreamExists("never")}}, nil
		})
		handle(t, b, func(context.Context, CancelOrder) (int, error) {
			calls.add()
			return 0, fmt.Errorf("mine: %w", &store.ConflictError{Stream: "other"})
		})
		for _, command := range []any{PlaceOrder{}, CancelOrder{}} {
			calls.n = 0
			began := time.Now()
			_, err := b.Send(t.Context(), command)
			expectError(t, err, store.ErrConflict, "gave up after attempt 4")
			calls.expect(t, "the handler ran", 4)
			if took := time.Since(began); took < 3*time.Millisecond || took > 10*time.Millisecond {
				t.Errorf("%T: waited %v between attempts, want half to all of 1+2+4 ms", command, took)
			}
		}
	})
}

func TestTheDefaultIsTenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t, newStore(), cqrs.Config{})
		var calls counter
		handle(t, b, func(context.Context, Tick) (int, error) { return calls.add(), store.ErrConflict })
		_, err := b.Send(t.Context(), Tick{})
		expectError(t, err, store.ErrConflict)
		calls.expect(t, "the handler ran", 10)
	})
}

func TestTheContextEndsTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		b := newBus(t, newStore(), cqrs.Config{Attempts: 1000})
		var calls counter
		handle(t, b, func(context.Context, Tick) (int, error) { return calls.add(), store.ErrConflict })
		_, err := b.Send(ctx, Tick{})
		expectError(t, err, context.DeadlineExceeded)
	})
}

func TestWhatAnotherAttemptCannotMendIsNotTriedAgain(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	id := event.NewID()
	handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Events, error) {
		calls.add()
		return cqrs.Events{cqrs.Event(OrderPlaced(c), event.WithID(id))}, nil
	})
	handle(t, b, func(context.Context, CancelOrder) (int, error) { return calls.add(), errOutOfStock })
	handle(t, b, func(context.Context, Tick) (int, error) {
		calls.add()
		return 0, &cqrs.DoneError{Err: store.ErrConflict}
	})
	send(t, b, PlaceOrder{OrderID: "7"})
	_, err := b.Send(t.Context(), PlaceOrder{OrderID: "8"}) // the id is that of another event
	expectError(t, err, store.ErrConflict, id.String())
	_, err = b.Send(t.Context(), CancelOrder{})
	expectError(t, err, errOutOfStock)
	_, err = b.Send(t.Context(), Tick{}) // a command that it sent was done
	expectError(t, err, store.ErrConflict)
	calls.expect(t, "handlers ran", 4)
}
