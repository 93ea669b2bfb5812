package event

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// ID identifies an event: a UUID, or whatever text another system chose. It is comparable, and the zero ID means none.
// IDs made here are UUIDv7 and take no allocation; foreign ones are kept letter for letter.
type ID struct {
	uuid [16]byte
	text string // set only when the id is not a UUID in canonical form
}

// lastTick is the newest time an ID was made for, in 1/4096 ms. It is process-wide, as the clock is (clock.go): RFC 9562 part 6.2 asks
// for it to keep ids monotonic. It is alone on its cache line, since all processors write it all the time.
var lastTick struct {
	_ [64]byte
	atomic.Uint64
	_ [64]byte
}

// NewID returns a UUIDv7 greater than every one this process made before. The 12 bits after the millisecond are its fraction
// (RFC 9562 part 6.2, method 3), the last 62 bits are random.
func NewID() ID { return newIDAt(now()) }

// newIDAt takes the time in nanoseconds since 1970.
func newIDAt(unix int64) ID {
	tick := nextTick(uint64(unix)/1e6<<12 | uint64(unix)%1e6*4096/1e6)
	var id ID
	binary.BigEndian.PutUint64(id.uuid[:8], tick>>12<<16|7<<12|tick&0xfff)
	binary.BigEndian.PutUint64(id.uuid[8:], rand.Uint64()>>2|1<<63)
	return id
}

func nextTick(tick uint64) uint64 {
	for {
		last := lastTick.Load()
		next := max(tick, last+1)
		if lastTick.CompareAndSwap(last, next) {
			return next
		}
	}
}

// UUID returns the ID with these 16 bytes. Sixteen zero bytes are the nil UUID of RFC 9562, which is not the zero ID.
func UUID(b [16]byte) ID {
	if b == ([16]byte{}) {
		return ID{text: nilUUID}
	}
	return ID{uuid: b}
}

const nilUUID = "00000000-0000-0000-0000-000000000000"

// ParseID reads an id in any form: a UUID in canonical form (lower case, with hyphens) or up to [MaxName] bytes of text
// without control characters. The empty text is the zero ID.
func ParseID(s string) (ID, error) {
	if s == "" {
		return ID{}, nil
	}
	if b, ok := parseUUID(s); ok && s != nilUUID {
		return ID{uuid: b}, nil
	}
	if err := CheckName("id", s); err != nil {
		return ID{}, err
	}
	return ID{text: s}, nil
}

func parseUUID(s string) (b [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return b, false
	}
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return b, false
		}
	}
	var digits [32]byte
	copy(digits[copy(digits[:], s[:8]):], s[9:13])
	copy(digits[12:], s[14:18])
	copy(digits[16:], s[19:23])
	copy(digits[20:], s[24:])
	_, err := hex.Decode(b[:], digits[:])
	return b, err == nil
}

// IsZero reports whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// Bytes returns the 16 bytes of a UUID; ok is false for the zero ID and for foreign text.
func (id ID) Bytes() (b [16]byte, ok bool) { return id.uuid, id.text == "" && id.uuid != [16]byte{} }

// Time returns the millisecond a UUIDv7 was made in; ok is false for every other id.
func (id ID) Time() (t time.Time, ok bool) {
	if id.text != "" || id.uuid[6]>>4 != 7 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id.uuid[:8]) >> 16)).UTC(), true
}

// String returns the id as text: a UUID in canonical form, a foreign id as it came, and "" for the zero ID.
func (id ID) String() string {
	if id.text != "" || id.IsZero() {
		return id.text
	}
	return string(id.appendUUID(make([]byte, 0, 36)))
}

// AppendText appends what String returns. It never fails.
func (id ID) AppendText(dst []byte) ([]byte, error) {
	if id.text != "" || id.IsZero() {
		return append(dst, id.text...), nil
	}
	return id.appendUUID(dst), nil
}

func (id ID) appendUUID(dst []byte) []byte {
	for i, part := range [...][]byte{id.uuid[:4], id.uuid[4:6], id.uuid[6:8], id.uuid[8:10], id.uuid[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// MarshalText returns what String returns.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText reads what ParseID reads.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
