package topic

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// Set holds values under patterns and finds all those whose pattern matches a topic. The zero Set is empty and
// ready to use. Its methods may be called at the same time from anywhere. A Set must not be copied.
//
// Patterns of one layout, that is, with literals, "*" and "**" in the same places, share a hash table. A match looks
// once into the table of every layout that the topic is long enough for, so its cost grows with the number of
// layouts (a hundred are few), hardly with that of patterns. Patterns with several "**" are found by what stands outside of
// the first and the last "**" and by the literal after the first; those alike in all of this are compared one by one.
//
// A topic that is asked for again and again is answered from memory until the set changes. This holds for up
// to 8,192 topics, each with up to 64 matches.
type Set[V any] struct {
	count   atomic.Int64
	recent  atomic.Pointer[recent[V]] // nil until the first change, and while one is being made
	index   index[V]
	finders sync.Pool // of *finder[V]

	writer sync.Mutex // guards what follows, and all that is said to be the writer's
	added  uint64
	epoch  uint32
	sights *sights
}

// Add puts v under p. Each addition counts by itself, also of a pattern that is there already. The zero Pattern
// matches nothing and is not added.
//
// remove undoes this addition; calling it once more does nothing. A match that runs meanwhile may still find v.
// Drop remove after use: it holds on to v.
func (s *Set[V]) Add(p Pattern, v V) (remove func()) {
	if p == (Pattern{}) {
		return func() {}
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	s.added++
	e := &entry[V]{pattern: p, value: v, added: s.added}
	s.change(func() {
		s.index.add(e)
		s.count.Add(1)
	})
	return func() { s.remove(e) }
}

func (s *Set[V]) remove(e *entry[V]) {
	s.writer.Lock()
	defer s.writer.Unlock()
	if e.removed() {
		return
	}
	s.change(func() {
		s.count.Add(-1)
		s.index.remove(e)
	})
}

// change makes one change. All answers kept are forgotten before it, and none is kept or given from memory during it:
// once a reader has seen the change, no later one misses it.
func (s *Set[V]) change(apply func()) {
	if s.sights == nil {
		s.sights = new(sights)
	}
	s.epoch++
	s.recent.Store(nil)
	apply()
	s.recent.Store(&recent[V]{sights: s.sights, epoch: s.epoch})
}

// Len returns how many additions the set holds.
func (s *Set[V]) Len() int { return int(s.count.Load()) }

// AppendMatches appends to dst the values whose pattern matches topic, in order of addition, and returns the extended slice.
func (s *Set[V]) AppendMatches(dst []V, topic string) []V {
	if s.count.Load() == 0 || len(topic) > MaxLen {
		return dst
	}
	hash := maphash.String(seed, topic)
	answers := s.recent.Load() // before the search: what is kept in them is forgotten with the next change
	if answers == nil {
		return s.appendFound(dst, topic)
	}
	if a := answers.find(hash, topic); a != nil {
		return append(dst, a.values...)
	}
	keep := answers.again(hash)
	extended := s.appendFound(dst, topic)
	if keep {
		answers.keep(hash, topic, extended[len(dst):])
	}
	return extended
}

func (s *Set[V]) appendFound(dst []V, topic string) []V {
	f, ok := s.finders.Get().(*finder[V])
	if !ok {
		f = newFinder[V]()
	}
	for _, e := range f.search(&s.index, topic) {
		dst = append(dst, e.value)
	}
	f.forget()
	s.finders.Put(f)
	return dst
}
