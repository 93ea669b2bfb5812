package filelog

import (
	"context"
	"iter"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// Streams yields the streams whose name begins with prefix, in order of name, as they stood when the iteration began.
func (l *Log) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	return func(yield func(store.StreamInfo, error) bool) {
		l.mu.Lock() // to clone changes the tree, though nobody sees it
		names, head := l.index.names.Clone(), l.visible.head
		l.mu.Unlock()
		stopped := false
		names.AscendGreaterOrEqual(&stream{name: prefix}, func(s *stream) bool {
			if !strings.HasPrefix(s.name, prefix) || l.usable(ctx) != nil {
				return false
			}
			if info := l.describe(s, head); info.Revision > 0 {
				stopped = !yield(info, nil)
			}
			return !stopped
		})
		if err := l.usable(ctx); err != nil && !stopped {
			yield(store.StreamInfo{}, err)
		}
	}
}

// describe tells of the stream as it stood at head.
func (l *Log) describe(s *stream, head store.Position) store.StreamInfo {
	l.mu.RLock()
	at := s.at
	l.mu.RUnlock()
	at = at[:at.upTo(head)]
	if len(at) == 0 {
		return store.StreamInfo{}
	}
	return store.StreamInfo{Name: s.name, Revision: uint64(len(at)), First: at[0], Last: at[len(at)-1]}
}

// Stats counts. Bytes are those of the segments.
func (l *Log) Stats(ctx context.Context) (store.Stats, error) {
	if err := l.usable(ctx); err != nil {
		return store.Stats{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	stats := store.Stats{
		Events:  uint64(l.visible.head),
		Streams: uint64(l.visible.streams),
		Items:   uint64(l.items.tree.Len()),
		Bytes:   uint64(l.visible.bytes),
		Head:    l.visible.head,
		Types:   map[string]uint64{},
	}
	for name, at := range l.index.types {
		if n := at.upTo(l.visible.head); n > 0 {
			stats.Types[name] = uint64(n)
		}
	}
	return stats, nil
}
