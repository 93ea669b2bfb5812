package rawjson

import "iter"

// Kind is what a JSON value is.
type Kind string

// The kinds, in words for messages.
const (
	Object  Kind = "an object"
	Array   Kind = "an array"
	String  Kind = "a string"
	Number  Kind = "a number"
	Boolean Kind = "a boolean"
	Null    Kind = "null"
)

// KindOf returns the kind of a value that Check has passed, by its first byte behind white space.
func KindOf(value []byte) Kind {
	switch Trim(value)[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Boolean
	case 'n':
		return Null
	}
	return Number
}

// Trim returns text without the white space around it.
func Trim(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// Members yields the members of an object in their order, duplicates too: each name unquoted, each value as it stands, without
// white space around it. Both are parts of object, except names with escapes. It yields none for other values.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest, ok := enter(object, '{')
		for ok {
			n := length(rest)
			name, _ := Unquote(rest[:n])
			value := Trim(Trim(rest[n:])[1:]) // behind the colon
			n = length(value)
			if !yield(name, value[:n:n]) {
				return
			}
			rest, ok = next(value[n:])
		}
	}
}

// Elements yields the elements of an array as they stand, without white space around them. It yields none for other values.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		rest, ok := enter(array, '[')
		for ok {
			n := length(rest)
			if !yield(rest[:n:n]) {
				return
			}
			rest, ok = next(rest[n:])
		}
	}
}

// enter returns what follows an opening bracket, if anything does before the closing one.
func enter(text []byte, opening byte) (rest []byte, ok bool) {
	text = Trim(text)
	if len(text) == 0 || text[0] != opening {
		return nil, false
	}
	rest = Trim(text[1:])
	return rest, len(rest) > 1
}

// next returns what follows a comma; ok is false at a closing bracket.
func next(text []byte) (rest []byte, ok bool) {
	text = Trim(text)
	return Trim(text[1:]), text[0] == ','
}

// length is that of the value that text begins with.
func length(text []byte) int {
	switch text[0] {
	case '"':
		return quotedLength(text)
	case '{', '[':
		return nestedLength(text)
	}
	for i, b := range text {
		if b == ',' || b == '}' || b == ']' || isSpace(b) {
			return i
		}
	}
	return len(text)
}

func quotedLength(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

func nestedLength(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += quotedLength(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
