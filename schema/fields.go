package schema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a member of a struct as encoding/json writes it.
type field struct {
	name     string
	tagged   bool
	index    []int
	typ      reflect.Type
	optional bool // it is left out at times
	quoted   bool // the option "string"
	addr     bool // methods with a pointer receiver are called
}

// level is a struct to explore: the type itself, or one embedded in it.
type level struct {
	typ      reflect.Type
	index    []int
	addr     bool
	optional bool // behind an embedded pointer, which may be nil
}

// fieldsOf returns the members of a struct by the rules of encoding/json: breadth first through embedded structs; of one name the
// one least deep counts, among these the one that a tag names, and none when that leaves several.
func fieldsOf(t reflect.Type, addr bool) []field {
	next := []level{{typ: t, addr: addr}}
	var nextCount map[reflect.Type]int
	visited := map[reflect.Type]bool{}
	var found []field
	for len(next) > 0 {
		current, count := next, nextCount
		next, nextCount = nil, map[reflect.Type]int{}
		for _, l := range current {
			if visited[l.typ] {
				continue
			}
			visited[l.typ] = true
			for i := range l.typ.NumField() {
				f, embedded, ok := l.field(i)
				switch {
				case !ok:
				case embedded != nil:
					if nextCount[embedded.typ]++; nextCount[embedded.typ] == 1 {
						next = append(next, *embedded)
					}
				case count[l.typ] > 1: // embedded twice at one depth: the copies hide each other
					found = append(found, f, f)
				default:
					found = append(found, f)
				}
			}
		}
	}
	return dominant(found)
}

// field returns the i-th field, or the struct that is embedded there; ok is false when encoding/json passes it over.
func (l level) field(i int) (f field, embedded *level, ok bool) {
	sf := l.typ.Field(i)
	behind := sf.Type
	if sf.Anonymous && behind.Kind() == reflect.Pointer {
		behind = behind.Elem()
	}
	if !sf.IsExported() && (!sf.Anonymous || behind.Kind() != reflect.Struct) {
		return field{}, nil, false
	}
	tag := sf.Tag.Get("json")
	if tag == "-" {
		return field{}, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	index := append(slices.Clone(l.index), i)
	inner := sf.Type
	if inner.Name() == "" && inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	if name == "" && sf.Anonymous && inner.Kind() == reflect.Struct {
		pointer := sf.Type.Kind() == reflect.Pointer
		return field{}, &level{inner, index, l.addr || pointer, l.optional || pointer}, true
	}
	has := func(option string) bool { return slices.Contains(strings.Split(options, ","), option) }
	return field{
		name: cmp.Or(name, sf.Name), tagged: name != "", index: index, typ: sf.Type, addr: l.addr,
		optional: l.optional || has("omitzero") || has("omitempty") && mayBeEmpty(sf.Type),
		quoted:   has("string") && quotable(inner.Kind()),
	}, nil, true
}

func dominant(fields []field) []field {
	slices.SortFunc(fields, func(a, b field) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), -compareBools(a.tagged, b.tagged),
			slices.Compare(a.index, b.index))
	})
	var out []field
	for len(fields) > 0 {
		n := 1
		for n < len(fields) && fields[n].name == fields[0].name {
			n++
		}
		tie := n > 1 && len(fields[0].index) == len(fields[1].index) && fields[0].tagged == fields[1].tagged
		if !tie {
			out = append(out, fields[0])
		}
		fields = fields[n:]
	}
	return out
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// validName reports whether a tag's name counts.
func validName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return name != ""
}

// quotable reports whether the option "string" applies to a kind.
func quotable(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 || k == reflect.String
}

// mayBeEmpty reports whether the option "omitempty" ever leaves out a value of the type.
func mayBeEmpty(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.String, reflect.Interface, reflect.Pointer:
		return true
	case reflect.Array:
		return t.Len() == 0
	}
	return quotable(t.Kind())
}
