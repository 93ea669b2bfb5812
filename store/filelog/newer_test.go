package filelog_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// newerHeader returns a segment as version 3 might write it: another length, and more in it.
func newerHeader(b []byte) []byte {
	h := append(bytes.Clone(b[:filelog.HeaderSize-4]), "something new"...)
	binary.LittleEndian.PutUint16(h[8:], 3)
	binary.LittleEndian.PutUint16(h[10:], uint16(len(h)+4))
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
}
