package peertest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

type dice struct{ *rand.Rand }

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// Celsius, Blob and Point have methods of their own, on the value, for text, and on the pointer.
type (
	Celsius float64
	Blob    struct{ name string }
	Point   struct{ X, Y int }
)

func (c Celsius) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `[%v]`, float64(c)), nil }

func (c *Celsius) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]*float64{(*float64)(c)})
}

func (b Blob) MarshalText() ([]byte, error)     { return []byte("blob:" + b.name), nil }
func (b *Blob) UnmarshalText(text []byte) error { b.name = string(text[5:]); return nil }

func (p *Point) MarshalJSON() ([]byte, error) { return json.Marshal([]int{p.X, p.Y}) }

// UnmarshalJSON reads what MarshalJSON writes, and what is written where Go does not call it.
func (p *Point) UnmarshalJSON(text []byte) error {
	if text[0] == '{' {
		type plain Point
		return json.Unmarshal(text, (*plain)(p))
	}
	return json.Unmarshal(text, &[]*int{&p.X, &p.Y})
}

// Shared, Deeper and Tree are embedded, and refer to themselves.
type (
	Shared struct {
		ID   int64 `json:"id"`
		Name string
	}
	Deeper struct {
		*Shared
		Name  string
		Twice uint8 `json:"A"`
	}
	Tree struct {
		Shared
		Kids  []Tree           `json:"kids"`
		Named map[string]*Tree `json:",omitempty"`
		Next  *Tree
	}
	List []List
	Mix  struct {
		Deeper
		*Tree `json:"tree,omitempty"`
		level
		Points  []Point
		At      Point
		Far     *Point
		Warm    Celsius
		Blob    Blob          `json:",omitzero"`
		ByBlob  map[Blob]int8 `json:"by_blob"`
		List    List
		Address netip.Addr
		_       int
	}
	level struct {
		Level int `json:",string"`
	}
)

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](),
	reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](),
	reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[string](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[[]byte](), reflect.TypeFor[[2]byte](), reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[any](), reflect.TypeFor[*big.Int](),
}

var named = []reflect.Type{
	reflect.TypeFor[Mix](), reflect.TypeFor[Tree](), reflect.TypeFor[Deeper](), reflect.TypeFor[Celsius](), reflect.TypeFor[Blob](),
	reflect.TypeFor[Point](), reflect.TypeFor[List](), reflect.TypeFor[map[Blob]Celsius](),
}

var keys = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[uint16](),
}

// goType makes a type of any kind.
func (d dice) goType(depth int) reflect.Type {
	if depth <= 0 || d.oneIn(3) {
		return leaves[d.IntN(len(leaves))]
	}
	switch d.IntN(6) {
	case 0:
		return reflect.PointerTo(d.goType(depth - 1))
	case 1:
		return reflect.SliceOf(d.goType(depth - 1))
	case 2:
		return reflect.ArrayOf(d.IntN(3), d.goType(depth-1))
	case 3:
		return reflect.MapOf(keys[d.IntN(len(keys))], d.goType(depth-1))
	case 4:
		return named[d.IntN(len(named))]
	}
	return d.structure(depth)
}

func (d dice) structure(depth int) reflect.Type {
	fields := make([]reflect.StructField, d.IntN(5))
	for i := range fields {
		fields[i] = d.field(i, d.goType(depth-1))
	}
	return reflect.StructOf(fields)
}

var tags = []string{"", "", ",omitempty", ",omitzero", ",string", ",omitempty,string", "a", "A", "b,omitempty", "x-y", "-", "-,", `a"b`, "é,omitempty"}

func (d dice) field(i int, t reflect.Type) reflect.StructField {
	name := tags[d.IntN(len(tags))]
	if elem := strings.TrimPrefix(t.String(), "*"); strings.HasPrefix(elem, "peertest.") {
		name = strings.ReplaceAll(name, ",string", "") // refused on types with methods
	}
	tag := reflect.StructTag(`json:` + strconv.Quote(name))
	return reflect.StructField{Name: string(rune('A' + i)), Type: t, Tag: tag}
}

