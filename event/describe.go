package event

import (
	"encoding/json"
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

// Validated is a struct that knows when it is wrong: [New] refuses it then. It is asked when an event is made of it, and never when
// a stored event is read, which has happened whatever is thought of it today. Data without a Go type of their own are not asked.
type Validated interface{ Validate() error }

// Descriptor is what a Go type says about the events made of it.
type Descriptor struct {
	Type          string
	Version       int
	AggregateType string // set only when the Go type has the method AggregateID
}

// described remembers what is known of each Go type, which never changes.
var described sync.Map // reflect.Type -> *description

type description struct {
	Descriptor
	err      error
	nameless bool // nothing to make an event type of: such data needs one given with it
	pointer  bool // AggregateID, EventTopic or EventTags has a pointer receiver
	validity validity
}

// Describe returns the event type, version and aggregate type of the Go type t: its name as [TypeName] makes it, or what its
// methods say. A type without a name needs the method EventType.
func Describe(t reflect.Type) (Descriptor, error) {
	d := descriptionOf(t)
	return d.Descriptor, d.err
}

func descriptionOf(t reflect.Type) *description {
	if found, ok := described.Load(t); ok {
		return found.(*description)
	}
	d := describe(t)
	described.Store(t, d)
	return d
}

func describe(t reflect.Type) *description {
	if t == nil {
		return &description{err: Invalid("type", "there is no Go type to make an event type of")}
	}
	d := &description{Descriptor: Descriptor{Version: 1}, pointer: needsPointer(t), validity: validityOf(t)}
	zero := reflect.New(t).Interface() // a pointer has the methods of both receivers
	typed, ok := zero.(Typed)
	if why := unnamed(t); why != "" && !ok {
		return &description{nameless: true, pointer: d.pointer, validity: d.validity, err: Invalid("type", "%v %s", t, why)}
	}
	if d.Type = TypeName(t.Name()); ok {
		d.Type = typed.EventType()
	}
	if err := CheckType("type", d.Type); err != nil {
		return &description{err: Invalid("type", "of %v: %s", t, reason(err))}
	}
	if versioned, ok := zero.(Versioned); ok {
		if d.Version = versioned.EventVersion(); d.Version < 1 {
			return &description{err: Invalid("version", "%v.EventVersion returns %d; versions start at 1", t, d.Version)}
		}
	}
	return d.withAggregate(t, zero)
}

func (d *description) withAggregate(t reflect.Type, zero any) *description {
	if _, ok := zero.(Aggregate); !ok {
		return d
	}
	d.AggregateType = firstSegment(d.Type)
	if typed, ok := zero.(AggregateTyped); ok {
		d.AggregateType = typed.AggregateType()
	}
	if err := CheckName("aggregate type", d.AggregateType); err != nil {
		return &description{err: Invalid("aggregate type", "of %v: %s", t, reason(err))}
	}
	return d
}

func firstSegment(eventType string) string {
	first, _, _ := strings.Cut(eventType, ".")
	return first
}

// unnamed says why the Go type's name makes no event type, "" when it does.
func unnamed(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return "is a pointer; use the type that it points to"
	case t.Kind() == reflect.Interface:
		return "is an interface; events are of concrete types"
	case t.Name() == "", t.PkgPath() == "", strings.Contains(t.Name(), "["), t == rawJSON:
		return "has no name to make an event type of; " +
			"use a named struct, give it a method EventType() string, or publish event.From(name, data)"
	}
	return ""
}

var rawJSON = reflect.TypeFor[json.RawMessage]()

// needsPointer reports whether a method that events are asked for is the pointer's alone.
func needsPointer(t reflect.Type) bool {
	for _, asked := range [...]reflect.Type{reflect.TypeFor[Aggregate](), reflect.TypeFor[Topical](), reflect.TypeFor[Tagged]()} {
		if reflect.PointerTo(t).Implements(asked) && !t.Implements(asked) {
			return true
		}
	}
	return false
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
