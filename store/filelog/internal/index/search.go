package index

import (
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/oxbow-events/oxbow/event"
)

// Parts are runs that lie one after the other, and the tables after them. To look for a key in all of them takes little longer than in one:
// each step is taken in all before the next, so that they wait for memory together. A large index is far larger than what a processor keeps at
// hand.
type Parts struct {
	Runs   []*Run
	Tables []*Table
}

// Count returns how many records have the key.
func (ps *Parts) Count(k *Key) (n int) {
	ps.each(k, func(t *Table) { n += t.Count(k) }, func(l listing) { n += l.at.n })
	return n
}

// Postings returns the positions from from to to of the records that have the key.
func (ps *Parts) Postings(k *Key, from, to event.Position) Postings {
	return ps.collect(k, func(t *Table) Postings { return t.Postings(k, from, to) }, func(l listing) span { return l.at.within(from, to) })
}

// After returns the positions from from to to of a stream's records after a revision.
func (ps *Parts) After(k *Key, revision uint64, from, to event.Position) Postings {
	return ps.collect(k,
		func(t *Table) Postings { return t.After(k, revision, from, to) },
		func(l listing) span { return l.after(revision, from, to) })
}

func (ps *Parts) collect(k *Key, ofTable func(*Table) Postings, ofRun func(listing) span) (all Postings) {
	var later Postings
	if len(ps.Runs) > 0 {
		all.spans = make([]span, 0, len(ps.Runs)+len(ps.Tables))
	}
	ps.each(k, func(t *Table) { later.Add(ofTable(t)) }, func(l listing) { all.add(ofRun(l)) })
	all.Add(later)
	return all
}

// each calls inTable with each table, and then found with what each run has of the key, in order. Looking through the tables is what there is to do
// while the runs wait for memory.
func (ps *Parts) each(k *Key, inTable func(*Table), found func(listing)) {
	var room [8]search
	all := searches(room[:0])
	for _, r := range ps.Runs {
		if r.mayKnow(k) {
			all = append(all, search{run: r})
		}
	}
	all.begin(k)
	for _, t := range ps.Tables {
		inTable(t)
	}
	all.filter(k)
	all.find(k)
	for i := range all {
		if l, ok := all[i].listing(k); ok {
			found(l)
		}
	}
}

// searches are looks for a key in several runs, in steps. Each step ends with touching what the next one needs, in all of them: these
// reads do not depend on each other, and stand close together, so that the processor does them at the same time.
type searches []search

// search is a look for a key in a run.
type search struct {
	run       *Run
	low, high int64 // numbers of the keys that come into question
	ahead     int64 // where the next step begins to read, about
	until     int64 // and where what it reads ends, in most cases no more than a cache line behind that
	touched   byte  // keeps what is touched from being optimized away
}

// begin touches the block of the key.
func (all searches) begin(k *Key) {
	for i := range all {
		s := &all[i]
		s.touched = s.run.data[s.run.layout.blocks.off+s.block(k)]
	}
}

// filter finds the keys that come into question, and touches the one that should be it.
func (all searches) filter(k *Key) {
	for i := range all {
		all[i].filter(k)
	}
	for i := range all {
		all[i].touch()
	}
}

// find finds the keys, and touches the list of the first.
func (all searches) find(k *Key) {
	for i := range all {
		all[i].find(k)
	}
	for i := range all {
		all[i].touch()
	}
}

func (s *search) touch() { s.touched += s.run.data[s.ahead] + s.run.data[s.until] }

// block is where the block of the key begins.
func (s *search) block(k *Key) int64 { return int64(part(k.hash, s.run.blocks())) * blockSize }

// filter finds the keys of the block, none when its filter does not know the hash.
func (s *search) filter(k *Key) {
	b := s.run.at(&s.run.layout.blocks, s.block(k), blockSize)
	for i := range filterBits {
		if at := filterBit(k.hash, i); b[at/8]&(1<<(at%8)) == 0 {
			return
		}
	}
	s.low, s.high = int64(binary.LittleEndian.Uint32(b)), int64(binary.LittleEndian.Uint32(b[4:]))
	guess := s.guess(k)
	s.ahead = s.run.layout.keys.within(max(s.low, guess-aside) * keySize)
	s.until = s.run.layout.keys.within((guess + aside) * keySize)
}

// aside is how many keys before or after the guess the key stands in most cases.
const aside = 2

// guess returns where among the keys of the block the key should be, since hashes lie about as far from each other.
func (s *search) guess(k *Key) int64 {
	_, within := bits.Mul64(k.hash, s.run.blocks())
	before, _ := bits.Mul64(within, uint64(max(0, s.high-s.low)))
	return s.low + int64(before)
}

// find finds the keys that have the hash.
func (s *search) find(k *Key) {
	if s.low >= s.high {
		return
	}
	to := s.high
	s.low = s.first(k.hash, s.guess(k))
	for s.high = s.low; s.high < to && s.run.hash(s.high) == k.hash; s.high++ {
	}
	if s.low == s.high {
		return
	}
	if value := s.run.value(s.low); value&listed != 0 {
		at := 4 * int64(value&^listed)
		s.ahead, s.until = s.run.layout.words.within(at), s.run.layout.words.within(at+32)
	}
}

// first returns the first key whose hash is not before the given one. It looks around the guess first, and farther and farther away.
func (s *search) first(hash uint64, guess int64) int64 {
	low, high := s.low, s.high // it lies from the one to the other
	for step, at := int64(1), guess; at >= low && at < high; step *= 2 {
		if s.run.hash(at) >= hash {
			high, at = at, at-step
			continue
		}
		low, at = at+1, at+step
	}
	return low + int64(sort.Search(int(high-low), func(i int) bool { return s.run.hash(low+int64(i)) >= hash }))
}

// listing reads what there is of the key.
func (s *search) listing(k *Key) (l listing, ok bool) {
	for i := s.low; i < s.high; i++ {
		if l = s.run.listing(i); l.stream == (k.kind == ByStream) && l.mark == k.mark {
			return l, true
		}
	}
	return listing{}, false
}

// listing is what a run has of a key.
type listing struct {
	stream bool
	mark   uint64 // of a stream
	before uint64 // of a stream
	begins bool   // of a stream: it is in no run before
	at     span
}

// after returns the positions from from to to of a stream's records after a revision.
func (l *listing) after(revision uint64, from, to event.Position) span {
	if l.before+uint64(l.at.n) <= revision {
		return span{}
	}
	s := l.at
	if l.before < revision {
		s = s.cut(int(revision-l.before), s.n)
	}
	return s.within(from, to)
}
