package cloudevents

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// extension is one attribute that a record keeps among its headers.
type extension struct {
	name, value string
	verbatim    bool // a JSON boolean or integer, not a string
}

// extensions returns what headers become on the wire, in the order of their names: extensions of the same name, and last, for
// those that cannot be, oxbowheaders. typed is for formats that have booleans and integers.
func extensions(headers map[string]string, typed bool) []extension {
	if len(headers) == 0 {
		return nil
	}
	found := make([]extension, 0, len(headers)+1)
	var types map[string]string
	if typed {
		types = parseTypes(headers[TypesHeader])
	}
	var loose, used []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		if !isExtension(name) || event.CheckText(name, value) != nil {
			loose = append(loose, name)
			continue
		}
		verbatim := types[name] != "" && jsonType(value) == types[name]
		if verbatim {
			used = append(used, name+"="+types[name])
		}
		found = append(found, extension{name, value, verbatim})
	}
	if remembered := strings.Join(used, " "); remembered != "" && remembered == headers[TypesHeader] {
		loose = slices.DeleteFunc(loose, func(name string) bool { return name == TypesHeader })
	}
	if len(loose) == 0 {
		return found
	}
	return append(found, extension{name: looseHeaders, value: packHeaders(headers, loose)})
}

// parseTypes reads what TypesHeader holds.
func parseTypes(remembered string) map[string]string {
	if remembered == "" {
		return nil
	}
	types := map[string]string{}
	for entry := range strings.SplitSeq(remembered, " ") {
		name, kind, _ := strings.Cut(entry, "=")
		types[name] = kind
	}
	return types
}

// jsonType returns which of the types an extension may have in JSON, beside string, value is written like.
func jsonType(value string) string {
	switch {
	case value == "true" || value == "false":
		return booleanType
	case isInteger(value):
		return integerType
	}
	return ""
}

// isInteger reports whether value is an Integer of CloudEvents: a whole JSON number of at most 32 bits.
func isInteger(value string) bool {
	digits := strings.TrimPrefix(value, "-")
	if digits == "" || digits[0] == '+' || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	_, err := strconv.ParseInt(value, 10, 32)
	return err == nil
}

// packHeaders returns the named headers as a JSON object.
func packHeaders(headers map[string]string, names []string) string {
	packed := []byte{'{'}
	for i, name := range names {
		if i > 0 {
			packed = append(packed, ',')
		}
		packed = rawjson.AppendQuoted(packed, name)
		packed = append(packed, ':')
		packed = rawjson.AppendQuoted(packed, headers[name])
	}
	return string(append(packed, '}'))
}

// unpackHeaders reads what packHeaders wrote.
func unpackHeaders(packed string) (map[string]string, error) {
	text := []byte(packed)
	if err := rawjson.Check(text); err != nil {
		return nil, event.Invalid(looseHeaders, "is not a JSON object: %v", err)
	}
	if kind := rawjson.KindOf(text); kind != rawjson.Object {
		return nil, event.Invalid(looseHeaders, "is %s, not a JSON object", kind)
	}
	headers := map[string]string{}
	for name, value := range rawjson.Members(text) {
		if kind := rawjson.KindOf(value); kind != rawjson.String {
			return nil, event.Invalid(looseHeaders, "has %s under %q; headers are strings", kind, name)
		}
		if _, twice := headers[string(name)]; twice {
			return nil, event.Invalid(looseHeaders, "has %q twice", name)
		}
		if len(headers) == event.MaxTags {
			return nil, event.Invalid(looseHeaders, "has more than %d headers", event.MaxTags)
		}
		content, ok := rawjson.Unquote(value)
		if !ok {
			return nil, event.Invalid(looseHeaders, "has half of a surrogate pair under %q", name)
		}
		headers[string(name)] = string(content)
	}
	return headers, nil
}