// changed makes a type that is t with a change or two, or t itself.
func (d dice) changed(t reflect.Type, depth int) reflect.Type {
	if d.oneIn(6) {
		return d.goType(1)
	}
	switch {
	case d.oneIn(8) && t.Kind() != reflect.Pointer:
		return reflect.PointerTo(t)
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t.PkgPath() == "" && d.oneIn(2):
		return leaves[1+d.IntN(12)]
	case t.Name() != "" || depth <= 0:
		return t
	}
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(d.changed(t.Elem(), depth))
	case reflect.Slice:
		return reflect.SliceOf(d.changed(t.Elem(), depth-1))
	case reflect.Array:
		if d.oneIn(3) {
			return reflect.SliceOf(t.Elem())
		}
		return reflect.ArrayOf(t.Len(), d.changed(t.Elem(), depth-1))
	case reflect.Map:
		key := t.Key()
		if key.PkgPath() == "" && d.oneIn(3) {
			key = keys[d.IntN(len(keys))]
		}
		return reflect.MapOf(key, d.changed(t.Elem(), depth-1))
	case reflect.Struct:
		return d.changedStruct(t, depth)
	}
	return t
}

func (d dice) changedStruct(t reflect.Type, depth int) reflect.Type {
	var fields []reflect.StructField
	for i := range t.NumField() {
		f := t.Field(i)
		f = reflect.StructField{Name: f.Name, Type: f.Type, Tag: f.Tag}
		switch d.IntN(6) {
		case 0:
			if changed := d.changed(f.Type, depth-1); !strings.HasPrefix(strings.TrimPrefix(changed.String(), "*"), "peertest.") {
				f.Type = changed
			}
		case 1:
			f = reflect.StructField{Name: f.Name, Type: f.Type, Tag: d.field(i, f.Type).Tag}
		}
		fields = append(fields, f)
	}
	if d.oneIn(2) {
		fields = append(fields, d.field(len(fields), d.goType(1)))
	}
	return reflect.StructOf(fields)
}

// fill gives v, which can be set, a value by chance.
func (d dice) fill(v reflect.Value, depth int) {
	if d.oneIn(8) && v.Type() != reflect.TypeFor[Blob]() {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		zone := []*time.Location{time.UTC, time.FixedZone("", 7200)}[d.IntN(2)]
		*p = time.Unix(d.Int64N(4e9), d.Int64N(1e9)).In(zone)
		return
	case *json.RawMessage:
		*p = []json.RawMessage{[]byte(`{"k":[1,null]}`), []byte(`null`), []byte(`12.50`), []byte(`"s"`)}[d.IntN(4)]
		return
	case *json.Number:
		*p = []json.Number{"0", "-12", "1.5e300", "12345678901234567890.125", ""}[d.IntN(5)]
		return
	case *big.Int:
		p.SetUint64(d.Uint64()).Lsh(p, uint(d.IntN(80)))
		return
	case *any:
		*p = []any{nil, "s", json.Number("7"), true, []any{"x"}, map[string]any{"k": nil}}[d.IntN(6)]
		return
	case *Blob:
		p.name = d.text()
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{byte(d.Uint32())})
		return
	}
	d.plain(v, depth)
}

func (d dice) plain(v reflect.Value, depth int) {
	switch k := v.Kind(); {
	case k == reflect.Bool:
		v.SetBool(d.oneIn(2))
	case v.CanInt():
		v.SetInt(int64(d.Uint64()) >> d.IntN(64)) // cut to its size by SetInt
	case v.CanUint():
		v.SetUint(d.Uint64() >> d.IntN(64))
	case k == reflect.Float32:
		v.SetFloat(float64(float32(d.NormFloat64() * math.Pow10(d.IntN(60)-30))))
	case k == reflect.Float64:
		v.SetFloat(d.NormFloat64() * math.Pow10(d.IntN(500)-250))
	case k == reflect.String:
		v.SetString(d.text())
	case depth <= 0:
	case k == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.fill(v.Elem(), depth-1)
	case k == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), d.IntN(3), 3))
		d.elements(v, depth)
	case k == reflect.Array:
		d.elements(v, depth)
	case k == reflect.Map:
		d.entries(v, depth)
	case k == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				d.fill(v.Field(i), depth-1)
			}
		}
	}
}

func (d dice) elements(v reflect.Value, depth int) {
	for i := range v.Len() {
		d.fill(v.Index(i), depth-1)
	}
}

func (d dice) entries(v reflect.Value, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	for range d.IntN(3) {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		d.fill(key, 1)
		d.fill(value, depth-1)
		v.SetMapIndex(key, value)
	}
}

func (d dice) text() string {
	return []string{"", "a", "<&>", "ä\u2028\n", "2026-01-02T03:04:05Z", "12", "AAEC"}[d.IntN(7)]
}
