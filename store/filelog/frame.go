package filelog

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/oxbow-events/oxbow/store"
)

// After its header a segment is frames, one after the other, little endian:
//
//	 0  4  magic 0xf1 "oxb"
//	 4  4  CRC-32C of bytes 8 to 48 and of the frame's offset as 8 bytes, started from the CRC in the segment's header
//	 8  4  kind: commit, mark, seal or gap
//	12  4  length of the body that follows
//	16  4  number of events in the body, with those that entries in it say are gone
//	20  4  number of items in the body, with those that are gone; of a gap, number of commits that are gone
//	24  8  commit sequence; of a mark or seal, that of the newest commit; of a gap, that of the first commit that is gone
//	32  8  first position; of items alone, and of a mark or seal, that of the next event
//	40  8  synced: up to which offset of this file everything was on the disk when the frame was written
//
// The checksum binds a frame to its segment and offset, so that nothing else in the file can pass for one, not even a copy of a
// segment that someone stored as an event.
const (
	frameMagic = "\xf1oxb"
	frameSize  = 48
	maxBody    = 256 << 20 // of a commit; the limits of package store lead to less in all but contrived cases
)

type frameKind uint32

const (
	frameCommit frameKind = iota + 1
	frameMark             // all before it is on the disk; written when the log is closed, and after a recovery
	frameSeal             // the segment is full; its one entry has the digest
	frameGap              // whole commits are gone; its one entry says what of. Only in a compacted segment
)

type frame struct {
	kind     frameKind
	body     uint32
	events   uint32
	items    uint32
	sequence uint64
	first    store.Position
	synced   int64
}

// put writes the frame's header over the first bytes of b.
func (f *frame) put(b []byte, seed uint32, offset int64) {
	copy(b, frameMagic)
	binary.LittleEndian.PutUint32(b[8:], uint32(f.kind))
	binary.LittleEndian.PutUint32(b[12:], f.body)
	binary.LittleEndian.PutUint32(b[16:], f.events)
	binary.LittleEndian.PutUint32(b[20:], f.items)
	binary.LittleEndian.PutUint64(b[24:], f.sequence)
	binary.LittleEndian.PutUint64(b[32:], uint64(f.first))
	binary.LittleEndian.PutUint64(b[40:], uint64(f.synced))
	binary.LittleEndian.PutUint32(b[4:], frameChecksum(b, seed, offset))
}

func frameChecksum(b []byte, seed uint32, offset int64) uint32 {
	return addNumber(crc32.Update(seed, castagnoli, b[8:frameSize]), uint64(offset))
}

// parseFrame reads a frame's header; ok is false when b does not begin with one for that place.
func parseFrame(b []byte, seed uint32, offset int64) (f frame, ok bool) {
	if len(b) < frameSize || string(b[:4]) != frameMagic ||
		binary.LittleEndian.Uint32(b[4:]) != frameChecksum(b, seed, offset) {
		return frame{}, false
	}
	return frame{
		kind:     frameKind(binary.LittleEndian.Uint32(b[8:])),
		body:     binary.LittleEndian.Uint32(b[12:]),
		events:   binary.LittleEndian.Uint32(b[16:]),
		items:    binary.LittleEndian.Uint32(b[20:]),
		sequence: binary.LittleEndian.Uint64(b[24:]),
		first:    store.Position(binary.LittleEndian.Uint64(b[32:])),
		synced:   int64(binary.LittleEndian.Uint64(b[40:])),
	}, true
}
