package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

type orderEnded struct{ N int }

type orderLost struct{ N int }

// splitting reads order.closed as order.ended, or as order.lost when N is odd; and order.finished as order.ended.
func splitting(t *testing.T, reg *event.Registry) {
	t.Helper()
	ended, lost := event.Schema{Type: "order.ended", Version: 1}, event.Schema{Type: "order.lost", Version: 1}
	err := errors.Join(
		reg.UpcastTo(event.Schema{Type: "order.finished", Version: 1}, ended, event.Unchanged),
		reg.UpcastSplit(event.Schema{Type: "order.closed", Version: 1}, []event.Schema{ended, lost},
			func(data []byte) (event.Schema, []byte, error) {
				var closed struct{ N int }
				if err := json.Unmarshal(data, &closed); err != nil {
					return event.Schema{}, nil, err
				}
				if closed.N%2 == 1 {
					return lost, data, nil
				}
				return ended, data, nil
			}))
	if err != nil {
		t.Fatal(err)
	}
}

// old stores events under types that are no more, among others.
func old(t *testing.T, st *store.Store) (last store.Position) {
	t.Helper()
	receipt, err := st.AppendTo(t.Context(), "order-a", []any{
		event.From("order.closed", map[string]any{"N": 1}), event.From("order.closed", map[string]any{"N": 2}),
		event.From("order.finished", map[string]any{"N": 3}), event.From("order.ended", map[string]any{"N": 4}),
		event.From("order.lost", map[string]any{"N": 5}), event.From("order.seen", map[string]any{"N": 6}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Last
}

func TestAHandlerGetsWhatIsLiftedIntoItsType(t *testing.T) {
	var ended, lost, all []int
	onEnded := consumer.On(func(_ context.Context, e event.Event[orderEnded]) error {
		ended = append(ended, e.Data.N)
		if e.Type != "order.ended" {
			t.Errorf("a handler of order.ended gets the type %s", e.Type)
		}
		return nil
	})
	onLost := consumer.On(func(_ context.Context, e event.Event[orderLost]) error { lost = append(lost, e.Data.N); return nil })
	onRecord := consumer.OnRecord(func(_ context.Context, r event.Record) error { all = append(all, int(r.Position)); return nil })
	for name, c := range map[string]struct {
		cfg      consumer.Config
		handlers []consumer.Handler
		want     string
	}{
		"one of two":       {consumer.Config{}, []consumer.Handler{onEnded}, "[2 3 4] [] []"},
		"both":             {consumer.Config{}, []consumer.Handler{onEnded, onLost}, "[2 3 4] [1 5] []"},
		"and the rest":     {consumer.Config{}, []consumer.Handler{onEnded, onRecord}, "[2 3 4] [] [1 5 6]"},
		"asked by type":    {typeFilter("order.ended"), []consumer.Handler{onEnded, onLost}, "[2 3 4] [] []"},
		"by stored type":   {typeFilter("order.closed"), []consumer.Handler{onEnded, onLost}, "[2] [1] []"},
		"records by type":  {typeFilter("order.lost"), []consumer.Handler{onRecord}, "[] [] [1 5]"},
		"by another field": {consumer.Config{Filters: []store.Filter{{Stream: "order-a"}}}, []consumer.Handler{onLost}, "[] [1 5] []"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ended, lost, all = nil, nil, nil
				st := newStore(t)
				splitting(t, st.Registry())
				last := old(t, st)
				cons := newConsumer(t, st, c.cfg, c.handlers...)
				defer start(t, cons)()
				waitFor(t, cons, last)
				if got := fmt.Sprint(ended, lost, all); got != c.want {
					t.Errorf("handled %s, want %s", got, c.want)
				}
			})
		})
	}
}

func typeFilter(name string) consumer.Config {
	return consumer.Config{Filters: []store.Filter{{Types: []string{name}}}}
}

func TestUpcastersAddedAfterNewCountFromTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var ended []int
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(_ context.Context, e event.Event[orderEnded]) error {
			ended = append(ended, e.Data.N)
			return nil
		}))
		splitting(t, st.Registry())
		last := old(t, st)
		defer start(t, c)()
		waitFor(t, c, last)
		if got := fmt.Sprint(ended); got != "[2 3 4]" {
			t.Errorf("handled %s, want [2 3 4]", got)
		}
	})
}

func TestARecordThatCannotBeLiftedHaltsOnlyWhoeverMayWantIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		splitting(t, st.Registry())
		receipt, err := st.AppendTo(t.Context(), "order-a", []any{event.From("order.closed", "no object")})
		if err != nil {
			t.Fatal(err)
		}
		c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt}, consumer.On(func(context.Context, event.Event[orderEnded]) error { return nil }))
		var halt *consumer.HaltError
		if err := c.Run(t.Context()); !errors.As(err, &halt) || halt.Attempts != 1 || halt.Record.Type != "order.closed" {
			t.Errorf("Run returned %v, want a halt after one attempt", err)
		}
		var seen calls
		c = newConsumer(t, st, consumer.Config{Spent: consumer.Halt}, consumer.OnRecord(seen.handle),
			consumer.On(func(context.Context, event.Event[orderPaid]) error { return nil }))
		defer start(t, c)()
		waitFor(t, c, receipt.Last)
		if got := fmt.Sprint(seen.positions()); got != "[1]" {
			t.Errorf("who takes records as they are stored got %s, want [1]", got)
		}
	})
}
