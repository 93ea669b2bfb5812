package cqrs_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// change is an update of the orders that are open.
type change struct {
	OrderID string
	Open    bool
}

var orderChanges = cqrs.Changes[OpenOrders, change]{
	Events: []any{OrderPlaced{}, &OrderCancelled{}},
	Map: func(_ context.Context, q OpenOrders, e event.Event[any]) (change, bool, error) {
		switch data := e.Data.(type) {
		case OrderPlaced:
			return change{data.OrderID, true}, q.Customer == "" || q.Customer == data.Item, nil
		case OrderCancelled:
			return change{data.OrderID, false}, true, nil
		}
		return change{}, false, errors.New("an event of another type")
	},
}

// openOrders reads the state as it is after the newest event.
func openOrders(st *store.Store) func(context.Context, OpenOrders) (map[string]bool, store.Position, error) {
	return func(ctx context.Context, _ OpenOrders) (map[string]bool, store.Position, error) {
		open := map[string]bool{}
		head, err := st.Head(ctx)
		if err != nil || head == 0 {
			return open, 0, err
		}
		for r, err := range st.Read(ctx, store.Query{Before: head + 1}) {
			if err != nil {
				return nil, 0, err
			}
			e, err := st.Decode(r)
			if err != nil {
				return nil, 0, err
			}
			switch data := e.Data.(type) {
			case OrderPlaced:
				open[data.OrderID] = true
			case OrderCancelled:
				delete(open, data.OrderID)
			}
		}
		return open, head, nil
	}
}

func newWatched(t *testing.T, cfg cqrs.QueryConfig) (*cqrs.QueryBus, *store.Store) {
	t.Helper()
	st := newStore()
	q := newQueryBus(t, st, cfg)
	if err := cqrs.HandleWatch(q, openOrders(st), orderChanges); err != nil {
		t.Fatal(err)
	}
	return q, st
}

func appendAll(t *testing.T, st *store.Store, events ...any) {
	t.Helper()
	for _, e := range events {
		if _, err := st.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func watchOrders(t *testing.T, q *cqrs.QueryBus, opts ...cqrs.WatchOption) *cqrs.Watching[map[string]bool, change] {
	t.Helper()
	w, err := cqrs.Watch[map[string]bool, change](t.Context(), q, &OpenOrders{}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// take returns the first n updates.
func take(t *testing.T, updates iter.Seq2[cqrs.Update[change], error], n int) (got []cqrs.Update[change]) {
	t.Helper()
	for u, err := range updates {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, u); len(got) == n {
			break
		}
	}
	return got
}

func TestAWatchedQueryGivesItsAnswerAndThenItsChanges(t *testing.T) {
	q, st := newWatched(t, cqrs.QueryConfig{})
	appendAll(t, st, OrderPlaced{"1", "a"}, OrderPlaced{"2", "b"})
	w := watchOrders(t, q)
	if !maps.Equal(w.Initial, map[string]bool{"1": true, "2": true}) || w.Position != 2 || w.Resumed {
		t.Errorf("watching %+v", w)
	}
	appendAll(t, st, OrderCancelled{"1"}, Reserved{"other"}, OrderPlaced{"3", "c"})
	want := []cqrs.Update[change]{{Position: 3, Data: change{"1", false}}, {Position: 5, Data: change{"3", true}}}
	for range 2 { // each iteration begins anew
		if got := take(t, w.Updates(t.Context()), 2); !slices.Equal(got, want) {
			t.Errorf("updates are %+v, want %+v", got, want)
		}
	}
	resumed := watchOrders(t, q, cqrs.After(3))
	if resumed.Initial != nil || resumed.Position != 3 || !resumed.Resumed {
		t.Errorf("resumed %+v", resumed)
	}
	if got := take(t, resumed.Updates(t.Context()), 1); !slices.Equal(got, want[1:]) {
		t.Errorf("updates after 3 are %+v, want %+v", got, want[1:])
	}
	if got, err := cqrs.Query[map[string]bool](t.Context(), q, OpenOrders{}); err != nil || len(got) != 2 {
		t.Errorf("asked once: %v, %v", got, err)
	}
}

func TestUpdatesWaitForWhatComesAndEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, st := newWatched(t, cqrs.QueryConfig{})
		w := watchOrders(t, q)
		ctx, cancel := context.WithCancel(t.Context())
		var got []cqrs.Update[change]
		var end error
		var reader sync.WaitGroup
		reader.Go(func() {
			for u, err := range w.Updates(ctx) {
				if end = err; err == nil {
					got = append(got, u)
				}
			}
		})
		synctest.Wait()
		appendAll(t, st, OrderPlaced{"1", ""})
		synctest.Wait()
		if len(got) != 1 || got[0].Data != (change{"1", true}) {
			t.Errorf("got %+v", got)
		}
		cancel()
		reader.Wait()
		expectError(t, end, context.Canceled)
	})
}

// Writers change the state while watchers come, are interrupted, and go on: each ends with the state that there is in the end.
func TestAnswerAndChangesAreTheFinalStateWithoutGapOrDuplicate(t *testing.T) {
	q, st := newWatched(t, cqrs.QueryConfig{})
	const writers, each, watchers = 4, 100, 6
	var writing, watching sync.WaitGroup
	for n := range writers {
		writing.Go(func() {
			for i := range each {
				id := strconv.Itoa(n*each + i)
				appendAll(t, st, OrderPlaced{OrderID: id})
				if i%3 == 0 {
					appendAll(t, st, OrderCancelled{id})
				}
			}
		})
	}
	for range watchers {
		watching.Go(func() {
			state, err := followTo(t, q, "last")
			want, _, _ := openOrders(st)(t.Context(), OpenOrders{})
			if err != nil || !maps.Equal(state, want) {
				t.Errorf("the state is %d orders, want %d (%v)", len(state), len(want), err)
			}
		})
	}
	writing.Wait()
	appendAll(t, st, OrderPlaced{OrderID: "last"})
	watching.Wait()
}

// followTo keeps the state up to date until that order is placed. It is interrupted after every ten updates.
func followTo(t *testing.T, q *cqrs.QueryBus, last string) (map[string]bool, error) {
	w, err := cqrs.Watch[map[string]bool, change](t.Context(), q, OpenOrders{})
	if err != nil {
		return nil, err
	}
	state, at := w.Initial, w.Position
	for !state[last] {
		n := 0
		for u, err := range w.Updates(t.Context()) {
			if err != nil {
				return state, err
			}
			if u.Position <= at || u.Data.Open == state[u.Data.OrderID] {
				t.Errorf("%+v came at %d, and was known", u, at)
			}
			if at = u.Position; u.Data.Open {
				state[u.Data.OrderID] = true
			} else {
				delete(state, u.Data.OrderID)
			}
			if n++; n == 10 || state[last] {
				break
			}
		}
		if w, err = cqrs.Watch[map[string]bool, change](t.Context(), q, OpenOrders{}, cqrs.After(at)); err != nil {
			return state, err
		}
	}
	return state, nil
}

func TestAWatchCanBeNarrowedDown(t *testing.T) {
	st := newStore()
	q := newQueryBus(t, st, cqrs.QueryConfig{})
	changes := orderChanges
	changes.Query = func(q OpenOrders) store.Query {
		return store.Query{Any: []store.Filter{{Stream: "order-" + q.Customer}}, After: 99, Before: 1, Limit: 1, Backward: true}
	}
	if err := cqrs.HandleWatch(q, openOrders(st), changes); err != nil {
		t.Fatal(err)
	}
	w, err := cqrs.Watch[map[string]bool, change](t.Context(), q, OpenOrders{"2"})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, st, OrderPlaced{"1", "2"}, OrderPlaced{"2", "2"}, Reserved{}, OrderCancelled{"2"})
	want := []cqrs.Update[change]{{Position: 2, Data: change{"2", true}}, {Position: 4, Data: change{"2", false}}}
	if got := take(t, w.Updates(t.Context()), 2); !slices.Equal(got, want) {
		t.Errorf("updates are %+v, want %+v", got, want)
	}
}

