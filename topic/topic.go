package topic

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLen is how many bytes a topic or a pattern may have.
const MaxLen = 255

// Validate returns nil if t is a topic, and otherwise a [*SyntaxError] that says what is wrong with it, where,
// and how to mend it.
func Validate(t string) error {
	if isPlain(t) {
		return nil
	}
	return check("topic", t)
}

// isPlain reports whether t is a topic in ASCII: a quick answer for nearly all.
func isPlain(t string) bool {
	before := byte('.')
	for i := range len(t) {
		c := t[i]
		if c <= ' ' || c >= 0x7f || c == '*' || c == '.' && before == '.' {
			return false
		}
		before = c
	}
	return before != '.' && len(t) <= MaxLen
}

// check refuses text that is not a topic or, if kind is "pattern", not a pattern.
func check(kind, text string) error {
	if text == "" {
		return &SyntaxError{Kind: kind, Reason: "it is empty; name at least one segment, as in order.placed"}
	}
	if len(text) > MaxLen {
		reason := fmt.Sprintf("it has %d bytes and may have %d; shorten it", len(text), MaxLen)
		return &SyntaxError{Kind: kind, Text: text, Offset: MaxLen, Reason: reason}
	}
	start := 0
	for segment := range strings.SplitSeq(text, ".") {
		if kind != "pattern" || !isWildcard(segment) {
			if offset, reason := checkName(kind, segment); reason != "" {
				return &SyntaxError{Kind: kind, Text: text, Offset: start + offset, Reason: reason}
			}
		}
		start += len(segment) + len(".")
	}
	return nil
}

func isWildcard(segment string) bool { return segment == "*" || segment == "**" }

// checkName returns where in a segment that is no wildcard the first mistake stands, and what it is.
func checkName(kind, segment string) (offset int, reason string) {
	if segment == "" {
		return 0, "the segment is empty; name it, or remove a dot"
	}
	for i, r := range segment {
		if reason := checkRune(kind, r); reason != "" {
			return i, reason
		}
		if r == utf8.RuneError && !strings.HasPrefix(segment[i:], string(utf8.RuneError)) {
			return i, fmt.Sprintf("byte 0x%02x is not UTF-8; encode the text as UTF-8", segment[i])
		}
	}
	return 0, ""
}

func checkRune(kind string, r rune) (reason string) {
	switch {
	case r == '*' && kind == "pattern":
		return `"*" beside other characters; write * alone for one whole segment, ** for any number of them`
	case r == '*':
		return `"*" stands only in patterns; name the segment`
	case unicode.IsControl(r):
		return fmt.Sprintf("control character %U; remove it", r)
	case unicode.IsSpace(r):
		return fmt.Sprintf(`white space %U; remove it, or use "-" or "_"`, r)
	}
	return ""
}
