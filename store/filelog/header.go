package filelog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/oxbow-events/oxbow/store"
)

// A segment begins with its header, little endian:
//
//	 0  8  magic "oxbowlog"
//	 8  2  format version: 1, or 2 when the segment was compacted
//	10  2  length of the header
//	12  4  flags, none yet
//	16 16  store id, random, the same in all segments
//	32  8  when it was created, nanoseconds since 1970
//	40  8  first position
//	48  8  first commit sequence, which is also the file's name
//	56 32  SHA-256 of the previous segment before its seal, as that was before it was ever compacted; zeros in the first
//	88  4  CRC-32C of all that
//
// In every version to come the first 12 bytes and the CRC in the last four keep their places, so that an older program can tell
// a newer file from a damaged one.
const (
	magic         = "oxbowlog"
	formatVersion = 2 // the newest
	asWritten     = 1 // of a segment that is as the sequencer wrote it
	compacted     = 2 // of one from which something was removed: it may have frames and entries of gaps, and another seal
	headerSize    = 92
	maxHeader     = 4096 // of any version
)

// castagnoli is the polynomial of every checksum in the log: CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type digest [32]byte

type header struct {
	version  uint16 // 0 stands for asWritten in one that is yet to be written
	store    [16]byte
	created  int64
	first    store.Position
	sequence uint64 // of the first commit
	previous digest
	checksum uint32 // of the header as it was written; the checksums of its frames start from it
}

// encode returns the header as bytes and sets its version and checksum.
func (h *header) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	h.version = max(h.version, asWritten)
	b = binary.LittleEndian.AppendUint16(b, h.version)
	b = binary.LittleEndian.AppendUint16(b, headerSize)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, h.store[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.created))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.first))
	b = binary.LittleEndian.AppendUint64(b, h.sequence)
	b = append(b, h.previous[:]...)
	h.checksum = crc32.Checksum(b, castagnoli)
	return binary.LittleEndian.AppendUint32(b, h.checksum)
}

// newerError says that a later Oxbow wrote the log.
type newerError struct {
	file    string
	version uint16
}

func (e *newerError) Error() string {
	return fmt.Sprintf("%s was written by a newer Oxbow: format %d, and this one reads up to %d; use that Oxbow or a later one",
		e.file, e.version, formatVersion)
}

// parseHeader reads the header that the file begins with. b is as much of the file as there is, up to maxHeader.
func parseHeader(file string, b []byte) (h header, err error) {
	damaged := func(format string, args ...any) (header, error) {
		return header{}, &DamageError{File: file, Reason: fmt.Sprintf(format, args...)}
	}
	if len(b) < 12 || !bytes.HasPrefix(b, []byte(magic)) {
		return damaged("it does not begin as a segment of an Oxbow log does")
	}
	version, length := binary.LittleEndian.Uint16(b[8:]), int(binary.LittleEndian.Uint16(b[10:]))
	if length < 16 || length > len(b) {
		return damaged("its header is cut short")
	}
	sum := binary.LittleEndian.Uint32(b[length-4:])
	if crc32.Checksum(b[:length-4], castagnoli) != sum {
		return damaged("the checksum of its header does not match")
	}
	if version > formatVersion {
		return header{}, &newerError{file: file, version: version}
	}
	if version == 0 || length != headerSize {
		return damaged("its header has %d bytes and version %d, which no Oxbow wrote", length, version)
	}
	h.version, h.checksum = version, sum
	copy(h.store[:], b[16:])
	h.created = int64(binary.LittleEndian.Uint64(b[32:]))
	h.first = store.Position(binary.LittleEndian.Uint64(b[40:]))
	h.sequence = binary.LittleEndian.Uint64(b[48:])
	copy(h.previous[:], b[56:])
	return h, nil
}
