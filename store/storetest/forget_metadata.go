package storetest

import (
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func metadataWithEvents(t *trial) {
	c := store.Commit{
		Events: records("s", 3),
		Items:  []store.ItemWrite{store.PutStreamMeta("s", store.StreamMeta{MaxCount: 2}), store.PutStreamMeta("t", store.StreamMeta{MaxCount: 1})},
	}
	r := t.commit(c)
	if item := t.get(store.StreamBucket, "s"); item.Revision != r.ItemRevision || string(item.Value) != `{"max_count":2}` {
		t.Errorf("the metadata are %+v, want those of the commit at %d", item, r.ItemRevision)
	}
	t.keeps("s", 2, 3)
	refused := store.Commit{
		Events: records("s", 1), Items: []store.ItemWrite{store.PutStreamMeta("s", store.StreamMeta{Tombstone: true})},
		Conditions: []store.Condition{store.NoStream("s")},
	}
	t.conflict(refused)
	t.keeps("s", 2, 3)
	t.repeats(c, r)
	t.commit(puts(store.Delete(store.StreamBucket, "s")))
	t.commit(events(record("s")))
	t.holds(store.AtRevision("s", 4))
	if n := len(t.read(store.Stream("s"))); n < 3 { // what was gone may be compacted away
		t.Errorf("%d events are left without limits, want 3 or more", n)
	}
}

func metadataWithConditions(t *trial) {
	first := t.rule("s", store.StreamMeta{MaxCount: 5}).ItemRevision
	c := puts(store.PutStreamMeta("s", store.StreamMeta{MaxCount: 1}))
	c.Conditions = []store.Condition{store.ItemAt(store.StreamBucket, "s", 0)}
	if facts := t.conflict(c); facts.Bucket != store.StreamBucket || facts.Key != "s" || facts.GotRevision != first {
		t.Errorf("the conflict's facts are %+v, want the metadata of s at %d", facts, first)
	}
	t.commit(events(records("s", 3)...))
	t.keeps("s", 1, 2, 3)
	c.Conditions = []store.Condition{store.ItemAt(store.StreamBucket, "s", first)}
	t.commit(c)
	t.keeps("s", 3)
}

// metadataAfterCommit judges a commit by the metadata from before it.
func metadataAfterCommit(t *trial) {
	t.commit(events(tagged("s", "x"), tagged("s", "x")))
	none := store.NoneAfter(0, store.Filter{Tags: []string{"x"}})
	c := store.Commit{
		Events:     []event.Record{record("s")},
		Items:      []store.ItemWrite{store.PutStreamMeta("s", store.StreamMeta{Deleted: 2})},
		Conditions: []store.Condition{store.NoStream("s")},
	}
	t.conflict(c)
	c.Conditions = []store.Condition{none}
	t.conflict(c)
	c.Conditions = []store.Condition{store.AtRevision("s", 2), store.ItemAt(store.StreamBucket, "s", 0)}
	t.commit(c)
	t.keeps("s", 3)
	t.holds(none, store.AtRevision("s", 3))

	t.commit(store.Commit{
		Events: []event.Record{record("other")},
		Items:  []store.ItemWrite{store.PutStreamMeta("s", store.StreamMeta{Deleted: 3})},
	})
	undelete := puts(store.PutStreamMeta("s", store.StreamMeta{Before: 3}))
	undelete.Conditions = []store.Condition{store.NoStream("s")}
	t.commit(undelete)
	t.holds(store.AtRevision("s", 3))
}

// metadataMeanwhile changes metadata inside the loop, which must not be seen by it.
func metadataMeanwhile(t *trial) {
	for n, m := range []store.StreamMeta{{MaxCount: 1}, {Before: 100}, {Deleted: 20}, {Tombstone: true}} {
		stream := fmt.Sprintf("s%d", n)
		t.rule(stream, store.StreamMeta{MaxCount: 15})
		t.commit(events(records(stream, 20)...))
		for _, q := range []store.Query{store.Stream(stream), {Any: []store.Filter{{StreamPrefix: stream}}, Backward: true}} {
			want, reading := t.read(q), t.d.Read(t.ctx, q)
			var seen []event.Record
			for r, err := range reading {
				if err != nil {
					t.Fatalf("Read: %v", err)
				}
				if seen = append(seen, r); len(seen) == 1 && !q.Backward {
					t.commit(events(records(stream, 3)...))
				}
				if len(seen) == 1 && q.Backward {
					t.rule(stream, m)
				}
			}
			t.sameRecords(seen, want, fmt.Sprintf("%+v while reading %+v", m, q))
		}
	}
}

func badMetadata(t *trial) {
	for _, text := range []string{``, `x`, `[]`, `{"max_count":-1}`, `{"max_age":"-1s"}`, `{"before":1e30}`, `{"ttl":1}`, `{"deleted":99999999999999999999}`} {
		c := events(record("s"))
		c.Items = []store.ItemWrite{store.Put(things, "k", nil), store.Put(store.StreamBucket, "s", []byte(text))}
		t.invalid(c, "items[1].value")
	}
	t.invalid(puts(store.Put(store.StreamBucket, long, []byte("{}"))), "items[0].key")
	t.invalid(puts(store.Delete(store.StreamBucket, long)), "items[0].key")
}
