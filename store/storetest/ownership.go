package storetest

import (
	"maps"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var ownership = []claim{
	{"ChangingWhatWasAppendedChangesNothing", changingAppended},
	{"ChangingWhatWasReadChangesNothing", changingRead},
	{"AppendDoesNotChangeTheCommit", commitUnchanged},
	{"RecordsMayBeKept", recordsMayBeKept},
	{"ChangingAReceiptChangesNothing", changingReceipt},
}

func rich(stream string) event.Record {
	r := record(stream)
	r.Tags = []string{"one", "two"}
	r.Headers = map[string]string{"a": "1"}
	return r
}

// spoil changes everything that the record refers to, and what lies behind its slices' ends.
func spoil(r event.Record) {
	for i := range r.Data {
		r.Data[i] = 'X'
	}
	_ = append(r.Data, "XXXX"...)
	for i := range r.Tags {
		r.Tags[i] = "spoilt"
	}
	_ = append(r.Tags, "spoilt")
	if r.Headers != nil {
		r.Headers["a"] = "spoilt"
	}
}

func changingAppended(t *trial) {
	rs := []event.Record{rich("s"), rich("s")}
	value := []byte("value")
	c := store.Commit{Events: rs, Items: []store.ItemWrite{store.Put(things, "k", value)}}
	t.commit(c)
	before := t.contents()
	for _, r := range rs {
		spoil(r)
	}
	copy(value, "XXXXX")
	rs[0], c.Items[0].Key = rs[1], "other"
	t.expect(before, "after the caller changed what it appended")
	if n := len(t.read(store.Where(store.Filter{Tags: []string{"one", "two"}}))); n != 2 {
		t.Errorf("the tags find %d records, want 2", n)
	}
}

func changingRead(t *trial) {
	rs := []event.Record{rich("s"), rich("s"), rich("s")}
	t.commit(store.Commit{Events: rs, Items: []store.ItemWrite{store.Put(things, "a", []byte("1")), store.Put(things, "b", []byte("2"))}})
	before := t.contents()
	for _, q := range []store.Query{{}, store.Stream("s"), {Backward: true}} {
		for r, err := range t.d.Read(t.ctx, q) {
			if err != nil {
				t.Fatalf("Read: %v", err)
			}
			spoil(r)
		}
	}
	for _, item := range append(t.list(things, "", ""), t.get(things, "a")) {
		item.Value[0] = 'X'
		_ = append(item.Value, "XXXX"...)
	}
	t.expect(before, "after the caller changed what it read")
}

func commitUnchanged(t *trial) {
	rs := []event.Record{rich("s"), rich("s")}
	want := apart(rs)
	t.commit(events(rs...))
	t.sameRecords(rs, want, "the appended commit")
}

// recordsMayBeKept holds on to records while the iteration, other reads and appends go on.
func recordsMayBeKept(t *trial) {
	rs := records("s", 500)
	stored := t.placed(rs, t.commit(events(rs...)))
	kept := t.read(store.Query{})
	t.read(store.Query{Backward: true})
	t.commit(events(records("s", 500)...))
	t.read(store.Stream("s"))
	t.sameRecords(kept, stored, "kept for a while")
}

func changingReceipt(t *trial) {
	c := severalStreams()
	first := t.commit(c)
	kept := first
	kept.Revisions = maps.Clone(first.Revisions)
	first.Revisions["a"], first.Revisions["new"] = 99, 99
	t.repeats(c, kept)
}
