package projection

import (
	"context"
	"slices"
)

// sample is how many documents are compared with their indexes when a run begins to work.
const sample = 1000

// doubtIndexes takes indexes out of the live generation whose function seems to have changed, so that they are built anew.
func (w *work[D]) doubtIndexes(ctx context.Context) error {
	g := w.state.Live
	if w.sampled || w.cfg.Inline || g.Version != w.cfg.Version || len(g.Indexes) == 0 {
		return nil
	}
	changed, err := w.changedIndexes(ctx)
	if err != nil {
		return err
	}
	w.sampled = true
	if len(changed) == 0 {
		return nil
	}
	w.cfg.Logger.Warn("projection's index has another function than it was built with, and is built anew; "+
		"until then queries by it return an error. Give it another name, or raise the version", "projection", w.name, "indexes", changed)
	s := w.state.clone()
	g.Stale = slices.Concat(g.Stale, changed)
	g.Indexes = slices.DeleteFunc(slices.Clone(g.Indexes), func(name string) bool { return slices.Contains(changed, name) })
	s.Live = g
	s.begin(generation{Version: w.cfg.Version, Indexes: w.indexNames(), ByHand: w.cfg.ByHand})
	delete(w.docs, g.Number)
	return w.save(ctx, s, nil)
}

// changedIndexes returns the indexes in which a document of a sample is not where their functions want it.
func (w *work[D]) changedIndexes(ctx context.Context) (changed []string, err error) {
	docs := w.docsOf(&w.state.Live)
	n := 0
	for item, err := range w.store.List(ctx, docs.bucket, "", "") {
		if err != nil {
			return nil, err
		}
		if n++; n > sample {
			break
		}
		names, err := w.misplaced(ctx, docs, item.Key, item.Value)
		if err != nil {
			return nil, err
		}
		changed = append(changed, names...)
	}
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

// misplaced returns the indexes that do not have a document where their functions want it.
func (w *work[D]) misplaced(ctx context.Context, docs *Docs[D], key string, encoded []byte) (names []string, err error) {
	doc, err := decodeDoc[D](key, encoded)
	if err != nil {
		return nil, err
	}
	all, err := valuesOf(docs.indexes, key, doc)
	if err != nil {
		return nil, err
	}
	for i, ix := range docs.indexes {
		for _, value := range all[i] {
			found, err := w.store.Get(ctx, indexBucket(docs.bucket, ix.name), place(value, key))
			if err != nil {
				return nil, err
			}
			if found.Revision == 0 {
				names = append(names, ix.name)
				break
			}
		}
	}
	return names, nil
}
