package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// streamMetaJSON is how metadata are written: {"max_age":"720h0m0s","max_count":100}. A field that is zero is left out.
type streamMetaJSON struct {
	MaxAge    string `json:"max_age,omitempty"`
	MaxCount  uint64 `json:"max_count,omitempty"`
	Before    uint64 `json:"before,omitempty"`
	Deleted   uint64 `json:"deleted,omitempty"`
	Tombstone bool   `json:"tombstone,omitempty"`
}

// MarshalJSON returns the metadata as the item holds them, such as {"max_age":"720h0m0s","max_count":100}.
func (m StreamMeta) MarshalJSON() ([]byte, error) { return m.encode(), nil }

// UnmarshalJSON is ParseStreamMeta.
func (m *StreamMeta) UnmarshalJSON(text []byte) (err error) {
	*m, err = ParseStreamMeta(text)
	return err
}

func (m StreamMeta) encode() []byte {
	text := streamMetaJSON{MaxCount: m.MaxCount, Before: m.Before, Deleted: m.Deleted, Tombstone: m.Tombstone}
	if m.MaxAge != 0 {
		text.MaxAge = m.MaxAge.String()
	}
	value, err := json.Marshal(text)
	if err != nil {
		panic(err) // texts and numbers always can be written
	}
	return value
}

// ParseStreamMeta reads the value of an item in StreamBucket. It refuses what is no JSON object, a field that it does not know or has
// twice, and what [StreamMeta.Check] refuses, naming the field. No value at all is refused too.
func ParseStreamMeta(value []byte) (StreamMeta, error) {
	fields, err := members(value)
	if err != nil {
		return StreamMeta{}, err
	}
	var m StreamMeta
	for _, f := range fields {
		if err := m.set(f.name, f.value); err != nil {
			return StreamMeta{}, err
		}
	}
	return m, m.Check()
}

// member is one field of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// members returns the fields of a JSON object in their order. encoding/json alone would take a name in other letters, or twice.
func members(text []byte) (found []member, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') || !json.Valid(text) {
		return nil, event.Invalid("stream metadata", "are %.100q, want one JSON object", text)
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		f := member{name: fmt.Sprint(token)}
		if err := d.Decode(&f.value); err != nil {
			return nil, err
		}
		if seen[f.name] {
			return nil, event.Invalid(f.name, "occurs twice")
		}
		seen[f.name] = true
		found = append(found, f)
	}
	return found, nil
}

func (m *StreamMeta) set(name string, value json.RawMessage) (err error) {
	switch name {
	case "max_age":
		m.MaxAge, err = parseAge(value)
	case "max_count":
		m.MaxCount, err = parseCount(name, value)
	case "before":
		m.Before, err = parseCount(name, value)
	case "deleted":
		m.Deleted, err = parseCount(name, value)
	case "tombstone":
		m.Tombstone = string(value) == "true"
		if !m.Tombstone && string(value) != "false" {
			err = event.Invalid(name, "is %.100s, want true or false", value)
		}
	default:
		err = event.Invalid("stream metadata", "have no field %.100q; there are max_age, max_count, before, deleted and tombstone", name)
	}
	return err
}

func parseAge(value json.RawMessage) (time.Duration, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil || value[0] != '"' {
		return 0, event.Invalid("max_age", `is %.100s, want a text such as "720h"`, value)
	}
	age, err := time.ParseDuration(text)
	if err != nil {
		return 0, event.Invalid("max_age", `is %.100q, want a duration such as "720h" or "90m"`, text)
	}
	return age, nil
}

func parseCount(name string, value json.RawMessage) (uint64, error) {
	n, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil {
		return 0, event.Invalid(name, "is %.100s, want a whole number from 0 to %d", value, int64(math.MaxInt64))
	}
	return n, nil
}
