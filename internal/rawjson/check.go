package rawjson

import (
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 1000

// Error says where and why a text is not JSON.
type Error struct {
	Offset int // in bytes, from 0
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Check returns an *Error unless text is one JSON value in UTF-8, nested at most MaxDepth deep, with at most white space
// around it.
func Check(text []byte) error {
	if i := invalidUTF8(text); i >= 0 {
		return &Error{Offset: i, Reason: "bytes that are not UTF-8"}
	}
	c := checker{text: text}
	if err := c.value(0); err != nil {
		return err
	}
	if c.peek(); c.at < len(text) {
		return c.wrong("the end of the text")
	}
	return nil
}

func invalidUTF8(text []byte) int {
	if utf8.Valid(text) {
		return -1
	}
	i := 0
	for {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

type checker struct {
	text []byte
	at   int
}

// peek skips white space and returns the byte that follows it, or 0 behind the last one.
func (c *checker) peek() byte {
	for ; c.at < len(c.text); c.at++ {
		if !isSpace(c.text[c.at]) {
			return c.text[c.at]
		}
	}
	return 0
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

func (c *checker) wrong(wanted string) error {
	if c.at >= len(c.text) {
		return &Error{Offset: c.at, Reason: "the text ends where " + wanted + " should be"}
	}
	found, _ := utf8.DecodeRune(c.text[c.at:])
	return &Error{Offset: c.at, Reason: fmt.Sprintf("%q where %s should be", found, wanted)}
}

func (c *checker) value(depth int) error {
	if depth > MaxDepth {
		return &Error{Offset: c.at, Reason: fmt.Sprintf("arrays and objects nested deeper than %d", MaxDepth)}
	}
	switch b := c.peek(); b {
	case '{':
		return c.object(depth)
	case '[':
		return c.array(depth)
	case '"':
		return c.quoted()
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	default:
		if b == '-' || isDigit(b) {
			return c.number()
		}
		return c.wrong("a value")
	}
}

func (c *checker) object(depth int) error {
	c.at++
	if c.peek() == '}' {
		c.at++
		return nil
	}
	for {
		if c.peek() != '"' {
			return c.wrong("a name in double quotes")
		}
		if err := c.quoted(); err != nil {
			return err
		}
		if c.peek() != ':' {
			return c.wrong("a colon")
		}
		c.at++
		if err := c.value(depth + 1); err != nil {
			return err
		}
		if more, err := c.more('}', "a comma or }"); !more {
			return err
		}
	}
}

func (c *checker) array(depth int) error {
	c.at++
	if c.peek() == ']' {
		c.at++
		return nil
	}
	for {
		if err := c.value(depth + 1); err != nil {
			return err
		}
		if more, err := c.more(']', "a comma or ]"); !more {
			return err
		}
	}
}

// more takes what follows a member or element: a comma, or the closing bracket.
func (c *checker) more(closing byte, wanted string) (bool, error) {
	b := c.peek()
	if b != ',' && b != closing {
		return false, c.wrong(wanted)
	}
	c.at++
	return b == ',', nil
}

func (c *checker) quoted() error {
	for c.at++; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; {
		case b == '"':
			c.at++
			return nil
		case b == '\\':
			if err := c.escape(); err != nil {
				return err
			}
		case b < ' ':
			return &Error{Offset: c.at, Reason: fmt.Sprintf("the control character %q inside a string", b)}
		}
	}
	return c.wrong("a closing double quote")
}

// escape takes all of an escape sequence but its last byte.
func (c *checker) escape() error {
	c.at++
	if c.at >= len(c.text) {
		return c.wrong("an escaped character")
	}
	switch c.text[c.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			c.at++
			if c.at >= len(c.text) || unhex[c.text[c.at]] < 0 {
				return c.wrong("a hexadecimal digit")
			}
		}
		return nil
	}
	return c.wrong(`one of "\/bfnrtu after a backslash`)
}

func (c *checker) word(word string) error {
	for i := range len(word) {
		if c.at >= len(c.text) || c.text[c.at] != word[i] {
			return c.wrong(word)
		}
		c.at++
	}
	return nil
}

func (c *checker) number() error {
	if c.text[c.at] == '-' {
		c.at++
	}
	if c.at < len(c.text) && c.text[c.at] == '0' {
		c.at++
	} else if !c.digits() {
		return c.wrong("a digit")
	}
	if c.takes(".") && !c.digits() {
		return c.wrong("a digit")
	}
	if c.takes("eE") {
		c.takes("+-")
		if !c.digits() {
			return c.wrong("a digit")
		}
	}
	return nil
}

// digits takes digits and reports whether there was one.
func (c *checker) digits() bool {
	start := c.at
	for c.at < len(c.text) && isDigit(c.text[c.at]) {
		c.at++
	}
	return c.at > start
}

// takes takes the next byte if it is one of set.
func (c *checker) takes(set string) bool {
	for i := range len(set) {
		if c.at < len(c.text) && c.text[c.at] == set[i] {
			c.at++
			return true
		}
	}
	return false
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
