package filelog

import (
	"encoding/binary"
	"unsafe"
)

// decoder takes values off the front of bytes that may be hostile. After the first that does not fit it has failed, and returns
// zero values. Texts are parts of the bytes, which nobody may change any more.
type decoder struct {
	b    []byte
	at   int      // of the next value; behind the end when it has failed
	room *tagRoom // for tags; nil when each record's get room of their own
}

func (d *decoder) fail() { d.at = len(d.b) + 1 }

func (d *decoder) failed() bool { return d.at > len(d.b) }

func (d *decoder) uvarint() uint64 {
	if i := d.at; i < len(d.b) && d.b[i] < 0x80 {
		d.at = i + 1
		return uint64(d.b[i])
	}
	return d.longUvarint()
}

func (d *decoder) longUvarint() uint64 {
	if d.failed() {
		return 0
	}
	v, n := binary.Uvarint(d.b[d.at:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.at += n
	return v
}

func (d *decoder) varint() int64 {
	if d.failed() {
		return 0
	}
	v, n := binary.Varint(d.b[d.at:])
	if n <= 0 {
		d.fail()
		return 0
	}
	d.at += n
	return v
}

// byte returns the next byte, 0xff when there is none.
func (d *decoder) byte() byte {
	if d.at >= len(d.b) {
		d.fail()
		return 0xff
	}
	d.at++
	return d.b[d.at-1]
}

// bytes returns the next n bytes, nil when there are fewer.
func (d *decoder) bytes(n uint64) []byte {
	if d.failed() || n > uint64(len(d.b)-d.at) {
		d.fail()
		return nil
	}
	d.at += int(n)
	return d.b[d.at-int(n) : d.at : d.at]
}

// rest returns all that is left.
func (d *decoder) rest() []byte { return d.bytes(uint64(max(0, len(d.b)-d.at))) }

// last takes n bytes off the end.
func (d *decoder) last(n uint64) []byte {
	if d.failed() || n > uint64(len(d.b)-d.at) {
		d.fail()
		return nil
	}
	end := len(d.b)
	d.b = d.b[:end-int(n)]
	return d.b[len(d.b):end:end]
}

// string returns a text with its length in front.
func (d *decoder) string() string {
	n := d.uvarint()
	if d.failed() || n > uint64(len(d.b)-d.at) {
		d.fail()
		return ""
	}
	if n == 0 {
		return ""
	}
	text := unsafe.String(&d.b[d.at], int(n)) // nobody changes the bytes: see decodeOwn
	d.at += int(n)
	return text
}

// roomFor returns an empty list with room for n texts.
func (d *decoder) roomFor(n uint64) []string {
	if d.room == nil {
		return make([]string, 0, n)
	}
	return d.room.take(int(n))
}

// tagRoom is room for the tags of several records, which they share. It begins small, so that one record has no more than it needs.
type tagRoom struct {
	free []string
	size int
}

const maxTagRoom = 256

func (t *tagRoom) take(n int) []string {
	if len(t.free) < n {
		t.size = max(n, min(2*t.size, maxTagRoom))
		t.free = make([]string, t.size)
	}
	list := t.free[:0:n]
	t.free = t.free[n:]
	return list
}
