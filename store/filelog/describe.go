package filelog

import (
	"context"
	"iter"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// Streams yields the streams whose name begins with prefix, in order of name, as they stood when the iteration began.
func (l *Log) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	return func(yield func(store.StreamInfo, error) bool) {
		if err := l.usable(ctx); err != nil {
			yield(store.StreamInfo{}, err)
			return
		}
		v, err := l.view()
		if err != nil {
			yield(store.StreamInfo{}, err)
			return
		}
		defer v.close()
		names, err := v.names(prefix)
		if err != nil {
			yield(store.StreamInfo{}, err)
			return
		}
		for {
			info, ok, err := v.nextStream(names)
			if err == nil {
				err = l.usable(ctx)
			}
			if err != nil {
				yield(store.StreamInfo{}, err)
			}
			if err != nil || !ok || !yield(info, nil) {
				return
			}
		}
	}
}

// names begins with the names that begin so.
func (v *view) names(prefix string) (names *nameMerge, err error) {
	err = wrapDamage(index.Try(func() error {
		names = v.finder.shape.names(prefix)
		return nil
	}))
	return names, err
}

// nextStream returns the next stream that exists; ok is false when there is none.
func (v *view) nextStream(names *nameMerge) (info store.StreamInfo, ok bool, err error) {
	err = wrapDamage(index.Try(func() error {
		var name string
		for name, ok = names.next(); ok; name, ok = names.next() {
			if info, err = v.describe(name); err != nil || info.Revision > 0 {
				return err
			}
		}
		return nil
	}))
	return info, ok, err
}

// Stats counts. Bytes are those of the segments, of the index and of the items.
func (l *Log) Stats(ctx context.Context) (store.Stats, error) {
	if err := l.usable(ctx); err != nil {
		return store.Stats{}, err
	}
	v, err := l.view()
	if err != nil {
		return store.Stats{}, err
	}
	defer v.close()
	stats := store.Stats{Events: uint64(v.head), Head: v.head, Types: map[string]uint64{}}
	err = wrapDamage(index.Try(func() error {
		count := func(name string, n uint64) { stats.Types[name] += n }
		for _, r := range v.finder.shape.runs {
			stats.Streams += r.Begun()
			stats.Bytes += uint64(r.Size())
			r.Types(count)
		}
		for _, t := range v.finder.shape.tables {
			stats.Streams += t.Begun(v.head)
			t.Types(v.head, count)
		}
		for _, s := range v.finder.shape.segments {
			stats.Bytes += uint64(s.size)
		}
		stats.Bytes += uint64(v.limit)
		gone, err := v.forgotten()
		stats.Streams -= gone
		return err
	}))
	l.mu.RLock()
	stats.EventsPerSecond, stats.BytesPerSecond = l.rate.PerSecond(l.sys.now())
	l.mu.RUnlock()
	items := l.lockedItems()
	defer items.close()
	if items != nil {
		stats.Items, stats.Bytes = v.kept.mark.Items, stats.Bytes+items.table.Bytes()
	}
	return stats, err
}
