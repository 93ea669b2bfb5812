package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Docs is what a handler reads and changes: the documents as they are after all earlier events. It is valid during the call.
type Docs[D any] struct {
	store   *store.Store // nil when there is nothing but what handlers put there
	bucket  string
	indexes []index[D]
	limit   int // bytes of documents that are kept decoded between commits

	entries map[string]*entry[D]
	dirty   int // entries that are
	bytes   int // of the encoded documents among the entries
}

// entry is a document as handlers left it.
type entry[D any] struct {
	value   D
	encoded []byte // what value encodes to; nil when that is not known
	size    int    // that it counts in Docs.bytes
	exists  bool
	dirty   bool // differs from what is stored, or may do so

	known    bool       // whether what is stored was read, so that the next two are right
	revision uint64     // of the stored item
	indexed  [][]string // by index, the values under which the stored document is found
}

func newDocs[D any](st *store.Store, bucket string, indexes []index[D], limit int) *Docs[D] {
	return &Docs[D]{store: st, bucket: bucket, indexes: indexes, limit: limit, entries: map[string]*entry[D]{}}
}

// Get returns a copy of a document; ok is false, and the document D's zero value, when there is none.
func (d *Docs[D]) Get(ctx context.Context, key string) (doc D, ok bool, err error) {
	e, err := d.load(ctx, key)
	if err != nil || !e.exists {
		return doc, false, err
	}
	if err := e.encode(key); err != nil {
		return doc, false, err
	}
	doc, err = decodeDoc[D](key, e.encoded)
	return doc, err == nil, err
}

// Put sets a document to a copy of doc.
func (d *Docs[D]) Put(key string, doc D) error {
	own := entry[D]{value: doc}
	if err := own.encode(key); err != nil {
		return err
	}
	value, err := decodeDoc[D](key, own.encoded)
	if err != nil {
		return err
	}
	if err := checkKey(key); err != nil {
		return err
	}
	e := d.entry(key)
	e.value, e.encoded, e.exists = value, own.encoded, true
	d.touch(e)
	return nil
}

// Delete removes a document. Removing one that does not exist is fine.
func (d *Docs[D]) Delete(key string) {
	if checkKey(key) != nil {
		return // no document can have that key
	}
	e := d.entry(key)
	var none D
	e.value, e.encoded, e.exists = none, nil, false
	d.touch(e)
}

// Update changes a document in place. One that does not exist begins as D's zero value. What fn leaves in fields that JSON does
// not keep may or may not be there next time.
func (d *Docs[D]) Update(ctx context.Context, key string, fn func(doc *D)) error {
	e, err := d.load(ctx, key)
	if err != nil {
		return err
	}
	d.touch(e) // first, since fn may panic
	e.encoded = nil
	fn(&e.value)
	e.exists = true
	return nil
}

func (d *Docs[D]) touch(e *entry[D]) {
	if !e.dirty {
		e.dirty = true
		d.dirty++
	}
}

// entry returns what is known of a key, without reading what is stored.
func (d *Docs[D]) entry(key string) *entry[D] {
	e, ok := d.entries[key]
	if !ok {
		e = &entry[D]{}
		d.entries[key] = e
	}
	return e
}

func (d *Docs[D]) load(ctx context.Context, key string) (*entry[D], error) {
	if e, ok := d.entries[key]; ok {
		return e, nil
	}
	if err := checkKey(key); err != nil {
		return nil, err
	}
	e := &entry[D]{known: true}
	if d.store != nil {
		if err := d.readStored(ctx, key, e); err != nil {
			return nil, err
		}
	}
	d.entries[key] = e
	return e, nil
}

func (d *Docs[D]) readStored(ctx context.Context, key string, e *entry[D]) error {
	item, err := d.store.Get(ctx, d.bucket, key)
	if err != nil {
		return err
	}
	e.revision, e.indexed = item.Revision, nil
	if item.Revision == 0 {
		return nil
	}
	if e.value, err = decodeDoc[D](key, item.Value); err != nil {
		return err
	}
	e.exists, e.encoded = true, item.Value
	d.resize(e)
	e.indexed, err = valuesOf(d.indexes, key, e.value)
	return err
}

func (d *Docs[D]) resize(e *entry[D]) {
	d.bytes += len(e.encoded) - e.size
	e.size = len(e.encoded)
}

// full reports that no further event may change documents of the same commit.
func (d *Docs[D]) full() bool { return d.dirty*(1+len(d.indexes)) >= store.MaxItems/2 }

// errTooMuch says that there are more changes than one commit may have.
var errTooMuch = errors.New("changes more than one commit may have")

