package peers

import (
	"encoding/binary"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// An event is kept under five keys in an engine that knows keys only. A key ends with a number of 8 bytes, the largest byte first,
// so that keys are in the order of numbers.
//
//	r              position → record
//	s stream \0    revision → position
//	y type \0      position
//	t tag \0       position
//	c correlation  position
//
// putEvent calls put for each. Key and value are valid during the call only.
func putEvent(r *event.Record, scratch []byte, put func(key, value []byte) error) ([]byte, error) {
	position := binary.BigEndian.AppendUint64(nil, uint64(r.Position))
	correlation, _ := r.CorrelationID.Bytes()
	scratch = appendRecord(scratch[:0], r)
	if err := put(numbered("r", uint64(r.Position)), scratch); err != nil {
		return scratch, err
	}
	if err := put(streamKey(r.Stream, r.Revision), position); err != nil {
		return scratch, err
	}
	for _, key := range slices.Concat([]string{"y" + r.Type + "\x00"}, tagKeys(r.Tags), []string{"c" + string(correlation[:])}) {
		if err := put(numbered(key, uint64(r.Position)), nil); err != nil {
			return scratch, err
		}
	}
	return scratch, nil
}

func tagKeys(tags []string) (keys []string) {
	for _, tag := range tags {
		keys = append(keys, "t"+tag+"\x00")
	}
	return keys
}

func streamKey(stream string, revision uint64) []byte { return numbered("s"+stream+"\x00", revision) }

func numbered(prefix string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(prefix), n)
}

// number returns the number at the end of a key.
func number(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }
