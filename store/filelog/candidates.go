package filelog

import (
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// candidates returns positions up to head among which is every match of the query.
func (x *index) candidates(q *store.Query, head store.Position) walker {
	w := walker{backward: q.Backward, from: min(q.After, head) + 1, to: head}
	if q.Before > 0 {
		w.to = min(w.to, q.Before-1)
	}
	for i := range q.Any {
		lists, ok := x.lists(&q.Any[i], w.from, w.to)
		if !ok || len(w.lists)+len(lists) > maxLists {
			w.lists = nil
			return w
		}
		w.lists = append(w.lists, lists...)
	}
	w.listed = len(q.Any) > 0
	return w
}

// maxLists is how many lists are merged at most; beyond it, all records of the range are looked at.
const maxLists = 64

// lists returns lists of positions from from to to that together hold every match of the filter; ok is false when looking at the
// whole range is no more work. Of several sets of lists that would do, it takes the shortest.
func (x *index) lists(f *store.Filter, from, to store.Position) (best []positions, ok bool) {
	if to < from {
		return nil, true
	}
	shortest := int(to - from + 1)
	offer := func(lists ...positions) {
		n := 0
		for i, list := range lists {
			lists[i] = list[list.upTo(from-1):list.upTo(to)]
			n += len(lists[i])
		}
		if n < shortest {
			best, shortest, ok = lists, n, true
		}
	}
	if !f.ID.IsZero() {
		offer(x.withID(f))
	}
	if f.Stream != "" {
		offer(x.inStream(f))
	}
	if f.StreamPrefix != "" {
		if lists, few := x.withPrefix(f.StreamPrefix); few {
			offer(lists...)
		}
	}
	for _, tag := range f.Tags {
		offer(x.tags[tag].list())
	}
	if !f.Correlation.IsZero() {
		offer(x.correlations[f.Correlation].list())
	}
	if len(f.Types) > 0 {
		offer(x.ofTypes(f.Types)...)
	}
	return best, ok
}

func (x *index) withID(f *store.Filter) positions {
	if p := x.ids[f.ID]; p > 0 {
		return positions{p}
	}
	return nil
}

func (x *index) inStream(f *store.Filter) positions {
	s := x.streams[f.Stream]
	if s == nil {
		return nil
	}
	return s.at[min(f.AfterRevision, s.revision()):]
}

// withPrefix returns the lists of the streams whose name begins so, if they are few.
func (x *index) withPrefix(prefix string) (lists []positions, few bool) {
	x.names.AscendGreaterOrEqual(&stream{name: prefix}, func(s *stream) bool {
		if !strings.HasPrefix(s.name, prefix) {
			return false
		}
		lists = append(lists, s.at)
		return len(lists) <= maxLists
	})
	return lists, len(lists) <= maxLists
}

func (x *index) ofTypes(types []string) (lists []positions) {
	for _, name := range types {
		lists = append(lists, x.types[name].list())
	}
	return lists
}

// walker goes through the union of lists, or through a range, in order and without repeats.
type walker struct {
	backward bool
	listed   bool
	lists    []positions
	from, to store.Position // the range
}

func (w *walker) next() (p store.Position, ok bool) {
	if !w.listed {
		return w.nextOfRange()
	}
	for _, list := range w.lists {
		if len(list) == 0 {
			continue
		}
		if edge := w.edge(list); !ok || edge != p && (edge < p) != w.backward {
			p, ok = edge, true
		}
	}
	for i, list := range w.lists {
		if len(list) > 0 && w.edge(list) == p {
			w.lists[i] = w.rest(list)
		}
	}
	return p, ok
}

func (w *walker) nextOfRange() (p store.Position, ok bool) {
	switch {
	case w.from > w.to:
		return 0, false
	case w.backward:
		w.to--
		return w.to + 1, true
	default:
		w.from++
		return w.from - 1, true
	}
}

func (w *walker) edge(list positions) store.Position {
	if w.backward {
		return list[len(list)-1]
	}
	return list[0]
}

func (w *walker) rest(list positions) positions {
	if w.backward {
		return list[:len(list)-1]
	}
	return list[1:]
}
