package schema

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
)

// Change is one difference between a golden copy and what a Go type is now.
type Change struct {
	Field    string // where: total, lines[].price, labels{}; empty is the whole
	What     string // what is different, and why that matters
	Breaking bool   // stored events would not be read as they were meant
	mend     mend
}

func (c Change) String() string {
	if c.Field == "" {
		return "the data " + c.What
	}
	return fmt.Sprintf("field %q %s", c.Field, c.What)
}

// mend is what code that lifts the old form has to do about a change.
type mend struct {
	verb string // add, remove, convert, fill
	old  *node
	new  *node
}

// comparison walks through two schemas at once.
type comparison struct {
	oldDefs, newDefs map[string]*node
	seen             map[[2]*node]bool
	changes          []Change
}

// Compare returns the differences between two schemas that [Of] has written, in order of field: what changes for events that
// were written by the older one and are read by the newer. The package comment says which changes break.
func Compare(older, newer []byte) ([]Change, error) {
	was, err := parse(older)
	if err != nil {
		return nil, fmt.Errorf("the older schema: %w", err)
	}
	is, err := parse(newer)
	if err != nil {
		return nil, fmt.Errorf("the newer schema: %w", err)
	}
	return compare(was, is), nil
}

func compare(older, newer *node) []Change {
	c := &comparison{oldDefs: older.Defs, newDefs: newer.Defs, seen: map[[2]*node]bool{}}
	c.walk("", older, newer)
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), -compareBools(a.Breaking, b.Breaking), compareBools(a.What == optional, b.What == optional))
	})
	return slices.CompactFunc(c.changes, func(b, a Change) bool {
		return a.Field == b.Field && (!b.Breaking && a.Breaking || b.What == optional) // the first says it all
	})
}

// optional is what is said of a field when there is nothing else to say of it.
const optional = "was required and is optional"

// resolve follows references, and tells whether null fits too.
func resolve(n *node, defs map[string]*node) (core *node, null bool) {
	for range 100 { // a hand-made circle of references ends here
		null = null || n.null()
		switch {
		case len(n.AnyOf) > 0:
			n = n.AnyOf[0]
		case n.Ref != "":
			next := defs[strings.TrimPrefix(n.Ref, "#/$defs/")]
			if next == nil {
				return &node{}, null
			}
			n = next
		default:
			return n, null
		}
	}
	return &node{}, null
}

func (c *comparison) breaks(path, verb string, older, newer *node, format string, args ...any) {
	c.changes = append(c.changes, Change{path, fmt.Sprintf(format, args...), true, mend{verb, older, newer}})
}

func (c *comparison) note(path, format string, args ...any) {
	c.changes = append(c.changes, Change{Field: path, What: fmt.Sprintf(format, args...)})
}

func (c *comparison) walk(path string, older, newer *node) {
	older, wasNull := resolve(older, c.oldDefs)
	newer, isNull := resolve(newer, c.newDefs)
	if c.seen[[2]*node{older, newer}] {
		return
	}
	c.seen[[2]*node{older, newer}] = true
	if older.Go != newer.Go {
		c.breaks(path, "convert", older, newer, "was %s and is %s", describe(older), describe(newer))
		return
	}
	if newer.any() {
		if !older.any() {
			c.note(path, "was %s and is any value", describe(older))
		}
		return
	}
	if reason := narrower(older, newer); reason != "" {
		c.breaks(path, "convert", older, newer, "was %s and is %s%s", describe(older), describe(newer), reason)
		return
	}
	if a, b := describe(older), describe(newer); a != b {
		c.note(path, "was %s and is %s", a, b)
	}
	if wasNull && !isNull {
		c.breaks(path, "fill", older, newer, "was null at times, which would silently become %s", zeroOf(newer))
	}
	c.inside(path, older, newer)
}

