package projection

import (
	"context"
	"slices"

	"github.com/oxbow-events/oxbow/store"
)

// collect removes generations that nobody can see any more.
func (w *work[D]) collect(ctx context.Context) error {
	if len(w.state.Garbage) == 0 {
		return nil
	}
	for _, g := range w.state.Garbage {
		if err := w.clear(ctx, g); err != nil {
			return err
		}
	}
	s := w.state.clone()
	s.Garbage = nil
	return w.save(ctx, s, nil)
}

// clear removes all documents and indexes of a generation.
func (w *work[D]) clear(ctx context.Context, g garbage) error {
	bucket := bucketOf(w.name, g.Number)
	buckets := []string{bucket}
	for _, name := range g.Indexes {
		buckets = append(buckets, indexBucket(bucket, name))
	}
	slices.Sort(buckets)
	for _, bucket := range slices.Compact(buckets) {
		if err := w.clearBucket(ctx, bucket); err != nil {
			return err
		}
	}
	return nil
}

func (w *work[D]) clearBucket(ctx context.Context, bucket string) error {
	var deletes []store.ItemWrite
	flush := func() error {
		if len(deletes) == 0 {
			return nil
		}
		_, err := w.store.Commit(ctx, store.Commit{Items: deletes})
		deletes = deletes[:0]
		return err
	}
	for item, err := range w.store.List(ctx, bucket, "", "") {
		if err != nil {
			return err
		}
		if deletes = append(deletes, store.Delete(bucket, item.Key)); len(deletes) < store.MaxItems/2 {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}
