package index

import (
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/prefetch"
)

// Runs are runs that lie one after the other. To look for a key in all of them takes little longer than in one: each step is taken in
// all before the next, so that they wait for memory together. A large index is far larger than what a processor keeps at hand.
type Runs []*Run

// Count returns how many records have the key.
func (rs Runs) Count(k *Key) (n int) {
	rs.each(k, func(l listing) { n += l.at.n })
	return n
}

// Postings returns the positions from from to to of the records that have the key.
func (rs Runs) Postings(k *Key, from, to event.Position) (all Postings) {
	rs.each(k, func(l listing) { all.add(l.at.within(from, to)) })
	return all
}

// After returns the positions from from to to of a stream's records after a revision.
func (rs Runs) After(k *Key, revision uint64, from, to event.Position) (all Postings) {
	all.spans = make([]span, 0, len(rs)+1)
	rs.each(k, func(l listing) { all.add(l.after(revision, from, to)) })
	return all
}

// each calls found with what each run has of the key, in order.
func (rs Runs) each(k *Key, found func(listing)) {
	var room [8]search
	all := room[:0]
	for _, r := range rs {
		if r.mayKnow(k) {
			all = append(all, search{run: r})
		}
	}
	for i := range all {
		all[i].begin(k)
	}
	for i := range all {
		all[i].filter(k)
	}
	for i := range all {
		all[i].find(k)
	}
	for i := range all {
		if l, ok := all[i].listing(k); ok {
			found(l)
		}
	}
}

// search is a look for a key in a run, in steps. Each asks for the memory that the next one needs.
type search struct {
	run       *Run
	low, high int64 // numbers of the keys that come into question
}

// begin asks for the block of the key.
func (s *search) begin(k *Key) {
	prefetch.Lines(s.run.unchecked(&s.run.layout.blocks, s.block(k), blockSize))
}

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
	prefetch.Lines(s.run.unchecked(&s.run.layout.keys, (s.guess(k)-guessed)*keySize, 2*guessed*keySize))
}

// guessed is how many keys to either side of where a key should be are asked for. About nine of ten are found there.
const guessed = 4

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
	r, to := s.run, s.high
	s.low = s.first(k.hash, s.guess(k))
	for s.high = s.low; s.high < to && r.hash(s.high) == k.hash; s.high++ {
		if value := r.value(s.high); value&listed != 0 {
			prefetch.Lines(r.unchecked(&r.layout.words, 4*int64(value&^listed), 4*wordsAhead))
		}
	}
}

// wordsAhead is how much of a list is asked for: what is said of a stream, and the first of the positions.
const wordsAhead = 12

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