// narrower says why values of the older schema do not all fit the newer one, leaving aside what is inside of lists and objects;
// empty when they do. Both schemas are resolved and not of any value, except that the older may be.
func narrower(older, newer *node) string {
	const lost = "; digits would be lost"
	was, is := older.kind(), newer.kind()
	switch {
	case was == "integer" && is == "number":
		if !fitsFloat(older, newer.Format) {
			return lost
		}
	case was != is:
		return "; Go does not read one as the other"
	case is == "integer" && !within(older, newer):
		return ", which holds less"
	case is == "number" && older.Format != newer.Format && newer.Format != "" && (older.Format != "float" || newer.Format != "double"):
		return lost
	case is == "string":
		return narrowerText(older, newer)
	case is == "array" && !sameLength(older, newer):
		return "; elements would be lost, or filled up with zero values"
	case is == "object" && isMap(older) && !isMap(newer):
		return "; what has no field of its own would be lost"
	case is == "object" && !isMap(older) && isMap(newer) && newer.Keys != nil:
		return "; the names of its fields are no such keys"
	}
	return ""
}

func narrowerText(older, newer *node) string {
	switch {
	case older.ContentEncoding != newer.ContentEncoding:
		return "; the same text would mean something else"
	case (older.Content == nil) != (newer.Content == nil):
		return "; Go does not read one as the other"
	case newer.Format != "" && older.Format != newer.Format:
		return "; most text is none"
	}
	return ""
}

func isMap(n *node) bool { return n.Others != nil && n.Others.values != nil }

// sameLength reports whether lists of the older schema keep all their elements in the newer one.
func sameLength(older, newer *node) bool {
	if newer.MinItems == nil {
		return true
	}
	return older.MinItems != nil && *older.MinItems == *newer.MinItems
}

// within reports whether the newer integer has room for all that the older has.
func within(older, newer *node) bool {
	return !less(older.Min, newer.Min, -1) && !less(newer.Max, older.Max, 1)
}

// less compares two limits. An empty one is infinite, with the given sign.
func less(a, b interface{ String() string }, sign int) bool {
	x, y := limit(a.String()), limit(b.String())
	switch {
	case x == nil && y == nil:
		return false
	case x == nil:
		return sign < 0
	case y == nil:
		return sign > 0
	}
	return x.Cmp(y) < 0
}

func limit(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil
	}
	return n
}

// fitsFloat reports whether a float of the format holds every integer of the schema exactly.
func fitsFloat(n *node, format string) bool {
	bits := map[string]uint{"float": 24, "double": 53}[format]
	if bits == 0 {
		return true // json.Number
	}
	edge := new(big.Int).Lsh(big.NewInt(1), bits)
	low, high := limit(n.Min.String()), limit(n.Max.String())
	return low != nil && high != nil && low.CmpAbs(edge) <= 0 && high.CmpAbs(edge) <= 0
}

// inside compares elements, values and fields.
func (c *comparison) inside(path string, older, newer *node) {
	switch {
	case newer.kind() == "string" && newer.Content != nil:
		c.walk(path, older.Content, newer.Content)
	case newer.kind() == "array" && older.Items != nil && newer.Items != nil:
		c.walk(path+"[]", older.Items, newer.Items)
	case newer.kind() != "object" || newer.Go != "":
	case isMap(older):
		c.keys(path, older, newer)
		c.walk(path+"{}", older.Others.values, newer.Others.values)
	case isMap(newer):
		for _, name := range slices.Sorted(maps.Keys(older.Properties)) {
			c.walk(join(path, name), older.Properties[name], newer.Others.values)
		}
	default:
		c.fields(path, older, newer)
	}
}

func (c *comparison) keys(path string, older, newer *node) {
	was, is := older.Keys, newer.Keys
	switch {
	case is == nil && (was == nil || was.Go == ""): // any text
	case was == nil || is == nil || was.Go != is.Go:
		c.breaks(path, "convert", older, newer, "was %s and is %s; its keys would not all be read", describe(older), describe(newer))
	case was.Content != nil && is.Content != nil && !within(was.Content, is.Content):
		c.breaks(path, "convert", older, newer, "was %s and is %s; its keys would not all be read", describe(older), describe(newer))
	}
}

