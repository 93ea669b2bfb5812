package projection

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// View is a read model that was computed when it was asked for, and is kept nowhere else. Its methods may be called at the same time.
type View[D any] struct {
	projection *Projection[D]
	position   store.Position
	docs       map[string]Doc[D]
	keys       []string // in order
}

// Now computes the documents from the events, up to the newest: a read model that needs neither Run nor items. Only events that match
// one of the filters are applied, if there are any: those of one stream, say. The documents are held in memory. Handlers are called
// once for each event, with Replaying; the first error is returned, in a *consumer.HaltError that names the event.
func (p *Projection[D]) Now(ctx context.Context, filters ...store.Filter) (*View[D], error) {
	head, err := p.store.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("view of projection %s: %w", p.name, err)
	}
	return p.At(ctx, head, filters...)
}

// At is Now as of a position: with the events up to it, and with it.
func (p *Projection[D]) At(ctx context.Context, position store.Position, filters ...store.Filter) (*View[D], error) {
	return p.view(ctx, position, func(*event.Record) bool { return false }, filters)
}

// AsOf is Now as of a time: with the events before the first one that is later than t.
func (p *Projection[D]) AsOf(ctx context.Context, t time.Time, filters ...store.Filter) (*View[D], error) {
	head, err := p.store.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("view of projection %s: %w", p.name, err)
	}
	return p.view(ctx, head, func(r *event.Record) bool { return r.Time.After(t) }, filters)
}

func (p *Projection[D]) view(ctx context.Context, upTo store.Position, past func(*event.Record) bool, filters []store.Filter) (*View[D], error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	docs := newDocs[D](nil, "", nil, 0)
	reached, err := p.replay(ctx, docs, upTo, past, filters)
	if err != nil {
		if isHalt(err) {
			return nil, err
		}
		return nil, fmt.Errorf("view of projection %s: %w", p.name, err)
	}
	v := &View[D]{projection: p, position: reached, docs: map[string]Doc[D]{}}
	for key, e := range docs.entries {
		if !e.exists {
			continue
		}
		if err := e.encode(key); err != nil {
			return nil, fmt.Errorf("view of projection %s: %w", p.name, err)
		}
		v.docs[key] = Doc[D]{Key: key, JSON: e.encoded}
	}
	v.keys = slices.Sorted(maps.Keys(v.docs))
	return v, nil
}

// replay applies events until one is past, and returns up to which position.
func (p *Projection[D]) replay(
	ctx context.Context, docs *Docs[D], upTo store.Position, past func(*event.Record) bool, filters []store.Filter,
) (reached store.Position, err error) {
	ctxs := newContexts(ctx, upTo)
	s := span{head: upTo, size: bulk, only: filters}
	for b, err := range p.handlers.batches(ctx, p.store, s) {
		if err != nil {
			return 0, err
		}
		for i := range b.size {
			part, at := b.at(i)
			r := &part.records[at]
			if past(r) {
				return r.Position - 1, nil
			}
			if err := p.handlers.apply(ctxs.of(r), docs, part, at); err != nil {
				return 0, &consumer.HaltError{Consumer: p.label(), Record: *r, Attempts: 1, Err: err}
			}
		}
	}
	return upTo, ctx.Err()
}

// Position returns up to which position events were applied.
func (v *View[D]) Position() store.Position { return v.position }

// Get returns a document; ok is false when there is none.
func (v *View[D]) Get(key string) (doc D, ok bool, err error) {
	found, ok := v.docs[key]
	if !ok {
		return doc, false, nil
	}
	doc, err = decodeDoc[D](key, found.JSON)
	return doc, err == nil, err
}

// All yields the documents with from <= key < to, in order of key. An empty to means to the end.
func (v *View[D]) All(from, to string) iter.Seq2[Doc[D], error] {
	return func(yield func(Doc[D], error) bool) {
		begin, _ := slices.BinarySearch(v.keys, from)
		for _, key := range v.keys[begin:] {
			if to != "" && key >= to {
				return
			}
			if !v.yield(key, yield) {
				return
			}
		}
	}
}

// Prefix yields the documents whose key begins with prefix, in order of key.
func (v *View[D]) Prefix(prefix string) iter.Seq2[Doc[D], error] { return v.All(prefix, after(prefix)) }

// By yields the documents that an index of the projection has under a value, in order of key.
func (v *View[D]) By(name, value string) iter.Seq2[Doc[D], error] {
	return func(yield func(Doc[D], error) bool) {
		ix, err := v.projection.index(name)
		if err != nil {
			yield(Doc[D]{}, err)
			return
		}
		for doc, err := range v.All("", "") {
			if err == nil {
				var values [][]string
				if values, err = valuesOf([]index[D]{ix}, doc.Key, doc.Value); err == nil && !slices.Contains(values[0], value) {
					continue
				}
			}
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

func (v *View[D]) yield(key string, yield func(Doc[D], error) bool) bool {
	doc := v.docs[key]
	var err error
	doc.Value, err = decodeDoc[D](key, doc.JSON)
	return yield(doc, err) && err == nil
}
