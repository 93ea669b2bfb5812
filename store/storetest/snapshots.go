package storetest

import (
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var snapshots = []claim{
	{"RecordsAppendedMeanwhileAreNotSeen", appendedMeanwhile},
	{"ItemsWrittenMeanwhileAreNotSeen", writtenMeanwhile},
	{"EachIterationBeginsAnew", eachBeginsAnew},
	{"IterationsMayNest", iterationsNest},
	{"LeavingEarlyHoldsNothing", leavingEarly},
	{"ManyReadersAtOnceSeeTheSame", manyReaders},
}

// appendedMeanwhile appends inside the loop, which must neither wait for the iteration nor be seen by it.
func appendedMeanwhile(t *trial) {
	rs := records("s", 20)
	stored := t.placed(rs, t.commit(events(rs...)))
	for _, q := range []store.Query{{}, {Backward: true}, store.Stream("s"), {Any: store.Stream("s").Any, Backward: true}} {
		q.Before = 0
		want := t.read(q)
		var seen []event.Record
		for r, err := range t.d.Read(t.ctx, q) {
			if err != nil {
				t.Fatalf("Read: %v", err)
			}
			seen = append(seen, r)
			t.commit(events(record("s")))
		}
		t.sameRecords(seen, want, fmt.Sprintf("appending while reading %+v", q))
	}
	t.sameRecords(t.read(store.Query{Limit: len(rs)}), stored, "afterwards")
}

func writtenMeanwhile(t *trial) {
	t.commit(puts(manyItems(things, 50)...))
	want := t.list(things, "", "")
	var seen []store.Item
	for item, err := range t.d.List(t.ctx, things, "", "") {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		seen = append(seen, item)
		at := len(seen)
		t.commit(puts(
			store.Put(things, fmt.Sprintf("%06d-new", at+5), nil),          // ahead
			store.Put(things, fmt.Sprintf("%06d", at+1), []byte("change")), // ahead
			store.Delete(things, fmt.Sprintf("%06d", at+10)),               // ahead
		))
	}
	t.sameItems(seen, want, "writing while listing")
}

func eachBeginsAnew(t *trial) {
	reading, listing := t.d.Read(t.ctx, store.Query{}), t.d.List(t.ctx, things, "", "")
	for n := range 3 {
		rs, err := collect(reading)
		if err != nil || len(rs) != n {
			t.Errorf("the iteration has %d records, %v; want the %d that stand now", len(rs), err, n)
		}
		found, err := collect(listing)
		if err != nil || len(found) != n {
			t.Errorf("the iteration has %d items, %v; want the %d that stand now", len(found), err, n)
		}
		c := events(record("s"))
		c.Items = []store.ItemWrite{store.Put(things, fmt.Sprint(n), nil)}
		t.commit(c)
	}
}

func iterationsNest(t *trial) {
	t.commit(store.Commit{Events: records("s", 5), Items: manyItems(things, 5)})
	n := 0
	for _, err := range t.d.Read(t.ctx, store.Query{}) {
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		n += len(t.read(store.Query{Backward: true})) + len(t.list(things, "", ""))
	}
	if n != 50 {
		t.Errorf("nested iterations saw %d, want 50", n)
	}
}

func leavingEarly(t *trial) {
	t.commit(store.Commit{Events: records("s", 100), Items: manyItems(things, 100)})
	for range 100 {
		for range t.d.Read(t.ctx, store.Query{}) {
			break
		}
		for range t.d.List(t.ctx, things, "", "") {
			break
		}
		if lister, ok := t.d.(store.StreamLister); ok {
			for range lister.Streams(t.ctx, "") {
				break
			}
		}
	}
	t.commit(store.Commit{Events: records("s", 1), Items: manyItems(things, 1)})
}

func manyReaders(t *trial) {
	rs := records("s", 200)
	stored := t.placed(rs, t.commit(events(rs...)))
	var reading sync.WaitGroup
	for range 8 {
		reading.Go(func() {
			seen, err := collect(t.d.Read(t.ctx, store.Stream("s")))
			if err != nil {
				t.Errorf("Read: %v", err)
			}
			t.sameRecords(seen, stored, "one of many readers")
		})
	}
	reading.Wait()
}
