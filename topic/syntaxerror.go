package topic

import (
	"fmt"
	"unicode/utf8"
)

// SyntaxError is why [Validate] refused a topic or [Parse] a pattern.
type SyntaxError struct {
	Kind   string // "topic" or "pattern": what Text was meant to be
	Text   string // what was refused, whole
	Offset int    // the byte of Text at which the mistake stands, counted from 0
	Reason string // what is wrong there, and how to mend it
}

func (e *SyntaxError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%s %q: %s", e.Kind, e.Text, e.Reason)
	}
	return fmt.Sprintf("%s %s: at byte %d: %s", e.Kind, excerpt(e.Text), e.Offset, e.Reason)
}

// excerpt quotes text, only its beginning if it is longer than a topic may be.
func excerpt(text string) string {
	const enough = 64
	if len(text) <= MaxLen {
		return fmt.Sprintf("%q", text)
	}
	cut := enough
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", text[:cut])
}