// fields compares the members of two structs. encoding/json reads a member into the field of exactly its name, or else into one
// whose name differs in case only.
func (c *comparison) fields(path string, older, newer *node) {
	reached := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(older.Properties)) {
		into, found := target(name, newer)
		if found {
			reached[into] = true
		}
		_, also := older.Properties[into]
		where, was := join(path, name), older.Properties[name]
		switch {
		case !found:
			c.breaks(where, "remove", was, nil, "is gone; what is stored in it would be lost")
		case into != name && also:
			c.breaks(where, "remove", was, nil, "is gone; what is stored in it would be read into %q, which differs in case only", into)
		default:
			if into != name {
				c.note(where, "is named %q, which reads it too", into)
			}
			c.member(where, was, newer.Properties[into], slices.Contains(older.Required, name), slices.Contains(newer.Required, into))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(newer.Properties)) {
		if reached[name] {
			continue
		}
		where, is := join(path, name), newer.Properties[name]
		if !slices.Contains(newer.Required, name) {
			c.changes = append(c.changes, Change{where, "is new and optional", false, mend{"add", nil, is}})
			continue
		}
		c.breaks(where, "add", nil, is, "is new and required; stored events lack it, and it would silently become %s", c.zero(is))
	}
}

func (c *comparison) member(path string, older, newer *node, was, is bool) {
	switch {
	case !was && is:
		_, null := resolve(older, c.oldDefs)
		if !null { // else walk says so
			c.breaks(path, "fill", older, newer, "was left out at times and is required; where it is absent it would silently become %s", c.zero(newer))
		}
	case was && !is:
		c.note(path, optional)
	}
	c.walk(path, older, newer)
}

func (c *comparison) zero(n *node) string {
	core, _ := resolve(n, c.newDefs)
	return zeroOf(core)
}

// target returns the field of a struct that a member is read into.
func target(name string, n *node) (field string, ok bool) {
	if _, ok := n.Properties[name]; ok {
		return name, true
	}
	for _, field := range slices.Sorted(maps.Keys(n.Properties)) {
		if strings.EqualFold(field, name) {
			return field, true
		}
	}
	return "", false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// zeroOf names the zero value of a resolved schema.
func zeroOf(n *node) string {
	switch {
	case n.Format == "date-time":
		return "the year 1"
	case n.Go != "":
		return "the zero " + n.Go
	}
	switch n.kind() {
	case "string":
		return "the empty string"
	case "integer", "number":
		return "0"
	case "boolean":
		return "false"
	}
	return "the zero value"
}

// describe says in words what a resolved schema is, without what is inside of it.
func describe(n *node) string {
	if n.any() {
		return "any value"
	}
	text := plainWords(n)
	if n.Go != "" {
		text = strings.TrimSpace("what " + n.Go + " makes of " + cmp.Or(text, "JSON") + " by its own methods")
	}
	return text
}

func plainWords(n *node) string {
	switch n.kind() {
	case "integer":
		return integerWords(n)
	case "number":
		return map[string]string{"float": "a float32", "double": "a float64"}[n.Format] + map[bool]string{true: "any number"}[n.Format == ""]
	case "boolean":
		return "a bool"
	case "array":
		if n.MinItems != nil {
			return fmt.Sprintf("a list of exactly %d", *n.MinItems)
		}
		return "a list"
	case "object":
		return objectWords(n)
	case "string":
		return stringWords(n)
	}
	return ""
}

func integerWords(n *node) string {
	for k := reflect.Int8; k <= reflect.Uint64; k++ {
		if same := integer(k); k != reflect.Uint && same != nil && same.Min == n.Min && same.Max == n.Max {
			return "an " + strings.Replace(k.String(), "uint", "unsigned int", 1)
		}
	}
	return "a whole number of any size"
}

func objectWords(n *node) string {
	switch {
	case !isMap(n):
		return "an object with fields"
	case n.Keys == nil:
		return "a map"
	case n.Keys.Go != "":
		return "a map by " + n.Keys.Go
	case n.Keys.Content == nil:
		return "a map by some text"
	}
	return "a map by " + strings.TrimPrefix(integerWords(n.Keys.Content), "an ")
}

func stringWords(n *node) string {
	switch {
	case n.Content != nil:
		return "a string that holds JSON"
	case n.ContentEncoding != "":
		return "a " + n.ContentEncoding + " string"
	case n.Format == "date-time":
		return "a time"
	}
	return "a string"
}
