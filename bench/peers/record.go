package peers

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

var errRecord = errors.New("record is cut off")

// appendRecord appends the record's bytes: numbers and ids, the lengths of all texts, the texts, the data. They are about as many
// as Oxbow writes, so that no peer pays for JSON.
func appendRecord(b []byte, r *event.Record) []byte {
	b = binary.AppendUvarint(b, r.Revision)
	b = binary.AppendUvarint(b, uint64(r.Version))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Time.UnixNano()))
	for _, id := range [...]event.ID{r.ID, r.CorrelationID, r.CausationID} {
		id, _ := id.Bytes()
		b = append(b, id[:]...)
	}
	texts := append([]string{r.Stream, r.Type, r.AggregateType, r.AggregateID, r.Source, r.UserID}, r.Tags...)
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, text := range texts {
		b = binary.AppendUvarint(b, uint64(len(text)))
	}
	for _, text := range texts {
		b = append(b, text...)
	}
	return append(b, r.Data...)
}

// recordReader decodes records, one after the other. Each is valid until the next.
type recordReader struct {
	record  event.Record
	rest    []byte
	lengths []int
	err     error
}

// read returns the record whose bytes they are. It shares its data with them.
func (d *recordReader) read(b []byte, position uint64) (*event.Record, error) {
	d.rest, d.err = b, nil
	r := &d.record
	r.Position, r.Revision, r.Version = event.Position(position), d.number(), int(d.number())
	fixed := d.bytes(8 + 3*16)
	if d.err != nil {
		return nil, d.err
	}
	r.Time = time.Unix(0, int64(binary.LittleEndian.Uint64(fixed))).UTC()
	ids := fixed[8:]
	r.ID, r.CorrelationID, r.CausationID = event.UUID([16]byte(ids)), event.UUID([16]byte(ids[16:])), event.UUID([16]byte(ids[32:]))
	d.readTexts()
	r.Data = d.rest
	return r, d.err
}

// readTexts reads all texts with one allocation.
func (d *recordReader) readTexts() {
	d.lengths = d.lengths[:0]
	sum := 0
	for n := d.number(); n > 0 && d.err == nil; n-- {
		length := int(d.number())
		d.lengths = append(d.lengths, length)
		sum += length
	}
	texts := string(d.bytes(sum))
	if d.err != nil || len(d.lengths) < 6 {
		d.err = errRecord
		return
	}
	next := func() (text string) {
		text, texts, d.lengths = texts[:d.lengths[0]], texts[d.lengths[0]:], d.lengths[1:]
		return text
	}
	r, all := &d.record, d.lengths
	r.Stream, r.Type, r.AggregateType, r.AggregateID, r.Source, r.UserID = next(), next(), next(), next(), next(), next()
	r.Tags = r.Tags[:0]
	for len(d.lengths) > 0 {
		r.Tags = append(r.Tags, next())
	}
	d.lengths = all
}

func (d *recordReader) number() uint64 {
	n, length := binary.Uvarint(d.rest)
	if length <= 0 {
		d.err = errRecord
		return 0
	}
	d.rest = d.rest[length:]
	return n
}

func (d *recordReader) bytes(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.err, n = errRecord, 0
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}
