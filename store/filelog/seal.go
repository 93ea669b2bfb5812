package filelog

import (
	"encoding/binary"

	"github.com/oxbow-events/oxbow/store"
)

// A seal's payload is a version byte, the SHA-256 of the file before the seal's frame, the number of the segment's events, and the
// last position at the end of it.
const (
	sealVersion = 1
	sealSize    = 1 + 32 + 8 + 8
)

type sealed struct {
	digest digest
	events uint64
	last   store.Position
}

// appendSeal appends the entry, still without its checksum.
func appendSeal(dst []byte, s sealed) []byte {
	dst = append(beginEntry(dst, entrySeal), sealVersion)
	dst = append(dst, s.digest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, s.events)
	return binary.LittleEndian.AppendUint64(dst, uint64(s.last))
}

func decodeSeal(payload []byte) (s sealed, ok bool) {
	if len(payload) != sealSize || payload[0] != sealVersion {
		return sealed{}, false
	}
	copy(s.digest[:], payload[1:])
	s.events = binary.LittleEndian.Uint64(payload[33:])
	s.last = store.Position(binary.LittleEndian.Uint64(payload[41:]))
	return s, true
}
