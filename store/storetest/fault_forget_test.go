package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// whole is a driver with everything that memory can do.
type whole interface {
	store.Driver
	store.StreamLister
	store.Statistician
}

// changed returns the commit with its metadata changed.
func changed(c store.Commit, change func(w *store.ItemWrite)) store.Commit {
	c.Items = slices.Clone(c.Items)
	for i := range c.Items {
		if c.Items[i].Bucket == store.StreamBucket {
			change(&c.Items[i])
		}
	}
	return c
}

// plainItems keeps metadata as it keeps other items.
type plainItems struct{ store.Driver }

const plainBucket = "plain"

func (d plainItems) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return d.Driver.Append(ctx, changed(c, func(w *store.ItemWrite) { w.Bucket = plainBucket }))
}

func (d plainItems) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if bucket != store.StreamBucket {
		return d.Driver.Get(ctx, bucket, key)
	}
	item, err := d.Driver.Get(ctx, plainBucket, key)
	item.Bucket = bucket
	return item, err
}

// withMeta returns what breaks a driver by changing what metadata say.
func withMeta(change func(m *store.StreamMeta)) func(store.Driver) store.Driver {
	return func(d store.Driver) store.Driver { return misreading{d, change} }
}

type misreading struct {
	store.Driver
	change func(m *store.StreamMeta)
}

func (d misreading) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return d.Driver.Append(ctx, changed(c, func(w *store.ItemWrite) {
		if m, err := store.ParseStreamMeta(w.Value); err == nil && !w.Delete {
			d.change(&m)
			*w = store.PutStreamMeta(w.Key, m)
		}
	}))
}

// byPrefix applies the limits of a stream to those whose name goes on after a hyphen, too.
type byPrefix struct{ store.Driver }

func (d byPrefix) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	for _, w := range c.Items {
		if w.Bucket == store.StreamBucket {
			w.Key += "-1"
			c.Items = append(slices.Clone(c.Items), w)
		}
	}
	return d.Driver.Append(ctx, c)
}

// remembering has a second store that forgets nothing, and takes answers from there.
type remembering struct {
	store.Driver
	all     *memory.Memory
	asked   func(q store.Query) bool     // which reads see everything; nil: none
	counted func(c store.Condition) bool // which conditions do; nil: none
}

func (d *remembering) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if d.counted != nil && c.Check() == nil {
		conditions := c.Conditions
		c.Conditions = nil
		for _, condition := range conditions {
			if !d.counted(condition) {
				c.Conditions = append(c.Conditions, condition)
				continue
			}
			probe := store.Commit{Items: []store.ItemWrite{store.Put("probe", "k", nil)}, Conditions: []store.Condition{condition}}
			if _, err := d.all.Append(ctx, probe); err != nil {
				return store.Receipt{}, err
			}
		}
	}
	r, err := d.Driver.Append(ctx, c)
	if err == nil && len(c.Events) > 0 {
		if _, err := d.all.Append(ctx, store.Commit{Events: c.Events}); err != nil {
			return r, err
		}
	}
	return r, err
}

func (d *remembering) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	if d.asked != nil && d.asked(q) {
		return d.all.Read(ctx, q)
	}
	return d.Driver.Read(ctx, q)
}

func (d *remembering) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	return d.all.Streams(ctx, prefix)
}

// metaLost has only its events when it is opened again.
type metaLost struct{ remembering }

func (d *metaLost) reopened() store.Driver { return d.all }

// emptyIsNone takes a stream without events for one that does not exist, and its metadata for none.
type emptyIsNone struct{ store.Driver }

func (d emptyIsNone) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	for _, condition := range c.Conditions {
		if condition.Expect == store.ExpectExists && d.empty(ctx, condition.Stream) {
			return store.Receipt{}, condition.Conflict(0)
		}
	}
	return d.Driver.Append(ctx, changed(c, func(w *store.ItemWrite) {
		if d.empty(ctx, w.Key) {
			w.Value = []byte("{}")
		}
	}))
}

func (d emptyIsNone) empty(ctx context.Context, stream string) bool {
	q := store.Stream(stream)
	q.Limit = 1
	for range d.Read(ctx, q) {
		return false
	}
	return true
}

// lifting passes over metadata of tombstoned streams.
type lifting struct{ store.Driver }

func (d lifting) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	r, err := d.Driver.Append(ctx, c)
	if errors.Is(err, store.ErrTombstone) {
		c.Items = slices.DeleteFunc(slices.Clone(c.Items), func(w store.ItemWrite) bool { return w.Bucket == store.StreamBucket })
		c.Items = append(c.Items, store.Put("lifting", "k", nil))
		return d.Driver.Append(ctx, c)
	}
	return r, err
}

type tombstoneConflicts struct{ store.Driver }

func (d tombstoneConflicts) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	r, err := d.Driver.Append(ctx, c)
	var found *store.TombstoneError
	if errors.As(err, &found) {
		return r, errors.Join(&store.ConflictError{Stream: found.Stream, Want: "any", Got: "a tombstone"}, err)
	}
	return r, err
}

// metaFirst writes metadata before it looks at the rest.
type metaFirst struct{ store.Driver }

func (d metaFirst) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	first := store.Commit{}
	for _, w := range c.Items {
		if w.Bucket == store.StreamBucket && c.Check() == nil {
			first.Items = append(first.Items, w)
		}
	}
	if len(first.Items) > 0 && len(c.Events) > 0 {
		if r, err := d.Driver.Append(ctx, first); err != nil {
			return r, err
		}
	}
	return d.Driver.Append(ctx, c)
}

// tombstoneFirst looks at tombstones before it looks for what it knows.
type tombstoneFirst struct{ store.Driver }

func (d tombstoneFirst) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	for _, r := range c.Events {
		item, err := d.Get(ctx, store.StreamBucket, r.Stream)
		if err != nil {
			return store.Receipt{}, err
		}
		if m, err := store.ParseStreamMeta(item.Value); err == nil && m.Tombstone {
			return store.Receipt{}, &store.TombstoneError{Stream: r.Stream}
		}
	}
	return d.Driver.Append(ctx, c)
}

// newIDs knows no id again.
type newIDs struct{ store.Driver }

func (d newIDs) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	r, err := d.Driver.Append(ctx, c)
	var found *store.ConflictError
	if errors.As(err, &found) && found.ID != "" {
		c.Events = slices.Clone(c.Events)
		for i := range c.Events {
			c.Events[i].ID = event.NewID()
		}
		return d.Driver.Append(ctx, c)
	}
	return r, err
}

// countsKept counts what can be read.
type countsKept struct{ store.Driver }

func (d countsKept) Stats(ctx context.Context) (store.Stats, error) {
	stats, err := d.Driver.(whole).Stats(ctx)
	if err != nil {
		return stats, err
	}
	stats.Events, stats.Types = 0, map[string]uint64{}
	for r, err := range d.Read(ctx, store.Query{}) {
		if err != nil {
			return stats, fmt.Errorf("count: %w", err)
		}
		stats.Events++
		stats.Types[r.Type]++
	}
	return stats, nil
}
