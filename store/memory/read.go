package memory

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Read yields copies of the records that match, as the store stood when the iteration began.
func (m *Memory) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if err := q.Check(); err != nil {
			yield(event.Record{}, err)
			return
		}
		m.mu.RLock()
		found := m.log.find(q)
		m.mu.RUnlock()
		for r := range found {
			if err := m.usable(ctx); err != nil {
				yield(event.Record{}, err)
				return
			}
			if !yield(clone(r), nil) {
				return
			}
		}
		if err := m.usable(ctx); err != nil {
			yield(event.Record{}, err)
		}
	}
}

// find takes a snapshot, for which the caller holds the lock, and returns what yields the records in it that match and are
// kept. The records are the log's own: not to be changed.
func (l *eventLog) find(q store.Query) iter.Seq[*event.Record] {
	records := l.records
	at, keeps := l.candidates(&q), l.rules.at(time.Now)
	return func(yield func(*event.Record) bool) {
		left := q.Limit
		for p, ok := at.next(); ok; p, ok = at.next() {
			r := &records[p-1]
			if !store.MatchAny(q.Any, r) || keeps != nil && !keeps(r) {
				continue
			}
			if !yield(r) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// candidates returns the positions worth a look: every match is among them.
func (l *eventLog) candidates(q *store.Query) walker {
	from, to := min(q.After, l.head())+1, l.head()
	if q.Before > 0 {
		to = min(to, q.Before-1)
	}
	w := walker{backward: q.Backward}
	for i := range q.Any {
		lists, indexed := l.postings(&q.Any[i])
		if !indexed {
			return walker{backward: q.Backward, from: from, to: to}
		}
		for _, list := range lists {
			w.add(list, from, to)
		}
	}
	if len(q.Any) == 0 {
		w.from, w.to = from, to
	}
	return w
}

// postings returns lists of positions, each in order, that together hold every match of the filter; indexed is false when only
// walking them all would do. Of several lists that would do, it takes the shortest.
func (l *eventLog) postings(f *store.Filter) (lists [][]store.Position, indexed bool) {
	if !f.ID.IsZero() {
		if p := l.ids[f.ID]; p > 0 {
			lists = [][]store.Position{{p}}
		}
		return lists, true
	}
	best, length := lists, len(l.records)+1
	offer := func(lists ...[]store.Position) {
		n := 0
		for _, list := range lists {
			n += len(list)
		}
		if n < length {
			best, length, indexed = lists, n, true
		}
	}
	if f.Stream != "" {
		stream := l.byStream[f.Stream]
		after := max(f.AfterRevision, l.rules.first(f.Stream)-1)
		offer(stream[min(after, uint64(len(stream))):])
	}
	for _, tag := range f.Tags {
		offer(l.byTag[tag])
	}
	if !f.Correlation.IsZero() {
		offer(l.byCorrelation[f.Correlation])
	}
	if len(f.Types) > 0 {
		offer(l.ofTypes(f.Types)...)
	}
	return best, indexed
}

func (l *eventLog) ofTypes(types []string) (lists [][]store.Position) {
	for _, name := range types {
		lists = append(lists, l.byType[name])
	}
	return lists
}

// walker goes through the union of lists of positions, or through a range, in order and without repeats.
type walker struct {
	backward bool
	lists    [][]store.Position
	from, to store.Position // the range, when there are no lists
}

// add takes the part of the list that lies in the range.
func (w *walker) add(list []store.Position, from, to store.Position) {
	if to < from {
		return
	}
	begin, _ := slices.BinarySearch(list, from)
	end, _ := slices.BinarySearch(list, to+1)
	if begin < end {
		w.lists = append(w.lists, list[begin:end])
	}
}

func (w *walker) next() (p store.Position, ok bool) {
	if w.from > 0 {
		return w.nextOfRange()
	}
	for _, list := range w.lists {
		if len(list) == 0 {
			continue
		}
		if candidate := w.edge(list); !ok || (candidate < p) != w.backward && candidate != p {
			p, ok = candidate, true
		}
	}
	w.pass(p)
	return p, ok
}

func (w *walker) nextOfRange() (p store.Position, ok bool) {
	if w.from > w.to {
		return 0, false
	}
	if w.backward {
		w.to--
		return w.to + 1, true
	}
	w.from++
	return w.from - 1, true
}

func (w *walker) edge(list []store.Position) store.Position {
	if w.backward {
		return list[len(list)-1]
	}
	return list[0]
}

// pass drops a position from every list that has it next.
func (w *walker) pass(p store.Position) {
	for i, list := range w.lists {
		switch {
		case len(list) == 0 || w.edge(list) != p:
		case w.backward:
			w.lists[i] = list[:len(list)-1]
		default:
			w.lists[i] = list[1:]
		}
	}
}
