package projection

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// What a caller branches on with errors.Is.
var (
	ErrNoIndex  = errors.New("the documents do not have this index")            // not yet: a rebuild adds it; or nobody declared it
	ErrReplaced = errors.New("the documents were removed while they were read") // rebuilt twice meanwhile: ask again
)

// Doc is one document of a read model.
type Doc[D any] struct {
	Key   string
	Value D
	JSON  []byte // the document as it is stored
}

func docOf[D any](item store.Item) (Doc[D], error) {
	value, err := decodeDoc[D](item.Key, item.Value)
	return Doc[D]{Key: item.Key, Value: value, JSON: item.Value}, err
}

// Get returns a document of the projection; ok is false when there is none. Documents of another version are read as JSON reads them
// into D.
func (p *Projection[D]) Get(ctx context.Context, key string) (doc D, ok bool, err error) {
	for {
		g, err := p.current(ctx)
		if err != nil {
			return doc, false, err
		}
		item, err := p.store.Get(ctx, bucketOf(p.name, g.Number), key)
		if err != nil {
			return doc, false, err
		}
		if item.Revision > 0 {
			doc, err = decodeDoc[D](key, item.Value)
			return doc, err == nil, err
		}
		if there, err := p.there(ctx, g.Number); there || err != nil {
			return doc, false, err
		}
	}
}

