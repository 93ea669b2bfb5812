package memory

import (
	"bytes"
	"context"
	"iter"

	"github.com/oxbow-events/oxbow/store"
)

// itemTable is the items by bucket and key.
type itemTable map[string]*node[store.Item]

func (t itemTable) get(bucket, key string) store.Item {
	if n := t[bucket].find(key); n != nil {
		return n.value
	}
	return store.Item{Bucket: bucket, Key: key}
}

func (t itemTable) write(w store.ItemWrite, revision uint64) {
	root := t[w.Bucket]
	if w.Delete {
		root = root.without(w.Key)
	} else {
		root = root.with(w.Key, store.Item{Bucket: w.Bucket, Key: w.Key, Value: w.Value, Revision: revision})
	}
	if root == nil {
		delete(t, w.Bucket)
		return
	}
	t[w.Bucket] = root
}

// Get returns an item; one that does not exist has revision 0.
func (m *Memory) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if err := m.usable(ctx); err != nil {
		return store.Item{}, err
	}
	m.mu.RLock()
	item := m.items.get(bucket, key)
	m.mu.RUnlock()
	item.Value = bytes.Clone(item.Value)
	return item, nil
}

// List yields the items of a bucket with from <= key < to in order of key, as they stood when the iteration began.
func (m *Memory) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		m.mu.RLock()
		root := m.items[bucket]
		m.mu.RUnlock()
		for item := range root.between(from, to) {
			if err := m.usable(ctx); err != nil {
				yield(store.Item{}, err)
				return
			}
			item.Value = bytes.Clone(item.Value)
			if !yield(item, nil) {
				return
			}
		}
		if err := m.usable(ctx); err != nil {
			yield(store.Item{}, err)
		}
	}
}
