package filelog

import "encoding/binary"

// decoder takes values off the front of bytes that may be hostile. After the first that does not fit it has failed, and returns
// zero values.
type decoder struct {
	rest   []byte
	text   string // ends as rest does; texts are cut from it, so that a record's texts take one allocation
	failed bool
}

func (d *decoder) fail() {
	d.failed, d.rest = true, nil
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return v
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
	begin := len(d.text) - len(d.rest)
	d.rest = d.rest[n:]
	return d.text[begin : begin+int(n)]
}
