package topic

import (
	"math/bits"
	"sync/atomic"
)

// slots is a power of two many groups of eight places, each for a key and its chain. A key is in the first group from
// its own on that had a place for it. A place's tag, one byte of the key, is what a search looks at first: eight at once.
type slots[V any] struct {
	tags   []atomic.Uint64 // one group each, lowest byte first; a byte 0 is a free place and ends every search that comes by
	keys   []atomic.Uint32
	chains []atomic.Pointer[entry[V]]
}

const perGroup = 8

func newSlots[V any](groups int) *slots[V] {
	return &slots[V]{
		tags:   make([]atomic.Uint64, groups),
		keys:   make([]atomic.Uint32, groups*perGroup),
		chains: make([]atomic.Pointer[entry[V]], groups*perGroup),
	}
}

// chain returns the newest entry of key, or nil.
func (s *slots[V]) chain(key uint32) *entry[V] {
	i, ok := s.find(key)
	if !ok {
		return nil
	}
	return s.chains[i].Load()
}

// find returns the place of key, or the free place that it would get.
func (s *slots[V]) find(key uint32) (place int, ok bool) {
	last := len(s.tags) - 1
	same := eightTimes * uint64(tag(key))
	for group := int(key) & last; ; group = (group + 1) & last {
		tags := s.tags[group].Load()
		for equal := zeroBytes(tags ^ same); equal != 0; equal &= equal - 1 {
			place = group*perGroup + bits.TrailingZeros64(equal)/8
			if s.keys[place].Load() == key {
				return place, true
			}
		}
		if free := zeroBytes(tags); free != 0 {
			return group*perGroup + bits.TrailingZeros64(free)/8, false
		}
	}
}

// put gives key a free place, with its chain.
func (s *slots[V]) put(place int, key uint32, newest *entry[V]) {
	s.chains[place].Store(newest)
	s.keys[place].Store(key)
	group, shift := place/perGroup, 8*(place%perGroup)
	s.tags[group].Store(s.tags[group].Load() | uint64(tag(key))<<shift) // last: now a reader finds it
}

// tag returns the byte of key that is of no use in choosing a group, but not 0.
func tag(key uint32) byte { return max(byte(key>>24), 1) }

const eightTimes = 0x0101_0101_0101_0101

// zeroBytes returns a word in which the highest bit of each byte tells whether this byte of x is 0. The lowest one that it
// tells of is right; those above it may be wrong (they may be 1).
func zeroBytes(x uint64) uint64 { return (x - eightTimes) &^ x & (0x80 * eightTimes) }
