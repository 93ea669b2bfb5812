package store_test

import (
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func TestQueriesThatMakeNoSenseAreRefusedByName(t *testing.T) {
	for want, q := range map[string]store.Query{
		"limit: is -1":                          {Limit: -1},
		"any[0].after revision: needs a stream": store.Where(store.Filter{AfterRevision: 1}),
		`any[1].stream: is not UTF-8: "\xff"`:   store.Where(store.Filter{}, store.Filter{Stream: "\xff"}),
		"any[0].tags[1]: is empty":              store.Where(store.Filter{Tags: []string{"a", ""}}),
		`any[0].types[0]: "a..b" has an empty segment; write it as order.placed`:      store.Where(store.Filter{Types: []string{"a..b"}}),
		`any[0].stream prefix: has the control character "\x00" at byte 0; remove it`: store.Where(store.Filter{StreamPrefix: "\x00"}),
	} {
		if err := q.Check(); !errors.Is(err, event.ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, q := range []store.Query{{}, store.Where(store.Filter{}), store.Stream("s"), {After: 9, Before: 3}} {
		if err := q.Check(); err != nil {
			t.Errorf("%+v is refused: %v", q, err)
		}
	}
}

func TestMatchNeedsEveryFieldOfOneFilter(t *testing.T) {
	r := event.Record{
		Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", CorrelationID: event.NewID(), Tags: []string{"a", "b"}},
		Place:    event.Place{Stream: "order-42", Revision: 3, Position: 10},
	}
	for i, c := range []struct {
		query store.Query
		want  bool
	}{
		{store.Query{}, true},
		{store.Query{After: 9, Before: 11}, true},
		{store.Query{After: 10}, false},
		{store.Query{Before: 10}, false},
		{store.Query{Limit: 1, Backward: true}, true},
		{store.Where(store.Filter{}), true},
		{store.Where(store.Filter{ID: r.ID}), true},
		{store.Where(store.Filter{ID: event.NewID()}), false},
		{store.Where(store.Filter{Stream: "order-42", AfterRevision: 2}), true},
		{store.Where(store.Filter{Stream: "order-42", AfterRevision: 3}), false},
		{store.Where(store.Filter{Stream: "order-4"}), false},
		{store.Where(store.Filter{StreamPrefix: "order-4"}), true},
		{store.Where(store.Filter{StreamPrefix: "order-42-"}), false},
		{store.Where(store.Filter{Types: []string{"x", "order.placed"}}), true},
		{store.Where(store.Filter{Types: []string{"order"}}), false},
		{store.Where(store.Filter{Tags: []string{"b", "a"}}), true},
		{store.Where(store.Filter{Tags: []string{"a", "c"}}), false},
		{store.Where(store.Filter{Correlation: r.CorrelationID}), true},
		{store.Where(store.Filter{Correlation: r.ID}), false},
		{store.Where(store.Filter{Stream: "order-42", Types: []string{"x"}}), false},
		{store.Where(store.Filter{Stream: "x"}, store.Filter{Tags: []string{"a"}}), true},
		{store.Where(store.Filter{Stream: "x"}, store.Filter{Tags: []string{"c"}}), false},
		{store.Query{Any: []store.Filter{{Stream: "order-42"}}, After: 10}, false},
	} {
		if got := c.query.Match(&r); got != c.want {
			t.Errorf("case %d: %+v matches: %v", i, c.query, got)
		}
	}
}
