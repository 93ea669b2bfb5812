package index

import (
	"cmp"
	"math"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// source is what a run is written from. It is gone through twice: to count, and to write.
type source interface {
	facts() facts
	entries() next[*entry]       // in order; each is good until the next
	names() next[[]byte]         // of the streams, in order, each once
	typeCounts() next[typeCount] // in order of name
}

// next returns one value after the other; ok is false at the end.
type next[T any] func() (value T, ok bool)

// facts are what is known of all records in a run.
type facts struct {
	base, end        event.Position
	earliest, latest uint64
	items            uint64
	level            uint64 // one more than that of the runs it was merged from; 0 of a table
}

// entry is a key in a run and where it is found.
type entry struct {
	hash   uint64
	stream bool
	mark   uint64 // of a stream
	before uint64 // of a stream
	begins bool   // of a stream: it is in no run before
	at     Postings
}

// add adds what a later run has of the key. Where it begins with a later revision than this ends with, records between are gone: those
// before count as if they came as much later, as in a table.
func (e *entry) add(more *entry) {
	if end := e.before + uint64(e.at.count); e.stream && more.before > end {
		e.before += more.before - end
	}
	e.at.Add(more.at)
}

type typeCount struct {
	name []byte
	n    uint64
}

func (e *entry) compare(f *entry) int {
	return cmp.Or(cmp.Compare(e.hash, f.hash), compareBool(e.stream, f.stream), cmp.Compare(e.mark, f.mark))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// frozen is a table to which nothing is added any more, as a source.
type frozen struct {
	*Table
	keys []frozenKey
}

type frozenKey struct {
	hash   uint64
	stream *stream // nil when it is something else
	list   list
}

func (k *frozenKey) compare(other *frozenKey) int {
	return cmp.Or(cmp.Compare(k.hash, other.hash), compareBool(k.stream != nil, other.stream != nil), cmp.Compare(k.mark(), other.mark()))
}

func (k *frozenKey) mark() uint64 {
	if k.stream == nil {
		return 0
	}
	return k.stream.mark
}

func freeze(t *Table) *frozen {
	f := &frozen{Table: t, keys: make([]frozenKey, 0, t.used+len(t.streams)+len(t.types))}
	for i := range t.cells {
		if c := &t.cells[i]; c.last > 0 {
			f.keys = append(f.keys, frozenKey{hash: c.hash, list: c.list})
		}
	}
	for name, l := range t.types {
		f.keys = append(f.keys, frozenKey{hash: t.hasher.hashOf(ByType, name), list: *l})
	}
	for _, s := range t.streams {
		f.keys = append(f.keys, frozenKey{hash: s.hash, stream: s, list: s.list})
	}
	slices.SortFunc(f.keys, func(a, b frozenKey) int { return a.compare(&b) })
	return f
}

func (f *frozen) facts() facts {
	return facts{base: f.base, end: f.End(), earliest: f.earliest, latest: f.latest, items: f.items}
}

func (f *frozen) entries() next[*entry] {
	var e entry
	var own []uint32
	i := 0
	return func() (*entry, bool) {
		if i == len(f.keys) {
			return nil, false
		}
		k := &f.keys[i]
		own = f.collect(own[:0], k.list, 0, math.MaxUint64)
		for i++; k.stream == nil && i < len(f.keys) && f.keys[i].compare(k) == 0; i++ { // a type and a tag, say, with one hash
			own = union(own, f.collect(nil, f.keys[i].list, 0, math.MaxUint64))
		}
		e = entry{hash: k.hash, stream: k.stream != nil, mark: k.mark(), at: of(span{base: f.base, own: own, n: len(own)})}
		if k.stream != nil {
			e.before, e.begins = k.stream.before, k.stream.begins
		}
		return &e, true
	}
}

func union(a, b []uint32) []uint32 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (f *frozen) names() next[[]byte] {
	names := f.Names("")
	return func() ([]byte, bool) {
		if len(names) == 0 {
			return nil, false
		}
		name := names[0]
		names = names[1:]
		return []byte(name), true
	}
}

func (f *frozen) typeCounts() next[typeCount] {
	names := f.typeNames()
	return func() (typeCount, bool) {
		if len(names) == 0 {
			return typeCount{}, false
		}
		name := names[0]
		names = names[1:]
		n := f.gone[name]
		if l := f.types[name]; l != nil {
			n += uint64(l.count)
		}
		return typeCount{[]byte(name), n}, true
	}
}
