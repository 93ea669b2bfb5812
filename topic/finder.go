package topic

import (
	"cmp"
	"slices"
)

// finder searches an index. It can be used again and then allocates nothing.
type finder[V any] struct {
	hashes  [MaxLen + 1]uint64 // of the topic's segments
	chains  []*entry[V]        // those with the right keys
	found   []*entry[V]        // those that match
	fetched byte
}

func newFinder[V any]() *finder[V] {
	const usual = 16
	return &finder[V]{chains: make([]*entry[V], 0, usual), found: make([]*entry[V], 0, usual)}
}

// search returns the entries that match topic, in order of addition, until the next search.
func (f *finder[V]) search(x *index[V], topic string) []*entry[V] {
	f.chains = x.chains(f.chains[:0], hashSegments(f.hashes[:0], topic))
	f.fetch()
	f.found = f.found[:0]
	for _, newest := range f.chains {
		f.compare(newest, topic)
	}
	slices.SortFunc(f.found, func(a, b *entry[V]) int { return cmp.Compare(a.added, b.added) })
	return f.found
}

// fetch reads a byte of each pattern that compare will need. These reads do not depend on each other, so the
// processor waits for all that are not in its cache at once, and not for one after the other.
func (f *finder[V]) fetch() {
	for _, e := range f.chains {
		f.fetched ^= e.pattern.text[0]
	}
}

// compare adds the entries of a chain that match topic to what was found.
func (f *finder[V]) compare(newest *entry[V], topic string) {
	var last Pattern // in a chain it is mostly the same pattern again
	matches := false
	for e := newest; e != nil; e = e.older.Load() {
		if e.pattern != last {
			last, matches = e.pattern, e.pattern.Match(topic)
		}
		if matches {
			f.found = append(f.found, e)
		}
	}
}

// forget drops what was found, so that the memory of removed entries can go.
func (f *finder[V]) forget() {
	clear(f.chains)
	clear(f.found)
}
