package storetest

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var atomicity = []claim{
	{"StreamsAndItemsAreWrittenTogether", writtenTogether},
	{"RefusedCommitLeavesNothing", refusedLeavesNothing},
	{"ReadersSeeAllOrNothing", readersSeeAllOrNothing},
	{"ItemsAndEventsAppearTogether", itemsAndEventsTogether},
}

func writtenTogether(t *trial) {
	t.commit(events(record("a")))
	c := store.Commit{
		Events: []event.Record{record("a"), record("b"), record("a"), record("c")},
		Items:  []store.ItemWrite{store.Put(things, "k", []byte("1")), store.Put(others, "k", []byte("2"))},
	}
	r := t.commit(c)

	stored := t.placed(c.Events, r)
	for i, want := range []uint64{2, 1, 3, 1} {
		if got := stored[i].Revision; got != want {
			t.Errorf("event %d in %s has revision %d, want %d", i, stored[i].Stream, got, want)
		}
	}
	for i, w := range c.Items {
		if got := t.get(w.Bucket, w.Key); string(got.Value) != string(w.Value) || got.Revision != r.ItemRevision {
			t.Errorf("item %d is %+v, want value %s at revision %d", i, got, w.Value, r.ItemRevision)
		}
	}
}

func refusedLeavesNothing(t *trial) {
	t.commit(store.Commit{
		Events: []event.Record{tagged("taken", "name:ann")},
		Items:  []store.ItemWrite{store.Put(things, "k", []byte("old")), store.Put(things, "gone", nil)},
	})
	for name, failing := range map[string]store.Condition{
		"stream": store.NoStream("taken"),
		"item":   store.ItemAt(things, "k", 0),
		"query":  store.NoneAfter(0, store.Filter{Tags: []string{"name:ann"}}),
	} {
		c := store.Commit{
			Events:     []event.Record{record("taken"), record("new")},
			Conditions: []store.Condition{store.StreamExists("taken"), failing},
			Items: []store.ItemWrite{
				store.Put(things, "k", []byte("new")), store.Put(others, "k", nil), store.Delete(things, "gone"),
			},
		}
		t.refused(c, store.ErrConflict)
		c.Conditions = nil // the refused ids are not known either
		if r := t.commit(c); r.Repeated {
			t.Errorf("%s: the refused commit's ids were kept", name)
		}
	}
}

// readersSeeAllOrNothing writes five events to five streams at a time; no reader may see a part of them.
func readersSeeAllOrNothing(t *trial) {
	const commits, width = 60, 5
	streams := [width]string{"s0", "s1", "s2", "s3", "s4"}
	var done atomic.Bool
	var writing sync.WaitGroup
	writing.Go(func() {
		defer done.Store(true)
		for i := range commits {
			var c store.Commit
			for _, stream := range streams {
				r := record(stream)
				r.Tags = []string{fmt.Sprintf("commit:%d", i)}
				c.Events = append(c.Events, r)
			}
			if _, err := t.d.Append(t.ctx, c); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
	})
	for ended := false; !ended; {
		ended = done.Load() // before reading, so that the last look sees everything
		for _, q := range []store.Query{{}, {Backward: true}, store.Where(store.Filter{Types: []string{"thing.happened"}})} {
			if n := len(t.read(q)); n%width != 0 {
				t.Errorf("a reader saw %d events, which is no multiple of %d", n, width)
				ended = true
			}
		}
	}
	writing.Wait()
}

// itemsAndEventsTogether counts events in an item of the same commit: whoever reads one and then the other never finds the later
// one behind.
func itemsAndEventsTogether(t *trial) {
	const commits = 60
	var writing sync.WaitGroup
	var done atomic.Bool
	writing.Go(func() {
		defer done.Store(true)
		for i := 1; i <= commits; i++ {
			c := events(record("counted"))
			c.Items = []store.ItemWrite{store.Put(things, "count", []byte(strconv.Itoa(i)))}
			if _, err := t.d.Append(t.ctx, c); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
	})
	for ended := false; !ended; {
		ended = done.Load()
		first := t.count()
		seen := len(t.read(store.Stream("counted")))
		if last := t.count(); seen < first || last < seen {
			t.Errorf("the item said %d, the stream had %d events, then the item said %d", first, seen, last)
			break
		}
	}
	writing.Wait()
}

func (t *trial) count() int {
	t.Helper()
	item := t.get(things, "count")
	if item.Revision == 0 {
		return 0
	}
	n, err := strconv.Atoi(string(item.Value))
	if err != nil {
		t.Fatalf("the item is %q: %v", item.Value, err)
	}
	return n
}
