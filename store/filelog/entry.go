package filelog

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame's body is entries, one after the other, little endian:
//
//	0  4  CRC-32C of the entry's number as 8 bytes, and of the rest of the entry
//	4  4  length of the payload
//	8  1  kind: record, item, seal or gone
//	9     payload
//
// The number is a record's position, of what is gone the position that is next there, and the commit sequence of anything else: an
// entry read alone proves that it is the one that was asked for.
const entrySize = 9

type entryKind byte

const (
	entryRecord entryKind = iota + 1
	entryItem
	entrySeal
	entryGone
)

type entry struct {
	kind    entryKind
	payload []byte
}

// beginEntry appends the head of an entry; its payload follows, then endEntry.
func beginEntry(dst []byte, kind entryKind) []byte {
	return append(dst, 0, 0, 0, 0, 0, 0, 0, 0, byte(kind))
}

// endEntry completes the entry that is all of e.
func endEntry(e []byte, number uint64) {
	binary.LittleEndian.PutUint32(e[4:], uint32(len(e)-entrySize))
	binary.LittleEndian.PutUint32(e, entryChecksum(e, number))
}

func entryChecksum(e []byte, number uint64) uint32 {
	return crc32.Update(addNumber(0, number), castagnoli, e[4:])
}

// addNumber goes on with a CRC-32C over the number's 8 bytes, little endian: eight look-ups that do not wait for each other, where
// crc32.Update would need a buffer that escapes.
func addNumber(crc uint32, number uint64) uint32 {
	x := number ^ uint64(^crc)
	return ^(slices8[7][byte(x)] ^ slices8[6][byte(x>>8)] ^ slices8[5][byte(x>>16)] ^ slices8[4][byte(x>>24)] ^
		slices8[3][byte(x>>32)] ^ slices8[2][byte(x>>40)] ^ slices8[1][byte(x>>48)] ^ slices8[0][byte(x>>56)])
}

// slices8 are the tables of the CRC for eight bytes at a time ("slicing-by-8", Kounavis and Berry 2005): slices8[i] is what a byte
// becomes with i zero bytes behind it.
var slices8 = func() (t [8]crc32.Table) {
	t[0] = *castagnoli
	for i := 1; i < 8; i++ {
		for b := range 256 {
			t[i][b] = t[0][byte(t[i-1][b])] ^ t[i-1][b]>>8
		}
	}
	return t
}()

// entryLength returns how long the entry at the beginning of b is; ok is false when b is too short for it.
func entryLength(b []byte) (n int, ok bool) {
	if len(b) < entrySize {
		return 0, false
	}
	length := uint64(binary.LittleEndian.Uint32(b[4:])) + entrySize
	return int(length), length <= uint64(len(b))
}

// parseEntry reads the entry that is all of b; ok is false when it is not what was written under that number.
func parseEntry(b []byte, number uint64) (e entry, ok bool) {
	if n, whole := entryLength(b); !whole || n != len(b) || binary.LittleEndian.Uint32(b) != entryChecksum(b, number) {
		return entry{}, false
	}
	return entry{kind: entryKind(b[8]), payload: b[entrySize:]}, true
}
