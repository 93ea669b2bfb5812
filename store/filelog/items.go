package filelog

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/errors/oserror"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

func (l *Log) itemsDir() string { return filepath.Join(l.dir, itemsFolder) }

// openItems opens the items, if there ever were any. Those of another log, or of a later state of this one, are made again.
func (l *Log) openItems() error {
	there, err := items.Exists(l.sys.items, l.itemsDir())
	if err != nil || !there {
		return damagedItems(l.itemsDir(), err)
	}
	err = l.haveItems()
	if errors.Is(err, items.ErrForeign) {
		return l.discardItems()
	}
	return err
}

// haveItems makes sure that items can be written.
func (l *Log) haveItems() error {
	if l.items != nil {
		return nil
	}
	if err := l.sys.items.MkdirAll(l.itemsDir(), 0o700); err != nil { // Pebble would let others in
		return err
	}
	t, err := items.Open(l.itemsDir(), items.Config{
		FS: l.sys.items, Store: l.id, CacheBytes: l.cfg.ItemCache, Memory: uint64(l.cfg.ItemCache),
		Failed: func(err error) { l.itemsFailed(damagedItems(l.itemsDir(), err)) },
	})
	if err != nil {
		return damagedItems(l.itemsDir(), err)
	}
	held := &heldItems{Table: t}
	held.take()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = held
	return nil
}

// damagedItems turns damage of the items into what this package says of it.
func damagedItems(dir string, err error) error {
	if errors.Is(err, items.ErrDamaged) {
		return &DamageError{File: dir, Reason: firstLine(err), Index: true}
	}
	return err
}

// firstLine leaves out what Pebble adds for its developers.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(text, items.ErrDamaged.Error()+": ")
}

// itemsFailed notes that items cannot be written. The sequencer stops when it sees that; here, nothing may be waited for.
func (l *Log) itemsFailed(err error) {
	l.beside.CompareAndSwap(nil, &err)
	l.indexer.mu.Lock() // so that nobody is between looking and waiting
	defer l.indexer.mu.Unlock()
	l.indexer.changed.Broadcast()
}

// besides returns what failed beside the writing, nil when nothing did.
func (l *Log) besides() error {
	if err := l.beside.Load(); err != nil {
		return *err
	}
	return nil
}

// markItems notes that the items have everything up to a commit.
func (l *Log) markItems(sequence uint64) error {
	if l.items == nil || l.items.Mark().Sequence >= sequence {
		return nil
	}
	b := l.items.NewBatch()
	b.UpTo(sequence)
	l.mu.Lock()
	defer l.mu.Unlock()
	return b.Apply()
}

// flushItems puts the items on the disk.
func (l *Log) flushItems() error {
	l.mu.RLock()
	t := l.items
	l.mu.RUnlock()
	if t == nil {
		return nil
	}
	return t.Flush()
}

// forgetItems removes all items, which are made again from the log.
func (l *Log) forgetItems() error {
	if l.items == nil {
		return nil
	}
	err := l.items.Close()
	l.items = nil
	return errors.Join(err, l.discardItems())
}

// discardItems removes the files of the items, whose folder first gets another name, so that there is never half of them.
func (l *Log) discardItems() error {
	there, err := l.sys.items.List(l.dir)
	if err != nil || !slices.Contains(there, itemsFolder) {
		return ignoreMissing(err)
	}
	if err := l.sys.items.Rename(l.itemsDir(), l.discarded()); err != nil {
		return err
	}
	if err := syncFolder(l.sys.items, l.dir); err != nil {
		return err
	}
	return l.finishDiscarding()
}

func (l *Log) discarded() string { return l.itemsDir() + ".old" }

// finishDiscarding removes items that were to be removed.
func (l *Log) finishDiscarding() error { return ignoreMissing(l.sys.items.RemoveAll(l.discarded())) }

func ignoreMissing(err error) error {
	if oserror.IsNotExist(err) {
		return nil
	}
	return err
}

// heldItems is the items, which are closed when the log and all readers have let go of them.
type heldItems struct {
	hold
	*items.Table
}

// letGo closes the items unless somebody still reads them.
func (l *Log) letGo(t *heldItems) {
	if t != nil && t.drop() {
		l.noteClosing(t.Close())
	}
}

// itemsView is the items at one time.
type itemsView struct {
	log   *Log
	table *heldItems
	*items.Snapshot
}

// itemsNow returns the items as they are now, nil when there never were any. The caller holds the lock, and closes them without it.
func (l *Log) itemsNow() *itemsView {
	if l.items == nil {
		return nil
	}
	l.items.take()
	return &itemsView{log: l, table: l.items, Snapshot: l.items.Snapshot()}
}

func (l *Log) lockedItems() *itemsView {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.itemsNow()
}

func (v *itemsView) close() {
	if v == nil {
		return
	}
	v.log.noteClosing(v.Snapshot.Close())
	v.log.letGo(v.table)
}

// Get returns an item; one that does not exist has revision 0.
func (l *Log) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if err := l.usable(ctx); err != nil {
		return store.Item{}, err
	}
	s := l.lockedItems()
	defer s.close()
	if s == nil {
		return store.Item{Bucket: bucket, Key: key}, nil
	}
	item, err := s.Get(bucket, key)
	return item, damagedItems(l.itemsDir(), err)
}

// List yields the items of a bucket with from <= key < to in order of key, as they stood when the iteration began.
func (l *Log) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		if err := l.usable(ctx); err != nil {
			yield(store.Item{}, err)
			return
		}
		s := l.lockedItems()
		defer s.close()
		if s != nil {
			for item, err := range s.List(bucket, from, to) {
				if err = damagedItems(l.itemsDir(), err); err == nil {
					err = l.usable(ctx)
				}
				if !yield(item, err) || err != nil {
					return
				}
			}
		}
		if err := l.usable(ctx); err != nil {
			yield(store.Item{}, err)
		}
	}
}
