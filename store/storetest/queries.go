package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var queries = []claim{
	{"ByEveryFilterField", everyFilterField},
	{"ByCombinations", combinations},
	{"ByAnyOfSeveralFiltersWithoutDuplicates", severalFilters},
	{"ByPositionLimitAndDirection", positionsAndLimits},
	{"NamesAreComparedByteForByte", byteForByte},
	{"EmptyStoreHasNothing", emptyStore},
	{"RandomQueriesMatchAWalkOverEverything", randomQueries},
}

// shelf is a store of ten known events; queries on it name the events they want by number.
type shelf struct {
	*trial
	stored []event.Record
}

func fill(t *trial) *shelf {
	about := func(stream, name string, tags ...string) event.Record {
		r := typed(stream, name)
		r.Tags = tags
		return r
	}
	rs := []event.Record{
		0: about("order-1", "order.placed", "customer:7", "vip"),
		1: about("order-2", "order.placed", "customer:8"),
		2: about("order-1", "order.paid", "customer:7"),
		3: about("order-10", "order.placed"),
		4: about("order-1", "order.shipped", "vip", "customer:7", "vip"),
		5: about("cart-1", "cart.opened", "customer:7"),
		6: about("order-2", "order.paid"),
		7: about("order", "order"),
		8: about("order-1", "order.placed", "customer:70"),
		9: about("cart-1", "cart.closed", "customer:8", "vip"),
	}
	for _, i := range []int{2, 4, 6} {
		rs[i].CorrelationID, rs[i].CausationID = rs[0].ID, rs[0].ID
	}
	rs[9].CorrelationID = event.ID{}
	var stored []event.Record
	for i := 0; i < len(rs); i += 2 {
		pair := rs[i : i+2]
		stored = append(stored, t.placed(pair, t.commit(events(pair...)))...)
	}
	return &shelf{trial: t, stored: stored}
}

// wants reports where a query does not find the events of these numbers, in this order.
func (s *shelf) wants(q store.Query, numbers ...int) {
	s.Helper()
	var want []event.Record
	for _, n := range numbers {
		want = append(want, s.stored[n])
	}
	s.sameRecords(s.read(q), want, fmt.Sprintf("%+v", q))
}

