package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
