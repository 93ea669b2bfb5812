package cqrs_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
)

// Types of commands that are registered late.

type (
	late1 struct{ N int }
	late2 struct{ N int }
	late3 struct{ N int }
	late4 struct{ N int }
)

func TestHandlersMayBeRegisteredWhileCommandsAreSent(t *testing.T) {
	b := newBus(t, nil, cqrs.Config{})
	handle(t, b, func(context.Context, Tick) (int, error) { return 7, nil })
	var stop atomic.Bool
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for !stop.Load() {
				if got, err := cqrs.Send[int](t.Context(), b, Tick{}); got != 7 || err != nil {
					t.Errorf("got %v, %v", got, err)
				}
				if _, err := b.Send(t.Context(), late4{}); err != nil && !errors.Is(err, cqrs.ErrNoHandler) {
					t.Error(err)
				}
			}
		})
	}
	var registering sync.WaitGroup
	var refused atomic.Int32
	note := func(err error) {
		if err != nil {
			refused.Add(1)
		}
	}
	for range 2 { // two at once register the same: one of them is refused
		registering.Go(func() { note(cqrs.HandleNoResult(b, func(context.Context, late1) error { return nil })) })
		registering.Go(func() { note(cqrs.HandleNoResult(b, func(context.Context, late2) error { return nil })) })
		registering.Go(func() { note(cqrs.HandleNoResult(b, func(context.Context, late3) error { return nil })) })
		registering.Go(func() { note(cqrs.HandleNoResult(b, func(context.Context, late4) error { return nil })) })
	}
	registering.Wait()
	for _, command := range []any{late1{}, late2{}, late3{}, late4{}} {
		send(t, b, command) // sent after it was registered
	}
	stop.Store(true)
	senders.Wait()
	if refused.Load() != 4 || len(b.Types()) != 5 {
		t.Errorf("%d were refused and %d types have a handler, want 4 and 5", refused.Load(), len(b.Types()))
	}
}

// Many senders share few keys, over two buses: each key happens once, and all its senders get the same.
func TestEveryKeyHappensOnceUnderManySenders(t *testing.T) {
	st := newStore()
	var calls counter
	buses := [2]*cqrs.CommandBus{newBus(t, st, cqrs.Config{}), newBus(t, st, cqrs.Config{})}
	for _, b := range buses {
		handle(t, b, place(&calls))
	}
	const senders, keys = 8, 25
	var results [senders][keys]any
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for k := range keys {
				id := strconv.Itoa(k)
				results[s][k] = send(t, buses[s%2], PlaceOrder{OrderID: id}, cqrs.WithKey(id)).Result
			}
		})
	}
	all.Wait()
	for s := range senders {
		if results[s] != results[0] {
			t.Errorf("sender %d got %v, sender 0 %v", s, results[s], results[0])
		}
	}
	if n := len(records(t, st)); n != keys {
		t.Errorf("%d events for %d keys", n, keys)
	}
}
