package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/oxbow-events/oxbow/event"
)

// A run is pages of 4096 bytes. The first is the header, little endian:
//
//	  0   8  magic "oxbowidx"
//	  8   8  format version
//	 16  16  store id
//	 32   8  position before the first, 40 8 last position
//	 48   8  sequence of the commit after the last one
//	 56  32  digest of the last segment that it covers
//	 88  96  twelve numbers: earliest and latest time of a UUIDv7, streams that begin, items written, keys, words, stream names, bytes of
//	         stream names, types, bytes of types, level, sequence of the first commit
//	184   4  CRC-32C of the checksums of all pages
//	188   4  CRC-32C of the header before it
//
// Sections follow, each from the beginning of a page on:
//
//	blocks      64 bytes for each 36 keys: the numbers of the first key whose hash lies in that part of all hashes, and of the one after
//	            the last (4 bytes each), and a filter of 448 bits, of which six are set for each of these keys
//	keys        12 bytes for each key, in order of hash: the hash, and a value of 4 bytes, which is a position's difference to the first,
//	            or with the highest bit set the number of a word
//	words       4 bytes each: how many positions, with the highest bit set for a stream, of which then follow the second hash (two
//	            words) and the revision before (two words), with the highest bit set when the stream begins here all the same: the
//	            records before are gone; then the differences of the positions
//	name ends   4 bytes for each stream name: where it ends in the next section
//	names       of the streams, in order
//	types       in order: how many records (8 bytes), length of the name (2 bytes), name
//	sums        CRC-32C of each page before them but the first
const (
	magic         = "oxbowidx"
	formatVersion = 2
	pageSize      = 4096

	keysInBlock = 36
	blockSize   = 64
	blockHead   = 8 // before the filter
	filterBits  = 6
	keySize     = 12

	listed     = 1 << 31 // of a value: it is the number of a word
	streamList = 1 << 31 // of a list's first word
	streamHead = 5       // words before a stream's positions
	beginsHere = 1 << 63 // of the revision before: the stream is in no run before
	maxWords   = 1 << 31
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Cover says which part of which log a run is about.
type Cover struct {
	Store  [16]byte
	First  uint64   // sequence of the first commit
	Next   uint64   // sequence of the commit after the last one
	Digest [32]byte // of the last segment
}

// counts are what the sizes of the sections follow from.
type counts struct {
	begun     uint64 // streams
	keys      uint64
	words     uint64
	names     uint64
	nameBytes uint64
	types     uint64
	typeBytes uint64
}

// section is a part of the file.
type section struct{ off, size int64 }

func (s section) end() int64 { return s.off + s.size }

// within returns where in the file a byte of the section stands, or the last one for a byte behind it.
func (s section) within(off int64) int64 { return s.off + min(off, max(0, s.size-1)) }

type layout struct {
	blocks, keys, words, nameEnds, names, types, sums section
	size                                              int64
}

func (c *counts) blocks() uint64 { return c.keys/keysInBlock + 1 }

func (c *counts) layout() (l layout) {
	at := int64(pageSize)
	place := func(s *section, size uint64) {
		*s = section{off: at, size: int64(size)}
		at += (int64(size) + pageSize - 1) / pageSize * pageSize
	}
	place(&l.blocks, c.blocks()*blockSize)
	place(&l.keys, c.keys*keySize)
	place(&l.words, 4*c.words)
	place(&l.nameEnds, 4*c.names)
	place(&l.names, c.nameBytes)
	place(&l.types, c.typeBytes)
	place(&l.sums, uint64(at/pageSize-1)*4)
	l.size = at
	return l
}

// plausible reports whether a file of that size can have such counts, before anything is computed with them.
func (c *counts) plausible(size int64) bool {
	limit := uint64(size)
	return c.keys <= limit && c.words <= limit && c.words < maxWords && c.names <= limit && c.nameBytes <= limit && c.types <= limit &&
		c.typeBytes <= limit && c.layout().size == size
}

func encodeHeader(cover *Cover, f *facts, c *counts, sums uint32) []byte {
	b := make([]byte, 0, pageSize)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint64(b, formatVersion)
	b = append(b, cover.Store[:]...)
	for _, n := range []uint64{uint64(f.base), uint64(f.end), cover.Next} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = append(b, cover.Digest[:]...)
	for _, n := range []uint64{f.earliest, f.latest, c.begun, f.items, c.keys, c.words, c.names, c.nameBytes, c.types, c.typeBytes, f.level, cover.First} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.LittleEndian.AppendUint32(b, sums)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return b[:pageSize]
}

func decodeHeader(b []byte) (cover Cover, f facts, c counts, sums uint32, err error) {
	refuse := func(format string, args ...any) (Cover, facts, counts, uint32, error) {
		return Cover{}, facts{}, counts{}, 0, fmt.Errorf(format, args...)
	}
	if len(b) < pageSize || string(b[:8]) != magic {
		return refuse("it does not begin as an index does")
	}
	if binary.LittleEndian.Uint32(b[188:]) != crc32.Checksum(b[:188], castagnoli) {
		return refuse("the checksum of its header does not match")
	}
	if version := binary.LittleEndian.Uint64(b[8:]); version != formatVersion {
		return refuse("it has format %d, and this Oxbow reads %d", version, formatVersion)
	}
	number := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	copy(cover.Store[:], b[16:])
	f.base, f.end, cover.Next = event.Position(number(32)), event.Position(number(40)), number(48)
	copy(cover.Digest[:], b[56:])
	f.earliest, f.latest, c.begun, f.items = number(88), number(96), number(104), number(112)
	c.keys, c.words, c.names, c.nameBytes, c.types, c.typeBytes = number(120), number(128), number(136), number(144), number(152), number(160)
	f.level, cover.First = number(168), number(176)
	if f.end < f.base || uint64(f.end-f.base) >= listed {
		return refuse("its positions make no sense")
	}
	return cover, f, c, binary.LittleEndian.Uint32(b[184:]), nil
}
