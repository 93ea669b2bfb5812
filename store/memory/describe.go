package memory

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
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
	keeps := m.log.rules.at(time.Now)
	for name := range m.log.byStream {
		if strings.HasPrefix(name, prefix) && m.log.seen(name) > 0 {
			infos = append(infos, m.log.describe(name, keeps))
		}
	}
	m.mu.RUnlock()
	slices.SortFunc(infos, func(a, b store.StreamInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// describe tells of a stream that exists. Either end of it may be gone, the newest events too, since their times may be older.
func (l *eventLog) describe(name string, keeps func(*event.Record) bool) store.StreamInfo {
	info := store.StreamInfo{Name: name, Revision: l.seen(name)}
	gone := func(p store.Position) bool { return keeps != nil && !keeps(&l.records[p-1]) }
	at := l.byStream[name]
	for len(at) > 0 && gone(at[len(at)-1]) {
		at = at[:len(at)-1]
	}
	if len(at) == 0 {
		return info
	}
	info.Last = at[len(at)-1]
	for gone(at[0]) {
		at = at[1:]
	}
	info.First = at[0]
	return info
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
		Streams: uint64(len(m.log.byStream)) - m.log.rules.gone(),
		Bytes:   m.log.bytes,
		Head:    m.log.head(),
		Types:   make(map[string]uint64, len(m.log.byType)),
	}
	s.EventsPerSecond, s.BytesPerSecond = m.rate.PerSecond(time.Now())
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