func everyFilterField(t *trial) {
	s := fill(t)
	s.wants(store.Query{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.wants(store.Where(store.Filter{}), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)

	s.wants(store.Where(store.Filter{ID: s.stored[5].ID}), 5)
	s.wants(store.Where(store.Filter{ID: event.NewID()}))

	s.wants(store.Stream("order-1"), 0, 2, 4, 8)
	s.wants(store.Stream("order"), 7)
	s.wants(store.Stream("none"))

	for revision, want := range [][]int{{0, 2, 4, 8}, {2, 4, 8}, {4, 8}, {8}, {}, {}} {
		s.wants(store.Where(store.Filter{Stream: "order-1", AfterRevision: uint64(revision)}), want...)
	}
	s.wants(store.Where(store.Filter{Stream: "order-1", AfterRevision: 1<<64 - 1}))
	s.wants(store.Where(store.Filter{Stream: "none", AfterRevision: 1}))

	s.wants(store.Where(store.Filter{StreamPrefix: "order-1"}), 0, 2, 3, 4, 8)
	s.wants(store.Where(store.Filter{StreamPrefix: "order"}), 0, 1, 2, 3, 4, 6, 7, 8)
	s.wants(store.Where(store.Filter{StreamPrefix: "order-3"}))

	s.wants(store.Where(store.Filter{Types: []string{"order.paid"}}), 2, 6)
	s.wants(store.Where(store.Filter{Types: []string{"order"}}), 7)
	s.wants(store.Where(store.Filter{Types: []string{"order.paid", "none", "cart.opened", "order.paid"}}), 2, 5, 6)
	s.wants(store.Where(store.Filter{Types: []string{"none"}}))

	s.wants(store.Where(store.Filter{Tags: []string{"customer:7"}}), 0, 2, 4, 5)
	s.wants(store.Where(store.Filter{Tags: []string{"vip", "customer:7"}}), 0, 4)
	s.wants(store.Where(store.Filter{Tags: []string{"vip", "vip"}}), 0, 4, 9)
	s.wants(store.Where(store.Filter{Tags: []string{"vip", "none"}}))

	s.wants(store.Where(store.Filter{Correlation: s.stored[0].ID}), 0, 2, 4, 6)
	s.wants(store.Where(store.Filter{Correlation: s.stored[2].ID}))
}

func combinations(t *trial) {
	s := fill(t)
	vip := []string{"vip"}
	s.wants(store.Where(store.Filter{Stream: "order-1", Types: []string{"order.placed"}}), 0, 8)
	s.wants(store.Where(store.Filter{Stream: "order-1", Tags: vip, AfterRevision: 1}), 4)
	s.wants(store.Where(store.Filter{Stream: "order-1", StreamPrefix: "order"}), 0, 2, 4, 8)
	s.wants(store.Where(store.Filter{Stream: "order-1", StreamPrefix: "cart"}))
	s.wants(store.Where(store.Filter{StreamPrefix: "order", Tags: vip}), 0, 4)
	s.wants(store.Where(store.Filter{Correlation: s.stored[0].ID, Types: []string{"order.paid"}}), 2, 6)
	s.wants(store.Where(store.Filter{ID: s.stored[4].ID, Stream: "order-1"}), 4)
	s.wants(store.Where(store.Filter{ID: s.stored[4].ID, Stream: "order-2"}))
	s.wants(store.Where(store.Filter{
		ID: s.stored[4].ID, Stream: "order-1", StreamPrefix: "o", AfterRevision: 2, Types: []string{"x", "order.shipped"},
		Tags: []string{"customer:7", "vip"}, Correlation: s.stored[0].ID,
	}), 4)
}

func severalFilters(t *trial) {
	s := fill(t)
	placed, vip := store.Filter{Types: []string{"order.placed"}}, store.Filter{Tags: []string{"vip"}}
	s.wants(store.Where(placed, vip), 0, 1, 3, 4, 8, 9)
	s.wants(store.Where(placed, placed, placed), 0, 1, 3, 8)
	s.wants(store.Where(store.Filter{Stream: "none"}, store.Filter{Stream: "cart-1"}), 5, 9)
	s.wants(store.Where(placed, store.Filter{}), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.wants(store.Query{Any: []store.Filter{placed, vip}, Backward: true, Limit: 3}, 9, 8, 4)
	s.wants(store.Query{Any: []store.Filter{placed, vip}, After: s.stored[0].Position, Limit: 2}, 1, 3)
	s.wants(store.Where(
		store.Filter{ID: s.stored[0].ID}, store.Filter{Stream: "order-1", AfterRevision: 3}, store.Filter{StreamPrefix: "cart"},
		store.Filter{Correlation: s.stored[0].ID}, store.Filter{Stream: "cart-1"},
	), 0, 2, 4, 5, 6, 8, 9)
}

func positionsAndLimits(t *trial) {
	s := fill(t)
	at := func(n int) store.Position { return s.stored[n].Position }
	customer := []store.Filter{{Tags: []string{"customer:7"}}}
	s.wants(store.Query{After: at(7)}, 8, 9)
	s.wants(store.Query{After: at(9)})
	s.wants(store.Query{After: at(9) + 1000})
	s.wants(store.Query{After: 1<<64 - 1})
	s.wants(store.Query{Before: at(2)}, 0, 1)
	s.wants(store.Query{Before: at(0)})
	s.wants(store.Query{Before: 1<<64 - 1, After: at(8)}, 9)
	s.wants(store.Query{After: at(2), Before: at(5)}, 3, 4)
	s.wants(store.Query{After: at(2), Before: at(3)})
	s.wants(store.Query{After: at(5), Before: at(2)})
	s.wants(store.Query{After: at(5), Before: at(2), Backward: true})
	s.wants(store.Query{Limit: 3}, 0, 1, 2)
	s.wants(store.Query{Limit: 1000, After: at(8)}, 9)
	s.wants(store.Query{Backward: true}, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
	s.wants(store.Query{Backward: true, Limit: 1}, 9)
	s.wants(store.Query{Backward: true, Before: at(5), Limit: 2}, 4, 3)
	s.wants(store.Query{Backward: true, After: at(6)}, 9, 8, 7)
	s.wants(store.Query{Any: customer, After: at(0), Limit: 2}, 2, 4)
	s.wants(store.Query{Any: customer, Backward: true}, 5, 4, 2, 0)
	s.wants(store.Query{Any: customer, Backward: true, Before: at(5), After: at(0)}, 4, 2)
	s.wants(store.Query{Any: []store.Filter{{Stream: "order-1", AfterRevision: 1}}, Backward: true, Limit: 2}, 8, 4)
	s.wants(store.Query{Any: []store.Filter{{Stream: "order-1", AfterRevision: 1}}, Before: at(8)}, 2, 4)
	s.wants(store.Query{Any: []store.Filter{{StreamPrefix: "cart"}}, Backward: true, Limit: 1}, 9)
}

// byteForByte uses names that look alike to a database, a pattern or a text normaliser.
func byteForByte(t *trial) {
	names := []string{
		"a", "A", "a ", " a", "ä", "a\u0308", "a%", "a_", "ab", `a\`, "a*", "a?", "a[b]", "a'b", `a"b`, "a;--", "a/b", "a$b", "日本", "日",
		"\U0001F600", "\uFFFD", "İ", "i", "ı",
	}
	var rs []event.Record
	for _, name := range names {
		rs = append(rs, tagged(name, name))
	}
	stored := t.placed(rs, t.commit(events(rs...)))
	for i, name := range names {
		t.sameRecords(t.read(store.Stream(name)), stored[i:i+1], fmt.Sprintf("stream %q", name))
		t.sameRecords(t.read(store.Where(store.Filter{Tags: []string{name}})), stored[i:i+1], fmt.Sprintf("tag %q", name))
		q := store.Where(store.Filter{StreamPrefix: name})
		t.sameRecords(t.read(q), walk(stored, q), fmt.Sprintf("stream prefix %q", name))
	}
}

func emptyStore(t *trial) {
	for _, q := range []store.Query{
		{},
		{Backward: true, Limit: 1},
		{After: 7},
		{Before: 7},
		store.Stream("s"),
		store.Where(store.Filter{StreamPrefix: "s"}),
		store.Where(store.Filter{Types: []string{"t"}}, store.Filter{Tags: []string{"t"}}),
		store.Where(store.Filter{ID: event.NewID()}),
		store.Where(store.Filter{Correlation: event.NewID()}),
	} {
		t.sameRecords(t.read(q), nil, fmt.Sprintf("%+v", q))
	}
}

// walk is the reference: it looks at every record.
func walk(all []event.Record, q store.Query) (found []event.Record) {
	for i := range all {
		if q.Match(&all[i]) {
			found = append(found, all[i])
		}
	}
	if q.Backward {
		slices.Reverse(found)
	}
	if q.Limit > 0 {
		found = found[:min(q.Limit, len(found))]
	}
	return found
}

func randomQueries(t *trial) {
	rng := t.random()
	all := t.sow(rng, 400)
	for range 600 {
		q := randomQuery(rng, all)
		if got, want := positions(t.read(q)), positions(walk(all, q)); !slices.Equal(got, want) {
			t.Fatalf("%+v finds positions %v, want %v", q, got, want)
		}
	}
}

func positions(rs []event.Record) []store.Position {
	out := make([]store.Position, len(rs))
	for i := range rs {
		out[i] = rs[i].Position
	}
	return out
}

var (
	someStreams = []string{"order-1", "order-10", "order-2", "order", "cart-1", "cart-2"}
	someTypes   = []string{"order.placed", "order.paid", "order", "cart.opened"}
	someTags    = []string{"customer:1", "customer:10", "vip", "region:eu"}
)

// sow fills the store with random events in commits of random size, and returns them as stored.
func (t *trial) sow(rng *rand.Rand, n int) (all []event.Record) {
	for len(all) < n {
		var rs []event.Record
		for range 1 + rng.IntN(40) {
			rs = append(rs, randomRecord(rng, all))
		}
		all = append(all, t.placed(rs, t.commit(events(rs...)))...)
	}
	return all
}

func randomRecord(rng *rand.Rand, earlier []event.Record) event.Record {
	r := typed(pick(rng, someStreams), pick(rng, someTypes))
	r.Data = fmt.Appendf(nil, `{"n":%d}`, rng.IntN(1000))
	for _, tag := range someTags {
		if rng.IntN(4) == 0 {
			r.Tags = append(r.Tags, tag)
		}
	}
	if len(earlier) > 0 && rng.IntN(2) == 0 {
		cause := pick(rng, earlier)
		r.CorrelationID, r.CausationID = cause.CorrelationID, cause.ID
	}
	return r
}

func randomQuery(rng *rand.Rand, all []event.Record) (q store.Query) {
	for range rng.IntN(4) {
		q.Any = append(q.Any, randomFilter(rng, all))
	}
	if rng.IntN(3) == 0 {
		q.After = pick(rng, all).Position
	}
	if rng.IntN(3) == 0 {
		q.Before = pick(rng, all).Position
	}
	if rng.IntN(3) == 0 {
		q.Limit = 1 + rng.IntN(20)
	}
	q.Backward = rng.IntN(2) == 0
	return q
}

func randomFilter(rng *rand.Rand, all []event.Record) (f store.Filter) {
	like := pick(rng, all) // so that filters of several fields match something
	seldom := func() bool { return rng.IntN(4) == 0 }
	if rng.IntN(16) == 0 {
		f.ID = like.ID
	}
	if seldom() {
		f.Stream = like.Stream
		f.AfterRevision = uint64(rng.IntN(60))
	}
	if seldom() {
		f.StreamPrefix = like.Stream[:1+rng.IntN(len(like.Stream))]
	}
	if seldom() {
		f.Types = []string{like.Type, pick(rng, someTypes), "none"}[:1+rng.IntN(3)]
	}
	if seldom() {
		f.Tags = like.Tags
	}
	if seldom() {
		f.Correlation = like.CorrelationID
	}
	return f
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