func TestAnEventThatCannotBeMappedEndsTheUpdatesAtItsPosition(t *testing.T) {
	for name, broken := range map[string]func() (int, bool, error){
		"error": func() (int, bool, error) { return 0, true, errOutOfStock },
		"panic": func() (int, bool, error) { panic(errOutOfStock) },
	} {
		st := newStore()
		q := newQueryBus(t, st, cqrs.QueryConfig{})
		err := cqrs.HandleWatch(q, openOrders(st), cqrs.Changes[OpenOrders, int]{
			Map: func(_ context.Context, _ OpenOrders, e event.Event[any]) (int, bool, error) {
				if e.Position == 2 {
					return broken()
				}
				return int(e.Position), true, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w, err := cqrs.Watch[map[string]bool, int](t.Context(), q, OpenOrders{})
		if err != nil {
			t.Fatal(err)
		}
		appendAll(t, st, Reserved{"1"}, Reserved{"2"}, Reserved{"3"})
		var got []int
		var end error
		for u, err := range w.Updates(t.Context()) {
			if end = err; err == nil {
				got = append(got, u.Data)
			}
		}
		expectError(t, end, errOutOfStock, "update from the event at position 2")
		if !slices.Equal(got, []int{1}) {
			t.Errorf("%s: updates were %v, want that of the first event", name, got)
		}
	}
}

func TestAPanicOfTheReaderIsItsOwn(t *testing.T) {
	q, st := newWatched(t, cqrs.QueryConfig{})
	w := watchOrders(t, q)
	appendAll(t, st, OrderPlaced{})
	defer func() {
		if recover() != "mine" {
			t.Error("the panic of the loop's body was swallowed")
		}
	}()
	for range w.Updates(t.Context()) {
		panic("mine")
	}
}

func TestWatchesAreAuthorizedAlsoWhenResumed(t *testing.T) {
	q, _ := newWatched(t, cqrs.QueryConfig{Authorize: func(context.Context, *middleware.Call) error { return errOutOfStock }})
	for _, opts := range [][]cqrs.WatchOption{nil, {cqrs.After(0)}} {
		_, err := cqrs.Watch[map[string]bool, change](t.Context(), q, OpenOrders{}, opts...)
		expectError(t, err, cqrs.ErrForbidden)
	}
}

func TestWatchRefusesByName(t *testing.T) {
	q, st := newWatched(t, cqrs.QueryConfig{})
	ask(t, q, func(context.Context, GetOrder) (int, error) { return 0, nil })
	_, err := cqrs.Watch[int, change](t.Context(), q, GetOrder{})
	expectError(t, err, event.ErrInvalid, "query: get.order cannot be watched")
	_, err = cqrs.Watch[int, change](t.Context(), q, OpenOrders{})
	expectError(t, err, event.ErrInvalid, "result: of the query open.orders is map[string]bool, and int was asked for")
	_, err = cqrs.Watch[map[string]bool, int](t.Context(), q, OpenOrders{})
	expectError(t, err, event.ErrInvalid, "update: of the query open.orders is cqrs_test.change, and int was asked for")
	_, err = cqrs.Watch[map[string]bool, change](t.Context(), q, Tick{})
	expectError(t, err, cqrs.ErrNoHandler)

	initial := func(context.Context, checked) (int, store.Position, error) { return 0, 0, errOutOfStock }
	mapped := func(context.Context, checked, event.Event[any]) (int, bool, error) { return 0, false, nil }
	changes := cqrs.Changes[checked, int]{Map: mapped}
	expectError(t, cqrs.HandleWatch[checked, int](q, nil, changes), event.ErrInvalid, "handler: is nil")
	expectError(t, cqrs.HandleWatch(q, initial, cqrs.Changes[checked, int]{}), event.ErrInvalid, "map: is missing")
	expectError(t, cqrs.HandleWatch(newQueryBus(t, nil, cqrs.QueryConfig{}), initial, changes), event.ErrInvalid, "store: is missing")
	expectError(t, cqrs.HandleWatch(q, initial, cqrs.Changes[checked, int]{Map: mapped, Events: []any{nil}}), event.ErrInvalid, "events[0]: type")
	expectError(t, cqrs.HandleWatch(q, initial, cqrs.Changes[checked, int]{Map: mapped, Events: []any{7}}), event.ErrInvalid, "events[0]: type")

	changes.Query = func(c checked) store.Query {
		if c.Amount == 2 {
			panic(errOutOfStock)
		}
		return store.Query{Any: []store.Filter{{Tags: []string{"a,b"}}}}
	}
	if err := cqrs.HandleWatch(q, initial, changes); err != nil {
		t.Fatal(err)
	}
	_, err = cqrs.Watch[int, int](t.Context(), q, checked{1})
	expectError(t, err, errOutOfStock)
	_, err = cqrs.Watch[int, int](t.Context(), q, checked{1}, cqrs.After(1))
	expectError(t, err, event.ErrInvalid, "any[0].tags[0]")
	_, err = cqrs.Watch[int, int](t.Context(), q, checked{2}, cqrs.After(1))
	expectError(t, err, errOutOfStock, "panic")
	_ = st
}
