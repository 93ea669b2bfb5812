package schema

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// node is a JSON Schema (2020-12), as far as Go types need it. Schemas are written from it and read into it; keywords that it has
// no field for are passed over when a schema is read.
type node struct {
	Dialect string `json:"$schema,omitempty"`
	Title   string `json:"title,omitempty"`

	Ref    string      `json:"$ref,omitempty"`
	AnyOf  []*node     `json:"anyOf,omitempty"` // a reference, or null
	Type   kinds       `json:"type,omitempty"`
	Format string      `json:"format,omitempty"` // date-time; float and double are those of OpenAPI
	Min    json.Number `json:"minimum,omitempty"`
	Max    json.Number `json:"maximum,omitempty"`

	ContentEncoding string `json:"contentEncoding,omitempty"`  // base64
	ContentType     string `json:"contentMediaType,omitempty"` // application/json, of Content
	Content         *node  `json:"contentSchema,omitempty"`    // what is written as JSON within a string

	Items    *node `json:"items,omitempty"`
	MinItems *int  `json:"minItems,omitempty"`
	MaxItems *int  `json:"maxItems,omitempty"`

	Properties map[string]*node `json:"properties,omitempty"`
	Required   []string         `json:"required,omitempty"`
	Keys       *node            `json:"propertyNames,omitempty"`
	Others     *others          `json:"additionalProperties,omitempty"`

	// Go names the Go type whose own methods write or read the value, of which the schema knows no more.
	Go string `json:"x-oxbow-go,omitempty"`

	Defs map[string]*node `json:"$defs,omitempty"`
}

// kinds are JSON types. One of them is written as text.
type kinds []string

func (k kinds) MarshalJSON() ([]byte, error) {
	if len(k) == 1 {
		return json.Marshal(k[0])
	}
	return json.Marshal([]string(k))
}

func (k *kinds) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte{'"'}) {
		*k = make(kinds, 1)
		return json.Unmarshal(text, &(*k)[0])
	}
	return json.Unmarshal(text, (*[]string)(k))
}

// others is what members without a property of their own are: nothing in a struct, values in a map.
type others struct{ values *node }

func (o others) MarshalJSON() ([]byte, error) {
	if o.values == nil {
		return []byte("false"), nil
	}
	return marshal(o.values)
}

func (o *others) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "false":
		return nil
	case "true":
		o.values = &node{}
		return nil
	}
	return json.Unmarshal(text, &o.values)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// text returns the schema as its file holds it.
func (n *node) text() ([]byte, error) {
	plain, err := marshal(n)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, plain, "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// orNull returns the schema of the same values and null.
func (n *node) orNull() *node {
	switch {
	case n.null():
		return n
	case n.Ref != "":
		return &node{AnyOf: []*node{n, {Type: kinds{"null"}}}}
	case len(n.Type) == 0: // a Go type that writes by its own methods
		return &node{AnyOf: []*node{n, {Type: kinds{"null"}}}}
	}
	n.Type = append(n.Type, "null")
	return n
}

// any reports whether every value fits.
func (n *node) any() bool {
	return n.Ref == "" && len(n.AnyOf) == 0 && len(n.Type) == 0 && n.Go == ""
}

// null reports whether null fits.
func (n *node) null() bool { return n.any() || len(n.AnyOf) > 0 || slices.Contains(n.Type, "null") }

// kind returns the JSON type beside null, empty for any value.
func (n *node) kind() string {
	if len(n.Type) == 0 {
		return ""
	}
	return n.Type[0]
}

// whole reports whether no schema inside is missing where one has to be.
func (n *node) whole() bool {
	if n == nil {
		return false
	}
	for _, inner := range [...]*node{n.Content, n.Items, n.Keys} {
		if inner != nil && !inner.whole() {
			return false
		}
	}
	if n.Others != nil && n.Others.values != nil && !n.Others.values.whole() {
		return false
	}
	missing := func(inner *node) bool { return !inner.whole() }
	for _, inner := range [...]map[string]*node{n.Properties, n.Defs} {
		if slices.ContainsFunc(slices.Collect(maps.Values(inner)), missing) {
			return false
		}
	}
	return !slices.ContainsFunc(n.AnyOf, missing)
}
