// Package tracecontext reads and writes the two headers of W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/).
package tracecontext

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// Size is the length of a traceparent of version 00.
const Size = 55

// Sampled is the one flag that level 1 knows: the caller may have recorded the trace.
const Sampled = 0x01

// Parent is what a traceparent says: the trace, the span within it, and the flags.
type Parent struct {
	Trace [16]byte
	Span  [8]byte
	Flags byte
}

// New returns the first span of a new trace, which is sampled.
func New() Parent {
	p := Parent{Flags: Sampled}
	for p.Trace == [16]byte{} {
		binary.NativeEndian.PutUint64(p.Trace[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(p.Trace[8:], rand.Uint64())
	}
	return p.Child()
}

// Child returns a new span of the same trace, with the same flags.
func (p Parent) Child() Parent {
	binary.NativeEndian.PutUint64(p.Span[:], rand.Uint64N(1<<64-1)+1)
	return p
}

// Parse reads a traceparent. It is not ok when it breaks a rule of part 3.2: the caller then acts as if there were none.
// Of a version above 00 it reads what version 00 knows, as part 4.3 asks. Flags that level 1 does not know are dropped.
func Parse(s string) (p Parent, ok bool) {
	if len(s) < Size || s[2] != '-' || s[35] != '-' || s[52] != '-' || !versionFits(s) {
		return Parent{}, false
	}
	var flags [1]byte
	if !decode(p.Trace[:], s[3:35]) || !decode(p.Span[:], s[36:52]) || !decode(flags[:], s[53:55]) {
		return Parent{}, false
	}
	if p.Trace == [16]byte{} || p.Span == [8]byte{} {
		return Parent{}, false
	}
	p.Flags = flags[0] & Sampled
	return p, true
}

// versionFits tells whether the version is one, and the length is right for it. Version ff is forbidden, version 00 ends after the
// flags, and in a later one only a further field may follow.
func versionFits(s string) bool {
	var version [1]byte
	switch {
	case !decode(version[:], s[:2]) || version[0] == 0xff:
		return false
	case len(s) == Size:
		return true
	}
	return version[0] > 0 && s[Size] == '-'
}

// decode reads lower-case hexadecimal digits.
func decode(dst []byte, digits string) bool {
	for i := range dst {
		high, low := digit(digits[2*i]), digit(digits[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// Append appends the traceparent, of version 00.
func (p Parent) Append(dst []byte) []byte {
	dst = append(dst, "00-"...)
	dst = hex.AppendEncode(dst, p.Trace[:])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, p.Span[:])
	return append(dst, '-', '0', '0'+p.Flags&Sampled)
}

// String returns the traceparent, of version 00.
func (p Parent) String() string { return string(p.Append(make([]byte, 0, Size))) }
