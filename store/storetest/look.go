package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// commit appends what must be accepted.
func (t *trial) commit(c store.Commit) store.Receipt {
	t.Helper()
	r, err := t.d.Append(t.ctx, c)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return r
}

// refused appends what must be refused with an error that answers to target, leaving nothing behind.
func (t *trial) refused(c store.Commit, target error) error {
	t.Helper()
	before := t.contents()
	r, err := t.d.Append(t.ctx, c)
	if !errors.Is(err, target) {
		t.Fatalf("Append returned %+v, %v; want an error that is %q", r, err, target)
	}
	t.expect(before, "after a refused commit")
	return err
}

// conflict is refused with the facts that a conflict carries.
func (t *trial) conflict(c store.Commit) *store.ConflictError {
	t.Helper()
	err := t.refused(c, store.ErrConflict)
	var facts *store.ConflictError
	if !errors.As(err, &facts) {
		t.Fatalf("the conflict %v is no *store.ConflictError", err)
	}
	return facts
}

// read returns the records that match.
func (t *trial) read(q store.Query) []event.Record {
	t.Helper()
	rs, err := collect(t.d.Read(t.ctx, q))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return rs
}

// apart returns copies that share nothing with what a driver handed out, should it hand out its own.
func apart(rs []event.Record) []event.Record {
	own := slices.Clone(rs)
	for i := range own {
		own[i].Data = bytes.Clone(own[i].Data)
		own[i].Tags = slices.Clone(own[i].Tags)
		own[i].Headers = maps.Clone(own[i].Headers)
	}
	return own
}

func (t *trial) list(bucket, from, to string) []store.Item {
	t.Helper()
	found, err := collect(t.d.List(t.ctx, bucket, from, to))
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return found
}

func (t *trial) get(bucket, key string) store.Item {
	t.Helper()
	item, err := t.d.Get(t.ctx, bucket, key)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return item
}

func (t *trial) head() store.Position {
	t.Helper()
	head, err := t.d.Head(t.ctx)
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	return head
}

// collect takes what comes before the first error. More after an error is an error of its own.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, e := range seq {
		if err != nil {
			return all, fmt.Errorf("the iteration went on after the error %w", err)
		}
		if e != nil {
			err = e
			continue
		}
		all = append(all, v)
	}
	return all, err
}

// contents is everything that a store holds.
type contents struct {
	head    store.Position
	records []event.Record
	items   []store.Item
	streams []store.StreamInfo // when the driver lists them
	stats   store.Stats        // when the driver counts, bytes aside
}

func (t *trial) contents() contents {
	t.Helper()
	c := contents{head: t.head(), records: apart(t.read(store.Query{}))}
	c.items = slices.Concat(t.list(things, "", ""), t.list(others, "", ""), t.list(store.StreamBucket, "", ""))
	for i := range c.items {
		c.items[i].Value = bytes.Clone(c.items[i].Value)
	}
	if lister, ok := t.d.(store.StreamLister); ok {
		var err error
		if c.streams, err = collect(lister.Streams(t.ctx, "")); err != nil {
			t.Fatalf("Streams: %v", err)
		}
	}
	if counter, ok := t.d.(store.Statistician); ok {
		var err error
		if c.stats, err = counter.Stats(t.ctx); err != nil {
			t.Fatalf("Stats: %v", err)
		}
		c.stats.Bytes, c.stats.EventsPerSecond, c.stats.BytesPerSecond = 0, 0, 0
	}
	return c
}

// expect reports where the store's contents are not these.
func (t *trial) expect(want contents, when string) {
	t.Helper()
	got := t.contents()
	if got.head != want.head {
		t.Errorf("%s: the head is %d, want %d", when, got.head, want.head)
	}
	t.sameRecords(got.records, want.records, when)
	t.sameItems(got.items, want.items, when)
	if !slices.Equal(got.streams, want.streams) {
		t.Errorf("%s: the streams are %v, want %v", when, got.streams, want.streams)
	}
	if g, w := fmt.Sprintf("%+v", got.stats), fmt.Sprintf("%+v", want.stats); g != w {
		t.Errorf("%s: the statistics are %s, want %s", when, g, w)
	}
}

func (t *trial) sameRecords(got, want []event.Record, when string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d records, want %d: got ids %.8q, want %.8q", when, len(got), len(want), ids(got), ids(want))
		return
	}
	for i := range want {
		if d := difference(got[i], want[i]); d != "" {
			t.Errorf("%s: record %d of %d: %s", when, i+1, len(want), d)
			return
		}
	}
}

func (t *trial) sameItems(got, want []store.Item, when string) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(a, b store.Item) bool {
		return a.Bucket == b.Bucket && a.Key == b.Key && a.Revision == b.Revision && bytes.Equal(a.Value, b.Value)
	})
	if !same {
		t.Errorf("%s: the items are %.300v, want %.300v", when, got, want)
	}
}

// difference names the first field in which two records differ. No tags and empty tags are the same; no data and empty data are
// not, because an event may have none.
func difference(got, want event.Record) string {
	if !got.Time.Equal(want.Time) || got.Time.Location() != time.UTC {
		return fmt.Sprintf("Time is %v, want %v", got.Time, want.Time)
	}
	if !slices.Equal(got.Tags, want.Tags) {
		return fmt.Sprintf("Tags are %q, want %q", got.Tags, want.Tags)
	}
	if !maps.Equal(got.Headers, want.Headers) {
		return fmt.Sprintf("Headers are %q, want %q", got.Headers, want.Headers)
	}
	if !bytes.Equal(got.Data, want.Data) || (got.Data == nil) != (want.Data == nil) {
		return fmt.Sprintf("Data is %.100q (nil: %v), want %.100q (nil: %v)", got.Data, got.Data == nil, want.Data, want.Data == nil)
	}
	if got.Place != want.Place {
		return fmt.Sprintf("Place is %+v, want %+v", got.Place, want.Place)
	}
	return differentField(reflect.ValueOf(got.Metadata), reflect.ValueOf(want.Metadata))
}

func differentField(got, want reflect.Value) string {
	for i := range got.NumField() {
		field := got.Type().Field(i)
		switch field.Name {
		case "Time", "Tags", "Headers":
			continue // compared by meaning
		}
		if g, w := got.Field(i).Interface(), want.Field(i).Interface(); !reflect.DeepEqual(g, w) {
			return fmt.Sprintf("%s is %v, want %v", field.Name, g, w)
		}
	}
	return ""
}

// placed returns the events as they are stored after a receipt: the commit's revisions and positions, read from the store.
func (t *trial) placed(rs []event.Record, r store.Receipt) []event.Record {
	t.Helper()
	stored := t.read(store.Query{After: r.First - 1, Before: r.Last + 1})
	if len(stored) != len(rs) {
		t.Fatalf("positions %d to %d hold %d records, want the commit's %d", r.First, r.Last, len(stored), len(rs))
	}
	want := slices.Clone(rs)
	for i := range want {
		want[i].Revision, want[i].Position = stored[i].Revision, stored[i].Position
	}
	t.sameRecords(stored, want, "read by the receipt's positions")
	return want
}
