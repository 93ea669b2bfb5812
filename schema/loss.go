package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// losses returns what is in one JSON text and not in what the Go type made of it. The type's schema, nil when there is none,
// tells a field that the type does not have from one that is left out because it holds an empty value.
func losses(read, written []byte, n *node) []Loss {
	was, err := decodeAny(read)
	if err != nil {
		return nil // the codec read it, so it is more than JSON
	}
	is, err := decodeAny(written)
	if err != nil {
		return nil
	}
	l := lossFinder{}
	if n != nil {
		l.defs = n.Defs
	}
	l.walk("", was, is, n)
	return l.found
}

func decodeAny(text []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

type lossFinder struct {
	defs  map[string]*node
	found []Loss
}

func (l *lossFinder) lose(path, format string, args ...any) {
	l.found = append(l.found, Loss{Field: path, What: fmt.Sprintf(format, args...)})
}

func (l *lossFinder) walk(path string, was, is any, n *node) {
	if n != nil {
		n, _ = resolve(n, l.defs)
	}
	switch was := was.(type) {
	case map[string]any:
		if is, ok := is.(map[string]any); ok {
			l.members(path, was, is, n)
			return
		}
	case []any:
		if is, ok := is.([]any); ok {
			l.elements(path, was, is, n)
			return
		}
	}
	if !sameScalar(was, is) {
		l.lose(path, "comes back as another value")
	}
}

func (l *lossFinder) members(path string, was, is map[string]any, n *node) {
	for _, name := range slices.Sorted(maps.Keys(was)) {
		inner := memberOf(n, name)
		back, ok := is[name]
		if !ok {
			back, ok = folded(was, is, name)
		}
		switch {
		case ok:
			l.walk(join(path, name), was[name], back, inner)
		case inner != nil && (empty(was[name]) || l.leftOut(was[name], inner)): // left out, as its tag says
		default:
			l.lose(join(path, name), "is stored, and the Go type does not keep it")
		}
	}
}

// leftOut reports whether a value is what omitempty or omitzero leave out although it is not empty itself: an array of fixed
// length with nothing in it, and a quoted value that is empty.
func (l *lossFinder) leftOut(v any, n *node) bool {
	n, _ = resolve(n, l.defs)
	switch v := v.(type) {
	case []any:
		return n.MinItems != nil && !slices.ContainsFunc(v, func(e any) bool { return !empty(e) })
	case string:
		return n.Content != nil && (v == "0" || v == "false" || v == `""`)
	}
	return false
}

// folded finds the member into which a name was read that differs in case only.
func folded(was, is map[string]any, name string) (value any, ok bool) {
	for _, other := range slices.Sorted(maps.Keys(is)) {
		if _, own := was[other]; !own && strings.EqualFold(other, name) {
			return is[other], true
		}
	}
	return nil, false
}

// memberOf returns the schema of a member, nil when the Go type has none.
func memberOf(n *node, name string) *node {
	switch {
	case n == nil:
		return nil
	case isMap(n):
		return n.Others.values
	case n.any() || n.Go != "":
		return &node{}
	}
	if field, ok := target(name, n); ok {
		return n.Properties[field]
	}
	return nil
}

func (l *lossFinder) elements(path string, was, is []any, n *node) {
	if len(is) < len(was) {
		l.lose(path, "has fewer elements when it comes back")
	}
	var inner *node
	if n != nil {
		inner = n.Items
	}
	for i := range min(len(was), len(is)) {
		l.walk(path+"[]", was[i], is[i], inner)
	}
}

// empty reports whether a value says no more than its absence does.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || zeroTime(v)
	case json.Number:
		return canonical(v.String()) == canonical("0")
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if !empty(member) {
				return false
			}
		}
		return true
	}
	return false
}

// sameScalar reports whether two values mean the same: numbers by their digits, times by their instant. Null and an empty value
// do, since the Go value is the same.
func sameScalar(was, is any) bool {
	switch was := was.(type) {
	case nil:
		return empty(is)
	case json.Number:
		is, ok := is.(json.Number)
		return ok && canonical(was.String()) == canonical(is.String())
	case string:
		is, ok := is.(string)
		return ok && (was == is || sameTime(was, is))
	}
	return empty(was) && empty(is) || was == is
}

func zeroTime(text string) bool {
	at, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && at.IsZero()
}

func sameTime(a, b string) bool {
	x, err := time.Parse(time.RFC3339Nano, a)
	if err != nil {
		return false
	}
	y, err := time.Parse(time.RFC3339Nano, b)
	return err == nil && x.Equal(y)
}

// decimal is a number by its digits: 0.digits times ten to the power of exponent.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// canonical returns the same decimal for each way of writing a number.
func canonical(number string) decimal {
	var d decimal
	rest, negative := strings.CutPrefix(number, "-")
	mantissa, power, _ := strings.Cut(strings.ToLower(rest), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	leading := len(whole) + len(fraction) - len(digits)
	d.digits = strings.TrimRight(digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	_, _ = fmt.Sscan(power, &d.exponent) // none is 0; what is beyond an int is beyond any Go number
	d.negative, d.exponent = negative, d.exponent+len(whole)-leading
	return d
}

// mayLose reports whether a field is among those that may be lost, or inside of one.
func mayLose(fields []string, lost string) bool {
	for _, f := range fields {
		if rest, ok := strings.CutPrefix(lost, f); ok && (rest == "" || strings.ContainsAny(rest[:1], ".[{")) {
			return true
		}
	}
	return false
}
