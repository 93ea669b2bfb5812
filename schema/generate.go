package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Of returns the JSON Schema (2020-12) of what [event.JSON] writes for a value of the Go type, indented, and the same each time.
//
// It follows encoding/json: tags and their options, embedded structs, methods that marshal. A struct allows no members but its
// own. A member is required when it is always written and cannot be null; what is left out or null at times is not, nor is a
// pointer, slice or map, whose absence can be told from a value. Integers have their range, floats the formats of OpenAPI,
// time.Time is a date-time, []byte is base64, recursive types are references. Of a type that marshals itself nothing is known but
// its name, under x-oxbow-go, and that a MarshalText writes a string.
//
// A type that cannot be written as JSON and read back, such as one with a channel or an interface with methods, is refused.
func Of(t reflect.Type) ([]byte, error) {
	n, err := generate(t, t.String())
	if err != nil {
		return nil, err
	}
	return n.text()
}

// generate returns the schema of a type under a title.
func generate(t reflect.Type, title string) (*node, error) {
	g := &generator{open: map[place]bool{}, names: map[place]string{}, defs: map[string]*node{}}
	n, err := g.of(place{t: t})
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t, err)
	}
	n.Dialect, n.Title, n.Defs = "https://json-schema.org/draft/2020-12/schema", title, g.defs
	return n, nil
}

// generator describes one type and what it consists of.
type generator struct {
	open  map[place]bool   // being described
	names map[place]string // of what refers to itself
	defs  map[string]*node
	path  []string // where we are, for errors
}

// place is a type, and whether its value can be addressed there: only then encoding/json calls pointer methods.
type place struct {
	t    reflect.Type
	addr bool
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	bigType    = reflect.TypeFor[big.Int]()

	marshaler       = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (p place) implements(method reflect.Type) bool {
	return p.t.Implements(method) || p.addr && reflect.PointerTo(p.t).Implements(method)
}

// reads reports whether the type is read by a method of its own. What is read into can always be addressed.
func (p place) reads() bool {
	pointer := reflect.PointerTo(p.t)
	return pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler)
}

func (g *generator) of(p place) (*node, error) {
	if p.t.Kind() == reflect.Pointer {
		n, err := g.of(place{p.t.Elem(), true})
		if err != nil {
			return nil, err
		}
		return n.orNull(), nil
	}
	switch {
	case p.t == timeType:
		return &node{Type: kinds{"string"}, Format: "date-time"}, nil
	case p.t == numberType:
		return &node{Type: kinds{"number"}}, nil
	case p.t == rawType:
		return &node{}, nil
	case p.t == bigType && p.addr:
		return &node{Type: kinds{"integer"}}, nil
	case p.t.Kind() == reflect.Interface && p.t.NumMethod() > 0:
		return nil, g.refuse("%v is an interface with methods, which cannot be read back; name the concrete type, or use json.RawMessage", p.t)
	case p.implements(marshaler):
		return &node{Go: nameOf(p.t)}, nil
	case p.implements(textMarshaler):
		return &node{Type: kinds{"string"}, Go: nameOf(p.t)}, nil
	}
	n, err := g.plain(p)
	if err == nil && p.reads() {
		n = &node{AnyOf: n.AnyOf, Ref: n.Ref, Type: n.Type, Go: nameOf(p.t)} // how it is written says little about what is read
	}
	return n, err
}

// plain describes a type that has no methods for it.
func (g *generator) plain(p place) (*node, error) {
	switch k := p.t.Kind(); k {
	case reflect.Bool:
		return &node{Type: kinds{"boolean"}}, nil
	case reflect.String:
		return &node{Type: kinds{"string"}}, nil
	case reflect.Float32:
		return &node{Type: kinds{"number"}, Format: "float"}, nil
	case reflect.Float64:
		return &node{Type: kinds{"number"}, Format: "double"}, nil
	case reflect.Interface:
		return &node{}, nil
	case reflect.Array, reflect.Slice:
		return g.list(p)
	case reflect.Map:
		return g.mapping(p)
	case reflect.Struct:
		return g.structure(p)
	default:
		if n := integer(k); n != nil {
			return n, nil
		}
	}
	return nil, g.refuse("%v cannot be written as JSON; leave the field out with the tag json:\"-\"", p.t)
}

// integer returns the schema of an integer kind, nil for others. An int has 64 bits, whatever the machine.
func integer(k reflect.Kind) *node {
	switch k {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		bits := 64
		if k != reflect.Int {
			bits = 8 << (k - reflect.Int8)
		}
		edge := int64(-1) << (bits - 1)
		return &node{Type: kinds{"integer"}, Min: number(strconv.FormatInt(edge, 10)), Max: number(strconv.FormatInt(-(edge + 1), 10))}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		bits := 64
		if k >= reflect.Uint8 && k <= reflect.Uint64 {
			bits = 8 << (k - reflect.Uint8)
		}
		return &node{Type: kinds{"integer"}, Min: "0", Max: number(strconv.FormatUint(^uint64(0)>>(64-bits), 10))}
	}
	return nil
}

func number(text string) json.Number { return json.Number(text) }

