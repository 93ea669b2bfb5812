package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

const faultBucket = "bucket"

// compare checks that the log holds what the model holds: every event at its position, every stream, and every item.
func (t *faultTrial) compare() error {
	if err := t.sameHead(); err != nil {
		return err
	}
	if err := t.sameRecords(store.Query{}); err != nil {
		return err
	}
	if err := t.sameItems(); err != nil {
		return err
	}
	ctx := context.Background()
	return same(t.log.Streams(ctx, ""), t.model.Streams(ctx, ""))
}

func (t *faultTrial) sameHead() error {
	got, err := t.log.Head(context.Background())
	want, _ := t.model.Head(context.Background())
	if err != nil || got != want {
		return fmt.Errorf("the head is %d, want %d; error %v", got, want, err)
	}
	return nil
}

func (t *faultTrial) sameItems() error {
	ctx := context.Background()
	for _, bucket := range []string{faultBucket, store.StreamBucket} {
		if err := same(t.log.List(ctx, bucket, "", ""), t.model.List(ctx, bucket, "", "")); err != nil {
			return err
		}
	}
	return nil
}

func (t *faultTrial) sameRecords(q store.Query) error {
	ctx := context.Background()
	return same(t.log.Read(ctx, q), t.model.Read(ctx, q))
}

// same compares two sequences value by value.
func same[T any](got, want iter.Seq2[T, error]) error {
	next, stop := iter.Pull2(want)
	defer stop()
	for g, err := range got {
		if err != nil {
			return err
		}
		if w, _, ok := next(); !ok || !reflect.DeepEqual(g, w) {
			return fmt.Errorf("there is %+v, want %+v", g, w)
		}
	}
	if w, _, more := next(); more {
		return fmt.Errorf("there is nothing more, want %+v", w)
	}
	return nil
}

// read compares the answers to a query. A fault of the disk is told, and over with the next read.
func (t *faultTrial) read() error {
	q := t.query()
	t.trace("read %+v", q)
	err := t.sameRecords(q)
	struck := t.disk.takeStruck()
	if struck == nil {
		return err
	}
	t.outcome.faults++
	if err == nil && q.Limit > 0 {
		return nil // it befell what was read ahead, behind the limit
	}
	if !errors.Is(err, struck) {
		return fmt.Errorf("%v befell Read, and it says: %w", struck, err)
	}
	return t.sameRecords(q)
}

func (t *faultTrial) query() (q store.Query) {
	head, _ := t.model.Head(context.Background())
	q.After = store.Position(t.random.Uint64N(uint64(head) + 1))
	q.Backward = t.random.IntN(3) == 0
	q.Limit = t.random.IntN(10)
	switch t.random.IntN(4) {
	case 0:
		q.Any = []store.Filter{{Stream: t.stream()}}
	case 1:
		q.Any = []store.Filter{{Tags: []string{"customer:7"}, StreamPrefix: "s"}}
	}
	return q
}

// lookWhileWriting checks, in the middle of a batch, that nothing of it can be seen. It runs in the sequencer.
func (t *faultTrial) lookWhileWriting() {
	if t.seen != nil {
		return
	}
	head, _ := t.model.Head(context.Background())
	err := errors.Join(t.sameHead(), t.sameItems(), t.noneAfter(head))
	if err != nil {
		t.seen = fmt.Errorf("before it is on the disk: %w", err)
	}
}

func (t *faultTrial) noneAfter(head store.Position) error {
	for r, err := range t.log.Read(context.Background(), store.Query{After: head}) {
		return fmt.Errorf("position %d can be read; error %v", r.Position, err)
	}
	return nil
}

// commits makes a batch.
func (t *faultTrial) commits() (batch []store.Commit) {
	for range 1 + t.random.IntN(4) {
		c := t.commit()
		batch, t.sent = append(batch, c), append(t.sent, c)
	}
	return batch
}

// retries is a batch of commits that were sent before, acknowledged or not.
func (t *faultTrial) retries() (batch []store.Commit) {
	if len(t.sent) == 0 {
		return t.commits()
	}
	for range 1 + t.random.IntN(3) {
		if c := t.sent[t.random.IntN(len(t.sent))]; len(c.Events) > 0 && t.known(&c) {
			batch = append(batch, c)
		}
	}
	return slices.Concat(batch, []store.Commit{t.commit()})
}

func (t *faultTrial) commit() (c store.Commit) {
	for range t.random.IntN(5) {
		c.Events = append(c.Events, t.event())
	}
	if len(c.Events) == 0 || t.random.IntN(3) == 0 {
		c.Items = append(c.Items, store.Put(faultBucket, "put", t.filler()))
	}
	if len(c.Events) > 0 && t.random.IntN(4) == 0 {
		c.Items = append(c.Items, store.Delete(faultBucket, t.key()), store.Put(faultBucket, t.key()+"'", nil))
	}
	if t.random.IntN(4) == 0 {
		c.Conditions = append(c.Conditions, t.condition())
	}
	return c
}

func (t *faultTrial) event() event.Record {
	t.made++
	r := record(t.made, t.stream())
	r.Data = t.filler()
	if t.random.IntN(2) == 0 {
		r.Tags = nil
	}
	return r
}

func (t *faultTrial) stream() string { return fmt.Sprintf("s%d", t.random.IntN(5)) }
func (t *faultTrial) key() string    { return fmt.Sprintf("k%d", t.random.IntN(4)) }

// filler is mostly short, and at times longer than sectors and segments are.
func (t *faultTrial) filler() []byte {
	n := t.random.IntN(60)
	switch t.random.IntN(12) {
	case 0:
		n = t.random.IntN(9000)
	case 1, 2:
		n = t.random.IntN(900)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(t.random.Uint32())
	}
	return b
}

// condition is one that holds or not, as it comes.
func (t *faultTrial) condition() store.Condition {
	head, _ := t.model.Head(context.Background())
	switch t.random.IntN(4) {
	case 0:
		return store.StreamExists(t.stream())
	case 1:
		return store.AtRevision(t.stream(), t.random.Uint64N(4))
	case 2:
		key := t.key()
		item, _ := t.model.Get(context.Background(), faultBucket, key)
		return store.ItemAt(faultBucket, key, item.Revision)
	default:
		return store.NoneAfter(head-min(head, store.Position(t.random.IntN(3))), store.Filter{Tags: []string{"customer:7"}, Stream: t.stream()})
	}
}
