package projection

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// index finds documents by something else than their key.
type index[D any] struct {
	name   string
	values func(D) []string
}

// Index lets documents be found by the values that fn returns for them, with By and Page: a customer's orders, say. Call it before
// Run. It is called for each document that changed; it must depend on the document alone, and not change it. Equal values count
// once; a document without values is in no index.
//
// Which indexes a generation of documents has is kept with it. One that is added later is missing there: the next Run then rebuilds
// the documents, and until that is done queries by the index return an error that answers to ErrNoIndex. When fn changes, give
// the index another name, or raise Config.Version: what fn once returned is in the index. A run that begins to work compares the index
// with fn for the first 1,000 documents, and rebuilds them when it finds a change; it cannot find every one, and of inline
// documents none.
func Index[D any](p *Projection[D], name string, fn func(doc D) []string) {
	if err := p.checkIndex(name); err != nil {
		p.handlers.mistake(err)
		return
	}
	if fn == nil {
		p.handlers.mistake(event.Invalid("index "+name, "has no function"))
		return
	}
	p.indexes = append(p.indexes, index[D]{name, fn})
}

func (p *Projection[D]) checkIndex(name string) error {
	if err := event.CheckName("index name", name); err != nil {
		return err
	}
	if strings.Contains(name, "/") || len(name) > maxIndexName {
		return event.Invalid("index name", "%q has a slash or more than %d bytes", name, maxIndexName)
	}
	if slices.Contains(p.indexNames(), name) {
		return event.Invalid("index name", "there are two indexes called %s; give one another name", name)
	}
	return nil
}

const maxIndexName = 100

func (p *Projection[D]) indexNames() []string {
	var names []string
	for _, ix := range p.indexes {
		names = append(names, ix.name)
	}
	slices.Sort(names)
	return names
}

func indexBucket(bucket, name string) string { return bucket + "/" + name }

// valuesOf returns the values of a document by index, in order and each once.
func valuesOf[D any](indexes []index[D], key string, doc D) (all [][]string, err error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("index document %q: %w", key, err)
		}
	}()
	defer recovered(&err) // the user's function
	all = make([][]string, len(indexes))
	for i, ix := range indexes {
		values := slices.Clone(ix.values(doc))
		slices.Sort(values)
		all[i] = slices.Compact(values)
	}
	return all, nil
}

// moves returns the writes that take a document from its old places in indexes to its new ones.
func (d *Docs[D]) moves(key string, old, now [][]string) (writes []store.ItemWrite, err error) {
	for i, ix := range d.indexes {
		bucket := indexBucket(d.bucket, ix.name)
		var was, is []string
		if old != nil {
			was = old[i]
		}
		if now != nil {
			is = now[i]
		}
		for _, value := range was {
			if _, still := slices.BinarySearch(is, value); !still {
				writes = append(writes, store.Delete(bucket, place(value, key)))
			}
		}
		for _, value := range is {
			if _, already := slices.BinarySearch(was, value); already {
				continue
			}
			if err := checkPlace(ix.name, value, key); err != nil {
				return nil, err
			}
			writes = append(writes, store.Put(bucket, place(value, key), nil))
		}
	}
	return writes, nil
}

// place is the key of the item that stands for a document in an index. Places are in order of value, then of the document's key.
func place(value, key string) string { return escape(value) + " " + key }

// escape returns the value without the space that ends it in a place, and without what no key may have. It keeps the order of
// values, but for the control characters from DEL on.
func escape(value string) string {
	if !strings.ContainsFunc(value, func(r rune) bool { return r <= '!' || unicode.IsControl(r) }) {
		return value
	}
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == ' ':
			b.WriteString("!0")
		case r == '!':
			b.WriteString("!1")
		case unicode.IsControl(r):
			fmt.Fprintf(&b, "!#%02x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// keyIn returns the document's key from a place.
func keyIn(place string) string {
	_, key, _ := strings.Cut(place, " ")
	return key
}

func checkPlace(name, value, key string) error {
	if !utf8.ValidString(value) {
		return event.Invalid("index "+name, "has a value that is not UTF-8: %q", value)
	}
	if n := len(place(value, key)); n > maxKey {
		return event.Invalid("index "+name, "has a value that takes, with the document's key, %d bytes; the limit is %d", n, maxKey)
	}
	return nil
}
