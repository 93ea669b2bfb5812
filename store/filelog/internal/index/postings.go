package index

import (
	"encoding/binary"
	"math"
	"sort"

	"github.com/oxbow-events/oxbow/event"
)

// Postings are positions in ascending order.
type Postings struct {
	spans []span
	count int
}

// span is positions of one table or run, as differences to its base.
type span struct {
	base event.Position
	own  []uint32 // of a table
	run  *Run     // of a run: count words from word on
	word int64
	n    int
}

func (s *span) at(i int) event.Position {
	if s.run == nil {
		return s.base + event.Position(s.own[i])
	}
	return s.base + event.Position(s.run.word(s.word+int64(i)))
}

func (s *span) cut(from, to int) span {
	c := *s
	c.n = to - from
	if s.run == nil {
		c.own = s.own[from:to]
	} else {
		c.word += int64(from)
	}
	return c
}

// within returns the part from from to to.
func (s *span) within(from, to event.Position) span {
	low, high := 0, s.n
	if s.n > 0 && s.at(0) < from {
		low = sort.Search(s.n, func(i int) bool { return s.at(i) >= from })
	}
	if s.n > 0 && s.at(s.n-1) > to {
		high = sort.Search(s.n, func(i int) bool { return s.at(i) > to })
	}
	return s.cut(low, max(low, high))
}

// Count returns how many positions there are.
func (p *Postings) Count() int { return p.count }

// Add appends positions that all lie after those that are there.
func (p *Postings) Add(more Postings) {
	if len(p.spans) == 0 {
		*p = more
		return
	}
	p.spans = append(p.spans, more.spans...)
	p.count += more.count
}

// add appends the positions of a span, which all lie after those that are there.
func (p *Postings) add(s span) {
	if s.n > 0 {
		p.spans = append(p.spans, s)
		p.count += s.n
	}
}

// Skip leaves out the first n.
func (p *Postings) Skip(n uint64) {
	for n > 0 && p.count > 0 {
		s := &p.spans[0]
		drop := int(min(n, uint64(s.n)))
		p.count -= drop
		n -= uint64(drop)
		if drop == s.n {
			p.spans = p.spans[1:]
			continue
		}
		*s = s.cut(drop, s.n)
	}
}

// From returns the part from a position on.
func (p *Postings) From(from event.Position) (later Postings) {
	for i := range p.spans {
		later.add(p.spans[i].within(from, math.MaxUint64))
	}
	return later
}

// First returns the smallest position. There must be one.
func (p *Postings) First() event.Position { return p.spans[0].at(0) }

// Last returns the greatest position. There must be one.
func (p *Postings) Last() event.Position {
	s := &p.spans[len(p.spans)-1]
	return s.at(s.n - 1)
}

// DropFirst leaves out the smallest position.
func (p *Postings) DropFirst() { p.Skip(1) }

// DropLast leaves out the greatest position.
func (p *Postings) DropLast() {
	last := len(p.spans) - 1
	s := &p.spans[last]
	p.count--
	if s.n == 1 {
		p.spans = p.spans[:last]
		return
	}
	*s = s.cut(0, s.n-1)
}

// of returns the postings of one span.
func of(s span) (p Postings) {
	p.add(s)
	return p
}

func putWord(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
