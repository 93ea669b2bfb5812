package memory

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// Streams yields the streams whose name begins with prefix, in order of name, as they stood when the iteration began.
func (m *Memory) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	return func(yield func(store.StreamInfo, error) bool) {
		for _, info := range m.streams(prefix) {
			if err := m.usable(ctx); err != nil {
				yield(store.StreamInfo{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := m.usable(ctx); err != nil {
			yield(store.StreamInfo{}, err)
		}
	}
}

func (m *Memory) streams(prefix string) (infos []store.StreamInfo) {
	m.mu.RLock()
	for name, at := range m.log.byStream {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, store.StreamInfo{Name: name, Revision: uint64(len(at)), First: at[0], Last: at[len(at)-1]})
		}
	}
	m.mu.RUnlock()
	slices.SortFunc(infos, func(a, b store.StreamInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// Stats counts. Bytes are those of the events' data and the items' values.
func (m *Memory) Stats(ctx context.Context) (store.Stats, error) {
	if err := m.usable(ctx); err != nil {
		return store.Stats{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := store.Stats{
		Events:  uint64(len(m.log.records)),
		Streams: uint64(len(m.log.byStream)),
		Bytes:   m.log.bytes,
		Head:    m.log.head(),
		Types:   make(map[string]uint64, len(m.log.byType)),
	}
	for name, at := range m.log.byType {
		s.Types[name] = uint64(len(at))
	}
	for _, root := range m.items {
		s.Items += uint64(root.count())
		for item := range root.between("", "") {
			s.Bytes += uint64(len(item.Value))
		}
	}
	return s, nil
}