func (g *generator) list(p place) (*node, error) {
	elem := p.t.Elem()
	if p.t.Kind() == reflect.Slice && elem.Kind() == reflect.Uint8 {
		if pointer := reflect.PointerTo(elem); !pointer.Implements(marshaler) && !pointer.Implements(textMarshaler) {
			return &node{Type: kinds{"string", "null"}, ContentEncoding: "base64"}, nil
		}
	}
	return g.recursive(p, func() (n *node, err error) {
		n = &node{Type: kinds{"array", "null"}}
		addr := true
		if p.t.Kind() == reflect.Array {
			addr = p.addr
			n.Type, n.MinItems, n.MaxItems = kinds{"array"}, new(p.t.Len()), new(p.t.Len())
		}
		n.Items, err = g.within("[]", place{elem, addr})
		return n, err
	})
}

func (g *generator) mapping(p place) (*node, error) {
	keys, err := g.keys(p.t.Key())
	if err != nil {
		return nil, err
	}
	return g.recursive(p, func() (*node, error) {
		values, err := g.within("{}", place{t: p.t.Elem()})
		return &node{Type: kinds{"object", "null"}, Keys: keys, Others: &others{values}}, err
	})
}

// keys describes the names in a map, nil when they are any text.
func (g *generator) keys(t reflect.Type) (*node, error) {
	own := t.Implements(textMarshaler) && t.Kind() != reflect.String || reflect.PointerTo(t).Implements(textUnmarshaler)
	switch n := integer(t.Kind()); {
	case own:
		return &node{Go: nameOf(t)}, nil
	case t.Kind() == reflect.String:
		return nil, nil
	case n != nil:
		return quoted(n), nil
	}
	return nil, g.refuse("%v is no key that JSON could write; use text, integers, or a type with MarshalText", t)
}

// quoted is what is written as JSON within a string.
func quoted(n *node) *node {
	return &node{Type: kinds{"string"}, ContentType: "application/json", Content: n}
}

func (g *generator) structure(p place) (*node, error) {
	return g.recursive(p, func() (*node, error) {
		n := &node{Type: kinds{"object"}, Properties: map[string]*node{}, Others: &others{}}
		for _, f := range fieldsOf(p.t, p.addr) {
			member, err := g.member(f)
			if err != nil {
				return nil, err
			}
			n.Properties[f.name] = member
			if !f.optional && !g.mayBeNull(member) {
				n.Required = append(n.Required, f.name)
			}
		}
		return n, nil
	})
}

// mayBeNull is null for a member, which may refer to a type that is still being described: a slice or map with a name.
func (g *generator) mayBeNull(n *node) bool {
	if n.Ref == "" || n.null() {
		return n.null()
	}
	for p, name := range g.names {
		if "#/$defs/"+name == n.Ref {
			return p.t.Kind() == reflect.Slice || p.t.Kind() == reflect.Map
		}
	}
	return false
}

func (g *generator) member(f field) (*node, error) {
	n, err := g.within(f.name, place{f.typ, f.addr})
	if err != nil || !f.quoted {
		return n, err
	}
	pointer := f.typ.Kind() == reflect.Pointer
	if pointer {
		n, err = g.within(f.name, place{f.typ.Elem(), true})
	}
	switch {
	case err != nil:
		return nil, err
	case n.Go != "":
		g.path = append(g.path, f.name)
		return nil, g.refuse("%v has methods of its own for JSON, and with the option string Go cannot read it back; drop the option", f.typ)
	case pointer:
		return quoted(n).orNull(), nil
	}
	return quoted(n), nil
}

func (g *generator) within(name string, p place) (*node, error) {
	g.path = append(g.path, name)
	n, err := g.of(p)
	g.path = g.path[:len(g.path)-1]
	return n, err
}

// recursive describes a type that may contain itself: then it becomes a definition, to which all places refer.
func (g *generator) recursive(p place, describe func() (*node, error)) (*node, error) {
	if g.open[p] || g.defs[g.names[p]] != nil {
		return g.refer(p), nil
	}
	g.open[p] = true
	n, err := describe()
	delete(g.open, p)
	if err != nil {
		return nil, err
	}
	name, ok := g.names[p]
	if !ok {
		return n, nil
	}
	g.defs[name] = n
	return g.refer(p), nil
}

func (g *generator) refer(p place) *node {
	name, ok := g.names[p]
	if !ok {
		name = g.freeName(nameOf(p.t))
		g.names[p] = name
	}
	return &node{Ref: "#/$defs/" + name}
}

// freeName makes a name that a reference can hold and that no other definition has.
func (g *generator) freeName(wanted string) string {
	wanted = strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, wanted)
	name := wanted
	for n := 2; g.taken(name); n++ {
		name = wanted + strconv.Itoa(n)
	}
	return name
}

func (g *generator) taken(name string) bool {
	for _, other := range g.names {
		if other == name {
			return true
		}
	}
	return false
}

// nameOf returns the Go type's name without its package, which may move.
func nameOf(t reflect.Type) string {
	if t.Name() == "" {
		return t.String()
	}
	return t.Name()
}

// refuse returns the error for the type at the path.
func (g *generator) refuse(format string, args ...any) error {
	path := slices.Clone(g.path)
	return event.Invalid("field "+joinPath(path), format, args...)
}

// joinPath writes a path as messages do: lines[].price.
func joinPath(path []string) string {
	if len(path) == 0 {
		return "(the whole)"
	}
	var b strings.Builder
	for i, name := range path {
		if i > 0 && name != "[]" && name != "{}" {
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	return b.String()
}