// writes returns the changes as item writes, in order of key.
func (d *Docs[D]) writes(ctx context.Context) (writes []store.ItemWrite, err error) {
	bytes := 0
	for _, key := range d.changed() {
		e := d.entries[key]
		own, err := d.writesOf(ctx, key, e)
		if err != nil {
			return nil, err
		}
		writes = append(writes, own...)
		if bytes += len(e.encoded) + (len(own)+1)*(len(key)+len(d.bucket)); bytes > store.MaxCommit/2 || len(writes) > store.MaxItems-8 {
			return nil, &unfit{fmt.Errorf("%w: %d items and %d bytes, of at most %d and %d; let one event change fewer documents, or smaller ones",
				errTooMuch, len(writes), bytes, store.MaxItems-8, store.MaxCommit/2)}
		}
	}
	return writes, nil
}

// seen returns the conditions under which what handlers saw is still true.
func (d *Docs[D]) seen() (conditions []store.Condition) {
	for key, e := range d.entries {
		if e.known {
			conditions = append(conditions, store.ItemAt(d.bucket, key, e.revision))
		}
	}
	return conditions
}

func (d *Docs[D]) changed() []string {
	keys := make([]string, 0, d.dirty)
	for key, e := range d.entries {
		if e.dirty {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// writesOf returns the writes of one document and of its places in indexes. What is wrong with the document is an unfit error.
func (d *Docs[D]) writesOf(ctx context.Context, key string, e *entry[D]) ([]store.ItemWrite, error) {
	if err := d.know(ctx, key, e); err != nil {
		return nil, err
	}
	writes, err := d.writesOfKnown(key, e)
	if err != nil {
		return nil, &unfit{err}
	}
	return writes, nil
}

func (d *Docs[D]) writesOfKnown(key string, e *entry[D]) ([]store.ItemWrite, error) {
	if !e.exists {
		places, err := d.moves(key, e.indexed, nil)
		return append(places, store.Delete(d.bucket, key)), err
	}
	if err := e.encode(key); err != nil {
		return nil, err
	}
	d.resize(e)
	if len(e.encoded) > store.MaxData {
		return nil, fmt.Errorf("document %q has %d bytes, the limit is %d", key, len(e.encoded), store.MaxData)
	}
	values, err := valuesOf(d.indexes, key, e.value)
	if err != nil {
		return nil, err
	}
	places, err := d.moves(key, e.indexed, values)
	return append(places, store.Put(d.bucket, key, e.encoded)), err
}

// know reads where indexes have the stored document, when handlers have put or deleted it unread.
func (d *Docs[D]) know(ctx context.Context, key string, e *entry[D]) error {
	if e.known || len(d.indexes) == 0 || d.store == nil {
		return nil
	}
	stored := &entry[D]{}
	if err := d.readStored(ctx, key, stored); err != nil {
		return err
	}
	d.bytes -= stored.size
	e.known, e.revision, e.indexed = true, stored.revision, stored.indexed
	return nil
}

// saved notes that what writes returned is stored, in items of that revision, and makes room.
func (d *Docs[D]) saved(revision uint64) error {
	for key, e := range d.entries {
		if !e.dirty {
			continue
		}
		e.dirty, e.known, e.revision = false, true, revision
		var err error
		if e.indexed = nil; e.exists && len(d.indexes) > 0 {
			e.indexed, err = valuesOf(d.indexes, key, e.value)
		}
		if err != nil {
			return err
		}
		if !e.exists {
			d.bytes -= e.size
			delete(d.entries, key)
		}
	}
	d.dirty = 0
	d.makeRoom()
	return nil
}

// makeRoom forgets documents, whichever come first, when there are too many.
func (d *Docs[D]) makeRoom() {
	const overhead = 256 // bytes that an entry takes beside its document
	if d.bytes+len(d.entries)*overhead <= d.limit {
		return
	}
	for key, e := range d.entries {
		if d.bytes+len(d.entries)*overhead <= d.limit/2 {
			return
		}
		d.bytes -= e.size
		delete(d.entries, key)
	}
}

// drop forgets what handlers changed since the last commit.
func (d *Docs[D]) drop() {
	maps.DeleteFunc(d.entries, func(_ string, e *entry[D]) bool {
		if e.dirty {
			d.bytes -= e.size
		}
		return e.dirty
	})
	d.dirty = 0
}

func (e *entry[D]) encode(key string) (err error) {
	defer recovered(&err) // the user's MarshalJSON
	if e.encoded != nil {
		return nil
	}
	if e.encoded, err = json.Marshal(e.value); err != nil {
		return fmt.Errorf("encode document %q: %w", key, err)
	}
	return nil
}

func decodeDoc[D any](key string, encoded []byte) (doc D, err error) {
	if err := json.Unmarshal(encoded, &doc); err != nil {
		return doc, fmt.Errorf("decode document %q: %w", key, err)
	}
	return doc, nil
}

// checkKey refuses keys that no item can have, so that the handler that uses one is told.
func checkKey(key string) error {
	switch {
	case key == "":
		return event.Invalid("key", "is empty")
	case len(key) > maxKey:
		return event.Invalid("key", "is %d bytes long, the limit is %d", len(key), maxKey)
	}
	return event.CheckText("key", key)
}

const maxKey = 1024 // bytes of an item's key
