package index

import (
	"bytes"
	"encoding/binary"
)

func (r *Run) entries() next[*entry] {
	var i int64
	return func() (*entry, bool) {
		if uint64(i) == r.keys {
			return nil, false
		}
		e := r.list(i)
		i++
		return &e, true
	}
}

func (r *Run) streamNames() next[[]byte] {
	var i int64
	return func() ([]byte, bool) {
		if uint64(i) == r.counts.names {
			return nil, false
		}
		i++
		return r.name(i - 1), true
	}
}

func (r *Run) typeCounts() next[typeCount] {
	var at int64
	return func() (typeCount, bool) {
		if at == r.layout.types.size {
			return typeCount{}, false
		}
		head := r.at(&r.layout.types, at, 10)
		length := int64(binary.LittleEndian.Uint16(head[8:]))
		t := typeCount{name: r.at(&r.layout.types, at+10, length), n: binary.LittleEndian.Uint64(head)}
		at += 10 + length
		return t, true
	}
}

// mergedRuns are several runs, which lie one after the other, as one source.
type mergedRuns []*Run

func (m mergedRuns) facts() (f facts) {
	f = m[0].facts
	for _, r := range m[1:] {
		f.end, f.items, f.level = r.end, f.items+r.items, max(f.level, r.level)
		f.latest = max(f.latest, r.latest)
		if f.earliest == 0 || r.earliest > 0 && r.earliest < f.earliest {
			f.earliest = r.earliest
		}
	}
	f.level++
	return f
}

func (m mergedRuns) entries() next[*entry] {
	return folded(each(m, (*Run).entries), (*entry).compare, (*entry).add)
}

func (m mergedRuns) names() next[[]byte] {
	return folded(each(m, (*Run).streamNames), bytes.Compare, func([]byte, []byte) {})
}

func (m mergedRuns) typeCounts() next[typeCount] {
	counts := folded(each(m, func(r *Run) next[*typeCount] { return pointers(r.typeCounts()) }),
		func(a, b *typeCount) int { return bytes.Compare(a.name, b.name) },
		func(t, more *typeCount) { t.n += more.n })
	return func() (typeCount, bool) {
		t, ok := counts()
		if !ok {
			return typeCount{}, false
		}
		return *t, true
	}
}

func pointers[T any](values next[T]) next[*T] {
	return func() (*T, bool) {
		v, ok := values()
		return &v, ok
	}
}

func each[T any](runs []*Run, of func(*Run) next[T]) (all []*cursor[T]) {
	for _, r := range runs {
		c := &cursor[T]{next: of(r)}
		c.value, c.ok = c.next()
		all = append(all, c)
	}
	return all
}

// cursor is a sequence and its next value.
type cursor[T any] struct {
	value T
	ok    bool
	next  next[T]
}

func (c *cursor[T]) take() T {
	v := c.value
	c.value, c.ok = c.next()
	return v
}

// folded returns the values of all sequences, each of which is in order, in order; equal ones are added to that of the first of the
// sequences that has it.
func folded[T any](all []*cursor[T], compare func(a, b T) int, add func(to, more T)) next[T] {
	return func() (value T, ok bool) {
		first := least(all, compare)
		if first == nil {
			return value, false
		}
		value = first.take()
		for {
			same := least(all, compare)
			if same == nil || compare(same.value, value) != 0 {
				return value, true
			}
			add(value, same.take())
		}
	}
}

// least returns the sequence whose value comes first, nil when all are at their end. They are few.
func least[T any](all []*cursor[T], compare func(a, b T) int) (first *cursor[T]) {
	for _, c := range all {
		if c.ok && (first == nil || compare(c.value, first.value) < 0) {
			first = c
		}
	}
	return first
}
