package oxbowtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// plain returns a value as JSON has it: maps, slices, texts, json.Number, bool and nil. What is no JSON becomes Go's own notation.
func plain(v any) any {
	encoded, ok := v.([]byte)
	if !ok {
		var err error
		if encoded, err = json.Marshal(v); err != nil {
			return fmt.Sprintf("%#v", v)
		}
	}
	return plainJSON(encoded)
}

// plainJSON is plain for what may be JSON.
func plainJSON(encoded []byte) any {
	if len(encoded) == 0 {
		return nil
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	if err := d.Decode(&value); err != nil || d.More() {
		return string(encoded)
	}
	return value
}

// pretty returns a plain value as lines of JSON, with its keys in order.
func pretty(value any) []string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return []string{fmt.Sprintf("%#v", value)}
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// without returns a plain value less what the paths name. A path is of keys and indexes with dots between them; "*" is any one of
// them, "**" any number.
func without(value any, paths []string) any {
	for _, p := range paths {
		value = prune(value, strings.Split(p, "."))
	}
	return value
}

func prune(value any, path []string) any {
	if path[0] == "**" && len(path) > 1 {
		value = prune(value, path[1:])
	}
	switch v := value.(type) {
	case map[string]any:
		kept := make(map[string]any, len(v))
		for key, inner := range v {
			if inner, keep := pruneAt(key, inner, path); keep {
				kept[key] = inner
			}
		}
		return kept
	case []any:
		kept := make([]any, 0, len(v))
		for i, inner := range v {
			if inner, keep := pruneAt(strconv.Itoa(i), inner, path); keep {
				kept = append(kept, inner)
			}
		}
		return kept
	}
	return value
}

func pruneAt(key string, inner any, path []string) (_ any, keep bool) {
	switch {
	case path[0] == "**" && len(path) == 1:
		return nil, false
	case path[0] == "**":
		return prune(inner, path), true
	case path[0] != "*" && path[0] != key:
		return inner, true
	case len(path) == 1:
		return nil, false
	}
	return prune(inner, path[1:]), true
}

func checkPaths(field string, paths []string) error {
	for i, p := range paths {
		if slices.Contains(strings.Split(p, "."), "") {
			return event.Invalid(fmt.Sprintf("%s[%d]", field, i), "%q has an empty part; write keys with dots between them, such as lines.*.at", p)
		}
	}
	return nil
}

// indented puts blanks before each line.
func indented(lines []string, by string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = by + l
	}
	return out
}

func joinLines(lines []string) string { return strings.Join(lines, "\n") }
