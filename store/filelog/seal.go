package filelog

import (
	"encoding/binary"

	"github.com/oxbow-events/oxbow/store"
)

// A seal's payload is a version byte, the SHA-256 of the file before the seal's frame, the number of the segment's events, and the
// last position at the end of it. That of a compacted segment has version 2, counts what is gone as if it were there, and ends with
// the SHA-256 that the file had before its seal when it was first sealed: the one that the next segment repeats.
const (
	sealVersion          = 1
	sealSize             = 1 + 32 + 8 + 8
	compactedSealVersion = 2
	compactedSealSize    = sealSize + 32
)

type sealed struct {
	digest digest // of the file
	chain  digest // of the file as it was first sealed; the same when it is still so
	events uint64
	last   store.Position
}

// sealOf returns what is known of the seal of a segment that is not compacted from the digest of the file.
func sealOf(d digest) *sealed { return &sealed{digest: d, chain: d} }

// appendSeal appends the entry, still without its checksum. version is that of the segment.
func appendSeal(dst []byte, s *sealed, version uint16) []byte {
	kind := byte(sealVersion)
	if version == compacted {
		kind = compactedSealVersion
	}
	dst = append(beginEntry(dst, entrySeal), kind)
	dst = append(dst, s.digest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, s.events)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.last))
	if kind == compactedSealVersion {
		dst = append(dst, s.chain[:]...)
	}
	return dst
}

// sealLength is how long the payload of a seal is in a segment of that version.
func sealLength(version uint16) int {
	if version == compacted {
		return compactedSealSize
	}
	return sealSize
}

// decodeSeal reads the payload of a seal in a segment of that version.
func decodeSeal(payload []byte, version uint16) (s sealed, ok bool) {
	if len(payload) != sealLength(version) || uint16(payload[0]) != version {
		return sealed{}, false // the versions of seals happen to be those of segments
	}
	copy(s.digest[:], payload[1:])
	s.events = binary.LittleEndian.Uint64(payload[33:])
	s.last = store.Position(binary.LittleEndian.Uint64(payload[41:]))
	s.chain = s.digest
	if version == compacted {
		copy(s.chain[:], payload[sealSize:])
	}
	return s, true
}
