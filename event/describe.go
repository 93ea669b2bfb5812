package event

import (
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// Typed is a struct that names its event type itself. The method is called once, on the zero value.
type Typed interface{ EventType() string }

// Versioned is a struct whose schema version is not 1. The method is called once, on the zero value.
type Versioned interface{ EventVersion() int }

// Aggregate is a struct that says which thing it is about. Its stream is the aggregate type, a hyphen and this id.
// An event with an empty id goes to the stream named after its type.
type Aggregate interface{ AggregateID() string }

// AggregateTyped is a struct whose aggregate type is not its event type's first segment. It is called once, on the zero value.
type AggregateTyped interface{ AggregateType() string }

// Topical is a struct that chooses its topic.
type Topical interface{ EventTopic() string }

// Tagged is a struct that labels itself.
type Tagged interface{ EventTags() []string }

// Descriptor is what a Go type says about the events made of it.
type Descriptor struct {
	Type          string
	Version       int
	AggregateType string // set only when the Go type has the method AggregateID
}

// described remembers Describe's answers, which never change for a type.
var described sync.Map // reflect.Type -> description

type description struct {
	Descriptor
	err error
}

// Describe returns the event type, version and aggregate type of the Go type t: its name as [TypeName] makes it, or what its
// methods say. A type without a name needs the method EventType.
func Describe(t reflect.Type) (Descriptor, error) {
	if found, ok := described.Load(t); ok {
		d := found.(description)
		return d.Descriptor, d.err
	}
	d := describe(t)
	described.Store(t, d)
	return d.Descriptor, d.err
}

func describe(t reflect.Type) description {
	zero := reflect.New(t).Interface() // a pointer has the methods of both receivers
	d := Descriptor{Version: 1}
	if typed, ok := zero.(Typed); ok {
		d.Type = typed.EventType()
	} else if t.Name() == "" || t.PkgPath() == "" || strings.Contains(t.Name(), "[") {
		return description{err: Invalid("type", "%v has no name to make an event type of; "+
			"use a named struct, give it a method EventType() string, or publish event.From(name, data)", t)}
	} else {
		d.Type = TypeName(t.Name())
	}
	if err := CheckType("type", d.Type); err != nil {
		return description{err: Invalid("type", "of %v: %v", t, err)}
	}
	if versioned, ok := zero.(Versioned); ok {
		if d.Version = versioned.EventVersion(); d.Version < 1 {
			return description{err: Invalid("version", "%v.EventVersion returns %d; versions start at 1", t, d.Version)}
		}
	}
	if _, ok := zero.(Aggregate); ok {
		d.AggregateType, _, _ = strings.Cut(d.Type, ".")
		if typed, ok := zero.(AggregateTyped); ok {
			d.AggregateType = typed.AggregateType()
		}
	}
	return description{Descriptor: d}
}

// TypeName makes an event type of a Go name: OrderPlaced becomes "order.placed", HTTPRequestFailed "http.request.failed",
// OAuth2TokenIssued "o.auth2.token.issued". Digits stay with the word before them, underscores separate words.
func TypeName(goName string) string {
	runes := []rune(goName)
	var b strings.Builder
	for i, r := range runes {
		if r == '_' {
			continue
		}
		if b.Len() > 0 && startsWord(runes, i) {
			b.WriteByte('.')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// startsWord reports whether a new word begins at i: after an underscore, at a capital after a small letter or digit, and at the
// last capital of a run that a small letter follows.
func startsWord(runes []rune, i int) bool {
	previous := runes[i-1]
	if previous == '_' {
		return true
	}
	if !unicode.IsUpper(runes[i]) {
		return false
	}
	return !unicode.IsUpper(previous) || i+1 < len(runes) && unicode.IsLower(runes[i+1])
}
