package screen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Clean returns s with whatever would steer a terminal escaped: control and format characters (which turn the writing
// direction, say) and bytes that are not UTF-8.
func Clean(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, steers) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// steers reports whether a terminal might do something else than show r. The joiners are format characters too, but harmless,
// and emoji and many scripts are made with them. A byte that is not UTF-8 comes as utf8.RuneError.
func steers(r rune) bool {
	switch r {
	case '\u200c', '\u200d':
		return false
	case '\u2028', '\u2029':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// Clip returns s, shortened with "…" to at most width columns.
func Clip(s string, width int) string { return runewidth.Truncate(s, width, "…") }
