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

// addNumber goes on with a CRC-32C over the number's 8 bytes, little endian. It is here because a buffer for them would escape.
func addNumber(crc uint32, number uint64) uint32 {
	crc = ^crc
	for range 8 {
		crc = castagnoli[byte(crc)^byte(number)] ^ crc>>8
		number >>= 8
	}
	return ^crc
}

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
