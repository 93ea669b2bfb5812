package filelog

import (
	"encoding/binary"
	"unsafe"
)

// decoder takes values off the front of bytes that may be hostile. After the first that does not fit it has failed, and returns
// zero values. Texts are parts of the bytes, which nobody may change any more.
type decoder struct {
	rest   []byte
	room   *[]string // for tags; nil when each record's get room of their own
	failed bool
}

// roomFor returns an empty list with room for n texts.
func (d *decoder) roomFor(n uint64) []string {
	if d.room == nil {
		return make([]string, 0, n)
	}
	if uint64(len(*d.room)) < n {
		*d.room = make([]string, 256+n)
	}
	list := (*d.room)[:0:n]
	*d.room = (*d.room)[n:]
	return list
}

func (d *decoder) fail() {
	d.failed, d.rest = true, nil
}

func (d *decoder) uvarint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 {
		v := uint64(d.rest[0])
		d.rest = d.rest[1:]
		return v
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// byte returns the next byte, 0xff when there is none.
func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail()
		return 0xff
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// bytes returns the next n bytes, nil when there are fewer.
func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// last takes n bytes off the end.
func (d *decoder) last(n uint64) []byte {
	if d.failed || n > uint64(len(d.rest)) {
		d.fail()
		return nil
	}
	cut := len(d.rest) - int(n)
	b := d.rest[cut:]
	d.rest = d.rest[:cut]
	return b
}

// string returns a text with its length in front.
func (d *decoder) string() string {
	n := d.uvarint()
	if d.failed || n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	if n == 0 {
		return ""
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return unsafe.String(&b[0], len(b)) // nobody changes the bytes: see decodeOwn
}
