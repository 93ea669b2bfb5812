package cloudevents

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
)

// percentEncode writes an attribute's value for an HTTP header: space, double quote, percent and all beyond printable ASCII
// become %XX (CloudEvents HTTP binding 1.0.2, part 3.1.3.2).
func percentEncode(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if c := value[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

func isPlain(c byte) bool { return c > ' ' && c <= '~' && c != '"' && c != '%' }

// percentDecode reads such a value: in double quotes or not, with more encoded than must be, or with plain text where older
// senders encoded nothing.
func percentDecode(field string) (string, error) {
	field, err := unquoteField(strings.Trim(field, " \t"))
	if err != nil {
		return "", err
	}
	decoded := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		if field[i] != '%' {
			decoded = append(decoded, field[i])
			continue
		}
		if decoded, err = hex.AppendDecode(decoded, []byte(field[i+1:min(i+3, len(field))])); err != nil || i+3 > len(field) {
			return "", event.Invalid("", "has a percent sign at byte %d without two hexadecimal digits; write it as %%25", i)
		}
		i += 2
	}
	if !utf8.Valid(decoded) {
		return "", event.Invalid("", "is not UTF-8 once its percent signs are decoded: %q", field)
	}
	return string(decoded), nil
}

// unquoteField takes off the double quotes and backslashes of a quoted string (RFC 7230, part 3.2.6).
func unquoteField(field string) (string, error) {
	if !strings.HasPrefix(field, `"`) {
		return field, nil
	}
	var b strings.Builder
	for i := 1; i < len(field); i++ {
		switch field[i] {
		case '"':
			if i != len(field)-1 {
				return "", event.Invalid("", "goes on behind its closing double quote")
			}
			return b.String(), nil
		case '\\':
			if i++; i == len(field) {
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return "", event.Invalid("", "has no closing double quote")
}
