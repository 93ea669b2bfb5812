package rawjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unhex holds the value of each hexadecimal digit, and -1 for every other byte.
var unhex = func() (table [256]int8) {
	for i := range table {
		table[i] = -1
	}
	for i, digit := range []byte("0123456789abcdef") {
		table[digit] = int8(i)
		table[bytes.ToUpper([]byte{digit})[0]] = int8(i)
	}
	return table
}()

// Unquote returns the text of a JSON string. ok is false when it has half of a surrogate pair, which no text can hold: U+FFFD
// stands in for it. Without escapes the result is a part of quoted.
func Unquote(quoted []byte) (text []byte, ok bool) {
	inner := quoted[1 : len(quoted)-1]
	i := bytes.IndexByte(inner, '\\')
	if i < 0 {
		return inner, true
	}
	text, ok = make([]byte, 0, len(inner)), true
	for ; i >= 0; i = bytes.IndexByte(inner, '\\') {
		text = append(text, inner[:i]...)
		r, size := unescape(inner[i:])
		ok = ok && r >= 0
		text = utf8.AppendRune(text, r)
		inner = inner[i+size:]
	}
	return append(text, inner...), ok
}

// unescape returns the rune of the escape sequence at the start of text and the sequence's length. The rune is -1 for half of
// a surrogate pair.
func unescape(text []byte) (r rune, size int) {
	switch text[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		return unescapeUnit(text)
	}
	return rune(text[1]), 2
}

func unescapeUnit(text []byte) (r rune, size int) {
	r = hexUnit(text)
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if pair := utf16.DecodeRune(r, hexUnit(text[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return -1, 6
}

func hexUnit(text []byte) (r rune) {
	for _, digit := range text[2:6] {
		r = r<<4 | rune(unhex[digit])
	}
	return r
}

const hexDigits = "0123456789abcdef"

// plain marks the bytes that stand for themselves in what AppendQuoted writes. 0xc2 begins U+0080 to U+009F.
var plain = func() (table [256]bool) {
	for b := range table {
		table[b] = b >= ' ' && b != '"' && b != '\\' && b != 0x7f && b != 0xc2
	}
	return table
}()

// AppendQuoted appends text, which must be UTF-8, as a JSON string. Control characters are escaped, those above U+007F too.
func AppendQuoted[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	dst = AppendEscaped(dst, text)
	return append(dst, '"')
}

// AppendEscaped is AppendQuoted without the quotes around the text.
func AppendEscaped[T string | []byte](dst []byte, text T) []byte {
	start := 0
	for i := 0; i < len(text); i++ {
		b := text[i]
		if plain[b] || b == 0xc2 && text[i+1] >= 0xa0 {
			continue
		}
		dst = append(dst, text[start:i]...)
		if b == 0xc2 {
			i++ // U+0080 to U+009F end in a byte of that value
		}
		dst = appendEscape(dst, text[i])
		start = i + 1
	}
	return append(dst, text[start:]...)
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
}

// AppendCompact appends value without the white space between its tokens: on one line. Everything else stays as it is.
func AppendCompact(dst, value []byte) []byte {
	for i := 0; i < len(value); {
		switch b := value[i]; {
		case b == '"':
			n := quotedLength(value[i:])
			dst = append(dst, value[i:i+n]...)
			i += n
		case isSpace(b):
			i++
		default:
			dst = append(dst, b)
			i++
		}
	}
	return dst
}
