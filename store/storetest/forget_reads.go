package storetest

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// goneIsNotFound asks for what is gone and for what is left in every way, and compares with a walk over what is left.
func goneIsNotFound(t *trial) {
	rng := t.random()
	all := t.sow(rng, 200)
	var left []event.Record
	streams := map[string]uint64{}
	for _, r := range all {
		streams[r.Stream] = max(streams[r.Stream], r.Revision)
	}
	t.rule("order-1", store.StreamMeta{Before: streams["order-1"] / 2})
	t.rule("order", store.StreamMeta{MaxCount: 5})
	t.rule("cart-1", store.StreamMeta{Deleted: streams["cart-1"]})
	t.rule("cart-2", store.StreamMeta{Tombstone: true})
	t.rule("order-10", store.StreamMeta{MaxAge: 1 << 62}) // takes nothing
	left = without(all, "order-1", streams["order-1"]/2)
	left = without(left, "order", streams["order"]-4)
	left = without(left, "cart-1", 1<<62)
	left = without(left, "cart-2", 1<<62)
	t.sameRecords(t.read(store.Query{}), left, "reading everything")
	for _, r := range all {
		t.sameRecords(t.read(store.Where(store.Filter{ID: r.ID})), walk(left, store.Where(store.Filter{ID: r.ID})), "by id")
	}
	for range 400 {
		q := randomQuery(rng, all)
		t.sameRecords(t.read(q), walk(left, q), fmt.Sprintf("%+v", q))
		if t.Failed() {
			return
		}
	}
}

// goneIsNotFollowed catches up past what is gone, and goes on while streams come and go.
func goneIsNotFollowed(t *trial) {
	t.commit(events(records("gone", 20)...))
	t.commit(events(record("s"), record("gone"), record("s")))
	t.delete("gone", 21)
	t.rule("count", store.StreamMeta{MaxCount: 1})
	t.rule("age", store.StreamMeta{MaxAge: time.Hour})
	catchUp := t.commit(events(records("count", 5)...)).Last
	followed := watch(t.ctx, t, follow)
	filtered := watch(t.ctx, t, func(ctx context.Context, d store.Driver) iter.Seq2[event.Record, error] {
		return store.New(d, store.Config{}).Follow(ctx, store.Where(store.Filter{StreamPrefix: "s"}, store.Filter{Stream: "gone"}))
	})
	before := followed.until(t, 3)
	t.sameRecords(before, t.read(store.Query{Before: catchUp + 1}), "catching up")

	t.commit(events(ago("age", 2*time.Hour), ago("age", 3*time.Hour))) // gone at once
	t.commit(events(record("gone"), record("s")))                      // begun again
	last := t.commit(events(records("count", 3)...)).Last
	want := t.read(store.Query{After: catchUp, Before: last + 1})
	if len(want) != 3 {
		t.Errorf("after the deletion %d records are left, want 3", len(want))
	}
	t.sameRecords(followed.until(t, 3), want, "going on")
	t.sameRecords(filtered.until(t, 4), t.read(store.Where(store.Filter{Stream: "s"}, store.Filter{Stream: "gone"})), "following a filter")
}

func goneDoesNotCount(t *trial) {
	seat := func(stream string) event.Record { return tagged(stream, "seat:"+stream) }
	t.commit(events(seat("count"), seat("before"), seat("deleted"), seat("tombstoned"), seat("kept")))
	old := ago("age", 48*time.Hour)
	old.Tags = []string{"seat:age"}
	t.commit(events(old, record("count"), record("before")))
	taken := func(stream string) []store.Condition {
		return []store.Condition{
			store.NoneAfter(0, store.Filter{Tags: []string{"seat:" + stream}}),
			store.NoneAfter(0, store.Filter{Stream: stream, Types: []string{"thing.happened"}, Tags: []string{"seat:" + stream}}),
			store.NoneAfter(0, store.Filter{Stream: "never"}, store.Filter{Tags: []string{"seat:" + stream}}),
		}
	}
	for stream, m := range map[string]store.StreamMeta{
		"count": {MaxCount: 1}, "before": {Before: 2}, "deleted": {Deleted: 1}, "tombstoned": {Tombstone: true}, "age": {MaxAge: time.Hour},
		"kept": {MaxCount: 1, MaxAge: 1 << 62, Before: 1},
	} {
		for _, c := range taken(stream) {
			if facts := t.conflict(given(c)); facts.GotPosition == 0 {
				t.Errorf("%s: the conflict's facts are %+v, want a position", stream, facts)
			}
		}
		t.rule(stream, m)
	}
	for _, stream := range []string{"count", "before", "deleted", "tombstoned", "age"} {
		t.holds(taken(stream)...)
	}
	for _, c := range taken("kept") {
		t.conflict(given(c))
	}
	t.commit(events(seat("deleted")))
	for _, c := range taken("deleted") {
		t.conflict(given(c))
	}
}
