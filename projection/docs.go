package projection

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"github.com/oxbow-events/oxbow/store"
)

// Docs is what a handler reads and changes: the documents as they are after all earlier events. It is valid during the call.
type Docs[D any] struct {
	store   *store.Store
	bucket  string
	changed map[string]*change[D]
}

type change[D any] struct {
	doc     document[D]
	deleted bool
	dirty   bool
}

type document[D any] struct{ value D }

// copy returns the document as it will be read, sharing no memory with it.
func (d document[D]) copy(key string) (doc D, ok bool, err error) {
	encoded, err := d.encode(key)
	if err != nil {
		return doc, false, err
	}
	return decodeDoc[D](key, encoded)
}

func (d document[D]) encode(key string) ([]byte, error) {
	encoded, err := json.Marshal(d.value)
	if err != nil {
		return nil, fmt.Errorf("encode document %q: %w", key, err)
	}
	return encoded, nil
}

func decodeDoc[D any](key string, encoded []byte) (doc D, ok bool, err error) {
	if err := json.Unmarshal(encoded, &doc); err != nil {
		return doc, false, fmt.Errorf("decode document %q: %w", key, err)
	}
	return doc, true, nil
}

func newDocs[D any](st *store.Store, bucket string) *Docs[D] {
	return &Docs[D]{store: st, bucket: bucket, changed: map[string]*change[D]{}}
}

// Get returns a copy of a document; ok is false, and the document D's zero value, when there is none.
func (d *Docs[D]) Get(ctx context.Context, key string) (doc D, ok bool, err error) {
	c, err := d.load(ctx, key)
	if err != nil || c.deleted {
		return doc, false, err
	}
	return c.doc.copy(key)
}

// Put sets a document to a copy of doc.
func (d *Docs[D]) Put(key string, doc D) error {
	own, _, err := document[D]{doc}.copy(key)
	if err == nil {
		d.changed[key] = &change[D]{doc: document[D]{own}, dirty: true}
	}
	return err
}

// Delete removes a document. Removing one that does not exist is fine.
func (d *Docs[D]) Delete(key string) { d.changed[key] = &change[D]{deleted: true, dirty: true} }

// Update changes a document in place. One that does not exist begins as D's zero value. What fn leaves in fields that JSON does
// not keep may or may not be there next time.
func (d *Docs[D]) Update(ctx context.Context, key string, fn func(doc *D)) error {
	c, err := d.load(ctx, key)
	if err != nil {
		return err
	}
	fn(&c.doc.value)
	c.deleted, c.dirty = false, true
	return nil
}

func (d *Docs[D]) load(ctx context.Context, key string) (*change[D], error) {
	if c, ok := d.changed[key]; ok {
		return c, nil
	}
	doc, ok, err := readDoc[D](ctx, d.store, d.bucket, key)
	if err != nil {
		return nil, err
	}
	c := &change[D]{doc: document[D]{doc}, deleted: !ok}
	d.changed[key] = c
	return c, nil
}

// writes returns the changes as item writes, in order of key.
func (d *Docs[D]) writes() ([]store.ItemWrite, error) {
	var writes []store.ItemWrite
	for key, c := range d.changed {
		switch {
		case !c.dirty:
		case c.deleted:
			writes = append(writes, store.Delete(d.bucket, key))
		default:
			value, err := c.doc.encode(key)
			if err != nil {
				return nil, err
			}
			writes = append(writes, store.Put(d.bucket, key, value))
		}
	}
	slices.SortFunc(writes, func(a, b store.ItemWrite) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return writes, nil
}

func readDoc[D any](ctx context.Context, st *store.Store, bucket, key string) (doc D, ok bool, err error) {
	item, err := st.Get(ctx, bucket, key)
	if err != nil || item.Revision == 0 {
		return doc, false, err
	}
	return decodeDoc[D](key, item.Value)
}

// Get returns a document of the projection; ok is false when there is none.
func (p *Projection[D]) Get(ctx context.Context, key string) (doc D, ok bool, err error) {
	s, err := p.loadState(ctx, p.name)
	if err != nil {
		return doc, false, err
	}
	return readDoc[D](ctx, p.store, p.bucket(s.Generation), key)
}

// All yields the documents with from <= key < to, in order of key, as they stood when the iteration began. An empty to means to the
// end. After an error it yields no more.
func (p *Projection[D]) All(ctx context.Context, from, to string) iter.Seq2[Doc[D], error] {
	return func(yield func(Doc[D], error) bool) {
		s, err := p.loadState(ctx, p.name)
		if err != nil {
			yield(Doc[D]{}, err)
			return
		}
		for item, err := range p.store.List(ctx, p.bucket(s.Generation), from, to) {
			doc := Doc[D]{Key: item.Key, JSON: item.Value}
			if err == nil {
				doc.Value, _, err = decodeDoc[D](item.Key, item.Value)
			}
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

// Doc is one document of a read model.
type Doc[D any] struct {
	Key   string
	Value D
	JSON  []byte // the document as it is stored
}
