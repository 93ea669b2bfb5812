package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"sync"
)

// Codec turns data into bytes and back. Calls may overlap.
type Codec interface {
	ContentType() string // the media type it writes: application/json
	Encode(data any) ([]byte, error)
	Decode(encoded []byte, into any) error
}

// JSON is the default codec: encoding/json without HTML escaping. Numbers decoded into an any become json.Number, so that no
// digit is lost when untyped data is published again.
type JSON struct{}

// ContentType returns application/json.
func (JSON) ContentType() string { return contentJSON }

const contentJSON = "application/json"

// Encode returns data as JSON.
func (JSON) Encode(data any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(data); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads one JSON value.
func (JSON) Decode(encoded []byte, into any) error {
	if !holdsAny(reflect.TypeOf(into)) {
		return json.Unmarshal(encoded, into) // there is no any whose numbers could lose digits
	}
	dec := json.NewDecoder(bytes.NewReader(encoded))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

// holding remembers what holdsAny found; it is a cache, as described is.
var holding sync.Map // reflect.Type -> bool

// holdsAny reports whether a value of the type may hold an interface.
func holdsAny(t reflect.Type) bool {
	if t == nil {
		return true
	}
	if known, ok := holding.Load(t); ok {
		return known.(bool)
	}
	found := findsAny(t, map[reflect.Type]bool{})
	holding.Store(t, found)
	return found
}

func findsAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findsAny(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if findsAny(field.Type, seen) {
				return true
			}
		}
	}
	return false
}
