package items

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/oxbow-events/oxbow/store"
)

// Batch is writes that become visible together.
type Batch struct {
	t     *Table
	b     *pebble.Batch
	mark  Mark
	there map[string]bool // whether there is an item, after the writes so far
	key   []byte
	value []byte
}

// NewBatch returns an empty batch.
func (t *Table) NewBatch() *Batch {
	return &Batch{t: t, b: t.db.NewBatch(), mark: t.mark, there: map[string]bool{}}
}

// Write adds a write of the commit with that sequence, which is the item's new revision.
func (b *Batch) Write(w *store.ItemWrite, sequence uint64) error {
	b.mark.Sequence = sequence
	b.key = itemKey(b.key[:0], w.Bucket, w.Key)
	if err := b.count(w); err != nil {
		return err
	}
	if w.Delete {
		return b.b.Delete(b.key, nil)
	}
	b.value = appendValue(b.value[:0], sequence, w.Value)
	return b.b.Set(b.key, b.value, nil)
}

// count keeps count of the items.
func (b *Batch) count(w *store.ItemWrite) error {
	was, known := b.there[string(b.key)]
	if !known {
		revision, err := revisionIn(b.t.db, b.key)
		if err != nil {
			return err
		}
		was = revision > 0
	}
	b.there[string(b.key)] = !w.Delete
	change := uint64(0)
	switch {
	case was && w.Delete:
		change--
	case !was && !w.Delete:
		change++
	}
	b.mark.Items += change
	if w.Bucket == store.StreamBucket {
		b.mark.Streams += change
	}
	return nil
}

// UpTo notes that the table has everything up to that commit, which may have written no items.
func (b *Batch) UpTo(sequence uint64) { b.mark.Sequence = sequence }

// Apply makes the writes visible.
func (b *Batch) Apply() error {
	v := binary.LittleEndian.AppendUint64(make([]byte, 0, 24), b.mark.Sequence)
	v = binary.LittleEndian.AppendUint64(v, b.mark.Items)
	v = binary.LittleEndian.AppendUint64(v, b.mark.Streams)
	if err := b.b.Set(markKey, v, nil); err != nil {
		return err
	}
	if err := b.b.Commit(pebble.NoSync); err != nil {
		return err
	}
	b.t.mark = b.mark
	return b.b.Close()
}