// All yields the documents with from <= key < to, in order of key, as they stood when the iteration began, and of one generation. An
// empty to means to the end. After an error it yields no more.
func (p *Projection[D]) All(ctx context.Context, from, to string) iter.Seq2[Doc[D], error] {
	return func(yield func(Doc[D], error) bool) {
		for found, err := range p.items(ctx, "", from, to) {
			var doc Doc[D]
			if err == nil {
				doc, err = docOf[D](found.item)
			}
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

// Prefix yields the documents whose key begins with prefix, as All does.
func (p *Projection[D]) Prefix(ctx context.Context, prefix string) iter.Seq2[Doc[D], error] {
	return p.All(ctx, prefix, after(prefix))
}

// By yields the documents that an index has under a value, in order of key. A document that changes during the iteration is yielded as
// it is then, or not at all when the value is no longer its value.
func (p *Projection[D]) By(ctx context.Context, index, value string) iter.Seq2[Doc[D], error] {
	return p.by(ctx, index, value, "")
}

// by is By from a key on.
func (p *Projection[D]) by(ctx context.Context, name, value, from string) iter.Seq2[Doc[D], error] {
	return func(yield func(Doc[D], error) bool) {
		ix, err := p.index(name)
		if err != nil {
			yield(Doc[D]{}, err)
			return
		}
		for found, err := range p.items(ctx, name, place(value, from), escape(value)+"!") {
			var doc Doc[D]
			ok := true
			if err == nil {
				doc, ok, err = p.indexed(ctx, found.generation, ix, value, keyIn(found.item.Key))
			}
			if (ok || err != nil) && !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

func (p *Projection[D]) index(name string) (index[D], error) {
	for _, ix := range p.indexes {
		if ix.name == name {
			return ix, nil
		}
	}
	return index[D]{}, fmt.Errorf("projection %s: index %q: %w: declare it with projection.Index", p.name, name, ErrNoIndex)
}

// indexed returns a document that an index had under a value, if it still has that value.
func (p *Projection[D]) indexed(ctx context.Context, g uint64, ix index[D], value, key string) (doc Doc[D], ok bool, err error) {
	item, err := p.store.Get(ctx, bucketOf(p.name, g), key)
	if err != nil {
		return doc, false, err
	}
	if item.Revision == 0 {
		there, err := p.there(ctx, g)
		if err == nil && !there {
			err = fmt.Errorf("projection %s: %w", p.name, ErrReplaced)
		}
		return doc, false, err
	}
	if doc, err = docOf[D](item); err != nil {
		return doc, false, err
	}
	values, err := valuesOf([]index[D]{ix}, key, doc.Value)
	if err != nil {
		return doc, false, err
	}
	return doc, slices.Contains(values[0], value), nil
}

// Query asks for a page of documents: those with a prefix, those of a range of keys, or those that an index has under a value.
type Query struct {
	Prefix   string // of the key
	From, To string // From <= key < To; an empty To means to the end
	Index    string // instead of the above: the index, and the value
	Value    string
	Limit    int    // documents in a page; default 100, at most 10,000
	After    string // Next of the page before; empty for the first
}

// Page is some documents in order of key, of one generation.
type Page[D any] struct {
	Docs []Doc[D]
	Next string // what Query.After is for the next page; empty when this is the last one
}

const (
	defaultLimit = 100
	maxLimit     = 10_000
)

// Page returns a page of documents. Each page shows the documents as they are when it is read, so that one that is added or removed
// between two pages is seen or not, and no other document is seen twice or missed.
func (p *Projection[D]) Page(ctx context.Context, q Query) (Page[D], error) {
	from, err := q.start()
	if err != nil {
		return Page[D]{}, fmt.Errorf("projection %s: %w", p.name, err)
	}
	docs := p.by(ctx, q.Index, q.Value, from)
	if q.Index == "" {
		docs = p.All(ctx, max(from, q.From, q.Prefix), q.end())
	}
	limit := min(q.Limit, maxLimit)
	if limit == 0 {
		limit = defaultLimit
	}
	var page Page[D]
	for doc, err := range docs {
		if err != nil {
			return Page[D]{}, err
		}
		if from != "" && doc.Key <= from {
			continue
		}
		if len(page.Docs) == limit {
			page.Next = q.cursor(page.Docs[limit-1].Key)
			break
		}
		page.Docs = append(page.Docs, doc)
	}
	return page, nil
}

// start returns the key after which the page begins; empty for the first.
func (q *Query) start() (from string, err error) {
	switch {
	case q.Limit < 0:
		return "", event.Invalid("Limit", "is negative")
	case q.Index != "" && (q.Prefix != "" || q.From != "" || q.To != ""):
		return "", event.Invalid("Index", "stands alone, without Prefix, From and To")
	case q.Index == "" && q.Value != "":
		return "", event.Invalid("Value", "needs an Index")
	case q.After == "":
		return "", nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Key == "" || c.Of != q.digest() {
		return "", event.Invalid("After", "is not what Next was for this query")
	}
	return c.Key, nil
}

type cursor struct {
	Key string `json:"key"`
	Of  string `json:"of"` // which query it belongs to
}

func (q *Query) cursor(key string) string {
	raw, _ := json.Marshal(cursor{key, q.digest()}) // strings can always be encoded
	return base64.RawURLEncoding.EncodeToString(raw)
}

// digest tells queries for different documents apart.
func (q *Query) digest() string {
	text, _ := json.Marshal([]string{q.Prefix, q.From, q.To, q.Index, q.Value})
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:8])
}

func (q *Query) end() string {
	end := after(q.Prefix)
	if q.To != "" && (end == "" || q.To < end) {
		return q.To
	}
	return end
}

// after returns the end of the range of keys that begin with prefix.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}

// item is what was found, and in which generation.
type item struct {
	generation uint64
	item       store.Item
}

// items yields the items of the live generation's documents, or of one of its indexes. It begins anew when the generation was removed
// before the first item came.
func (p *Projection[D]) items(ctx context.Context, index, from, to string) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for {
			g, err := p.current(ctx)
			if err == nil && index != "" && !slices.Contains(g.Indexes, index) {
				err = fmt.Errorf("projection %s: index %q: %w: a rebuild adds it", p.name, index, ErrNoIndex)
			}
			if err != nil {
				yield(item{}, err)
				return
			}
			if p.itemsOf(ctx, g, index, from, to, yield) {
				return
			}
		}
	}
}

// itemsOf reports whether the iteration is over.
func (p *Projection[D]) itemsOf(ctx context.Context, g generation, index, from, to string, yield func(item, error) bool) bool {
	bucket := bucketOf(p.name, g.Number)
	if index != "" {
		bucket = indexBucket(bucket, index)
	}
	checked := false
	for found, err := range p.store.List(ctx, bucket, from, to) {
		if !checked && err == nil {
			checked = true
			there, err := p.there(ctx, g.Number)
			if err == nil && !there {
				return false
			}
			if err != nil {
				yield(item{}, err)
				return true
			}
		}
		if !yield(item{g.Number, found}, err) || err != nil {
			return true
		}
	}
	if checked {
		return true
	}
	there, err := p.there(ctx, g.Number)
	if err != nil {
		yield(item{}, err)
	}
	return there || err != nil
}

// current returns the live generation.
func (p *Projection[D]) current(ctx context.Context) (generation, error) {
	if p.cfg.Inline {
		found, err := p.loadInline(ctx)
		return found.Live, err
	}
	s, err := loadState(ctx, p.store, p.name)
	if err != nil {
		return generation{}, err
	}
	if s == nil {
		s = p.firstState()
	}
	return s.Live, nil
}

// there reports whether the documents of a generation are kept: it is the live one, or was until the last switch.
func (p *Projection[D]) there(ctx context.Context, number uint64) (bool, error) {
	g, err := p.current(ctx)
	if err != nil || g.Number == number {
		return err == nil, err
	}
	s, err := loadState(ctx, p.store, p.name)
	if err != nil {
		return false, err
	}
	return s != nil && s.Previous != nil && s.Previous.Number == number, nil
}
