package topic

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
)

// shape is where the literal segments and the wildcards of a pattern stand. From the hashes of a topic's segments
// it makes a key: that of the patterns of this shape, if there are any, that can match the topic.
type shape struct {
	front, back uint64 // which segments before the first and after the last "**" are literal; bit 0 is the outermost one
	head, tail  uint8  // how many segments stand before the first "**" (if there is none: all) and after the last
	least       uint8  // how many segments a topic needs
	open        bool   // has "**"
	inner       bool   // has several "**": the literal after the first belongs to the key
}

// shapeOf returns the shape and the key of p.
func shapeOf(p Pattern) (shape, uint32) {
	segments := strings.Split(p.text, ".")
	hashes := hashSegments(make([]uint64, 0, len(segments)), p.text)
	first := slices.Index(segments, "**")
	if first < 0 {
		sh := shape{front: literals(segments), head: uint8(len(segments)), least: uint8(len(segments))}
		return sh, uint32(sh.mixed(hashes))
	}
	sh := shape{open: true, front: literals(segments[:first]), head: uint8(first)}
	for _, segment := range segments {
		if segment != "**" {
			sh.least++
		}
	}
	slices.Reverse(segments)
	sh.tail = uint8(slices.Index(segments, "**"))
	sh.back = literals(segments[:sh.tail])
	sh.inner = int(sh.tail) < len(segments)-1-first
	if sh.inner { // in the normal form a literal follows "**"
		return sh, uint32(mix(sh.mixed(hashes), hashes[first+1]))
	}
	return sh, uint32(sh.mixed(hashes))
}

// literals tells which of the first 64 segments are no wildcards. Those further in are left to Pattern.Match.
func literals(segments []string) (set uint64) {
	for i, segment := range segments {
		if i < 64 && !isWildcard(segment) {
			set |= 1 << i
		}
	}
	return set
}

// mixed returns one hash for all literals outside of the first and the last "**". Its lower half is a key.
func (sh *shape) mixed(hashes []uint64) uint64 {
	mixed := uint64(1)
	for set := sh.front; set != 0; set &= set - 1 {
		mixed = mix(mixed, hashes[bits.TrailingZeros64(set)])
	}
	for set := sh.back; set != 0; set &= set - 1 {
		mixed = mix(mixed, hashes[len(hashes)-1-bits.TrailingZeros64(set)])
	}
	return mixed
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	return hi ^ lo
}

// seed makes hashes that nobody who chooses topics or patterns can foresee.
var seed = maphash.MakeSeed()

// hashSegments appends the hash of each segment of text to dst.
func hashSegments(dst []uint64, text string) []uint64 {
	for {
		end := segmentEnd(text, 0)
		dst = append(dst, maphash.String(seed, text[:end]))
		if end == len(text) {
			return dst
		}
		text = text[end+1:]
	}
}

// layout holds all entries of one shape.
type layout[V any] struct {
	shape
	table table[V]
}

// chains appends to dst the chains in which there may be matches for a topic whose segments have these hashes.
func (l *layout[V]) chains(dst []*entry[V], hashes []uint64) []*entry[V] {
	slots := l.table.slots.Load()
	if slots == nil {
		return dst
	}
	mixed := l.mixed(hashes)
	if !l.inner {
		return appendChain(dst, slots, uint32(mixed))
	}
	var keys [MaxLen + 1]uint32
	for i, hash := range hashes[l.head : len(hashes)-int(l.tail)] {
		keys[i] = uint32(mix(mixed, hash))
		if !slices.Contains(keys[:i], keys[i]) {
			dst = appendChain(dst, slots, keys[i])
		}
	}
	return dst
}

func appendChain[V any](dst []*entry[V], slots *slots[V], key uint32) []*entry[V] {
	if newest := slots.chain(key); newest != nil {
		return append(dst, newest)
	}
	return dst
}
