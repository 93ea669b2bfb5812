package filelog

import (
	"math"
	"strings"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// finder looks for positions in a shape as it stood at a head.
type finder struct {
	hasher index.Hasher
	shape  *shape
	head   store.Position
}

// candidates returns positions up to the head among which is every match of the query.
func (f *finder) candidates(q *store.Query) walker {
	w := walker{backward: q.Backward, from: min(q.After, f.head) + 1, to: f.head}
	if q.Before > 0 {
		w.to = min(w.to, q.Before-1)
	}
	if w.to < w.from {
		return walker{listed: true}
	}
	for i := range q.Any {
		lists, ok := f.lists(&q.Any[i], w.from, w.to)
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

// choice is lists that hold every match of a filter, and about how long they are.
type choice struct {
	length func() int
	lists  func() []index.Postings
}

// lists returns lists of positions from from to to that together hold every match of the filter; ok is false when looking at the
// whole range is no more work. Of several sets of lists that would do, it takes the shortest.
func (f *finder) lists(filter *store.Filter, from, to store.Position) (best []index.Postings, ok bool) {
	choices, records := f.choices(filter, from, to), uint64(to-from+1)
	if len(choices) == 0 || records == 1 {
		return nil, false
	}
	n := 0
	for _, list := range shortest(choices).lists() {
		if n += list.Count(); list.Count() > 0 {
			best = append(best, list)
		}
	}
	return best, uint64(n) < records
}

// shortest returns the choice with the shortest lists. How long an only one is need not be known.
func shortest(choices []choice) choice {
	if len(choices) == 1 {
		return choices[0]
	}
	best, least := 0, math.MaxInt
	for i := range choices {
		if n := choices[i].length(); n < least {
			best, least = i, n
		}
	}
	return choices[best]
}

func (f *finder) choices(filter *store.Filter, from, to store.Position) (all []choice) {
	if !filter.ID.IsZero() {
		return []choice{f.keyed(from, to, f.hasher.ID(filter.ID))} // nothing is shorter
	}
	if filter.Stream != "" {
		all = append(all, f.ofStream(filter, from, to))
	}
	for _, tag := range filter.Tags {
		all = append(all, f.keyed(from, to, f.hasher.Tag(tag)))
	}
	if !filter.Correlation.IsZero() { // the first event of a correlation is found by its id
		all = append(all, f.keyed(from, to, f.hasher.Correlation(filter.Correlation), f.hasher.ID(filter.Correlation)))
	}
	if len(filter.Types) > 0 && len(filter.Types) <= maxLists {
		var keys []index.Key
		for _, name := range filter.Types {
			keys = append(keys, f.hasher.Type(name))
		}
		all = append(all, f.keyed(from, to, keys...))
	}
	if filter.StreamPrefix != "" && filter.Stream == "" {
		if c, few := f.withPrefix(filter.StreamPrefix, from, to); few {
			all = append(all, c)
		}
	}
	return all
}

func (f *finder) keyed(from, to store.Position, keys ...index.Key) choice {
	return choice{
		length: func() int { return f.count(keys, from, to) },
		lists: func() (lists []index.Postings) {
			for i := range keys {
				lists = append(lists, f.shape.postings(&keys[i], from, to))
			}
			return lists
		},
	}
}

func (f *finder) count(keys []index.Key, from, to store.Position) (n int) {
	for i := range keys {
		n += f.shape.count(&keys[i], from, to)
	}
	return n
}

func (f *finder) ofStream(filter *store.Filter, from, to store.Position) choice {
	k, after := f.hasher.Stream(filter.Stream), filter.AfterRevision
	return choice{
		length: func() int { return f.shape.count(&k, from, to) },
		lists:  func() []index.Postings { return []index.Postings{f.shape.stream(&k, after, from, to)} },
	}
}

// withPrefix returns the lists of the streams whose name begins so, if they are few.
func (f *finder) withPrefix(prefix string, from, to store.Position) (c choice, few bool) {
	var keys []index.Key
	names := f.shape.names(prefix)
	for name, ok := names.next(); ok; name, ok = names.next() {
		if len(keys) == maxLists {
			return choice{}, false
		}
		keys = append(keys, f.hasher.Stream(name))
	}
	c.length = func() int { return f.count(keys, from, to) }
	c.lists = func() (lists []index.Postings) {
		for i := range keys {
			lists = append(lists, f.shape.stream(&keys[i], 0, from, to))
		}
		return lists
	}
	return c, true
}

// nameMerge is the names of streams in order, each once.
type nameMerge struct{ all []*nameCursor }

// names returns the names of the streams that begin so.
func (s *shape) names(prefix string) *nameMerge {
	m := &nameMerge{}
	for _, r := range s.runs {
		m.all = append(m.all, ofRun(r.Run, prefix))
	}
	for _, t := range s.tables {
		m.all = append(m.all, ofTable(t.Names(prefix)))
	}
	return m
}

func (m *nameMerge) next() (name string, ok bool) {
	for _, c := range m.all {
		if c.ok && (!ok || c.name < name) {
			name, ok = c.name, true
		}
	}
	for _, c := range m.all {
		if c.ok && c.name == name {
			c.advance()
		}
	}
	return name, ok
}

// nameCursor is a sequence of names, and the one that is next.
type nameCursor struct {
	name string
	ok   bool
	next func() (string, bool)
}

func (c *nameCursor) advance() { c.name, c.ok = c.next() }

func ofTable(names []string) *nameCursor {
	c := &nameCursor{next: func() (name string, ok bool) {
		if len(names) == 0 {
			return "", false
		}
		name, names = names[0], names[1:]
		return name, true
	}}
	c.advance()
	return c
}

func ofRun(r *index.Run, prefix string) *nameCursor {
	i := r.NameFrom(prefix)
	c := &nameCursor{next: func() (string, bool) {
		name, ok := r.Name(i)
		i++
		return name, ok && strings.HasPrefix(name, prefix)
	}}
	c.advance()
	return c
}

// walker goes through the union of lists, or through a range, in order and without repeats.
type walker struct {
	backward bool
	listed   bool
	lists    []index.Postings
	from, to store.Position // the range
}

func (w *walker) next() (p store.Position, ok bool) {
	switch {
	case !w.listed:
		return w.nextOfRange()
	case len(w.lists) == 1:
		if list := &w.lists[0]; list.Count() > 0 {
			p, ok = w.edge(list), true
			w.drop(list)
		}
		return p, ok
	}
	for i := range w.lists {
		list := &w.lists[i]
		if list.Count() == 0 {
			continue
		}
		if edge := w.edge(list); !ok || edge != p && (edge < p) != w.backward {
			p, ok = edge, true
		}
	}
	for i := range w.lists {
		if list := &w.lists[i]; list.Count() > 0 && w.edge(list) == p {
			w.drop(list)
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

func (w *walker) edge(list *index.Postings) store.Position {
	if w.backward {
		return list.Last()
	}
	return list.First()
}

func (w *walker) drop(list *index.Postings) {
	if w.backward {
		list.DropLast()
	} else {
		list.DropFirst()
	}
}
