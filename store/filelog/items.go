package filelog

import (
	"bytes"
	"cmp"
	"context"
	"iter"

	"github.com/google/btree"

	"github.com/oxbow-events/oxbow/store"
)

// itemTable is the visible items in order of bucket and key.
type itemTable struct{ tree *btree.BTreeG[store.Item] }

func newItemTable() itemTable {
	return itemTable{btree.NewG(32, func(a, b store.Item) bool {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key)) < 0
	})}
}

func (t itemTable) get(bucket, key string) store.Item {
	if item, ok := t.tree.Get(store.Item{Bucket: bucket, Key: key}); ok {
		return item
	}
	return store.Item{Bucket: bucket, Key: key}
}

// write makes the write visible. The table owns its value from now on.
func (t itemTable) write(w store.ItemWrite, revision uint64) {
	item := store.Item{Bucket: w.Bucket, Key: w.Key, Value: w.Value, Revision: revision}
	if w.Delete {
		t.tree.Delete(item)
		return
	}
	t.tree.ReplaceOrInsert(item)
}

// Get returns an item; one that does not exist has revision 0.
func (l *Log) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if err := l.usable(ctx); err != nil {
		return store.Item{}, err
	}
	l.mu.RLock()
	item := l.items.get(bucket, key)
	l.mu.RUnlock()
	item.Value = bytes.Clone(item.Value)
	return item, nil
}

// List yields the items of a bucket with from <= key < to in order of key, as they stood when the iteration began.
func (l *Log) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		l.mu.Lock() // to clone changes the tree, though nobody sees it
		items := l.items.tree.Clone()
		l.mu.Unlock()
		stopped := false
		items.AscendGreaterOrEqual(store.Item{Bucket: bucket, Key: from}, func(item store.Item) bool {
			if item.Bucket != bucket || to != "" && item.Key >= to || l.usable(ctx) != nil {
				return false
			}
			item.Value = bytes.Clone(item.Value)
			stopped = !yield(item, nil)
			return !stopped
		})
		if err := l.usable(ctx); err != nil && !stopped {
			yield(store.Item{}, err)
		}
	}
}
