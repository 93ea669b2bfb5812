package schema_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
)

// FuzzCompare compares a golden file that somebody has spoiled with the schema of a Go type, both ways, and with itself.
func FuzzCompare(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "everything.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, seed := range []string{
		`{}`, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`, `{"properties":{"a":null}}`, `{"anyOf":[null]}`,
		`{"type":"object","propertyNames":{},"additionalProperties":{}}`, `{"type":[],"required":["x"]}`, `{"$ref":"#/$defs/none"}`,
		`{"type":"integer","minimum":1e99,"maximum":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	known, err := schema.Of(reflect.TypeFor[everything]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := schema.Compare(text, text); err != nil {
			if !strings.Contains(err.Error(), "is no schema that Oxbow wrote") {
				t.Errorf("refused with %v", err)
			}
			return
		}
		changes, err := schema.Compare(text, text)
		if err != nil || len(changes) > 0 {
			t.Errorf("compared with itself: %v, %v", changes, err)
		}
		_, before := schema.Compare(text, known)
		_, after := schema.Compare(known, text)
		if before != nil || after != nil {
			t.Errorf("compared with another: %v, %v", before, after)
		}
	})
}

// FuzzReadGolden reads a spoiled lifts.json, and writes and reads again what it found.
func FuzzReadGolden(f *testing.F) {
	f.Add([]byte(`[{"from":{"type":"a","version":1},"to":[{"type":"b","version":2},{"type":"a","version":2}]}]`))
	f.Add([]byte(`[{"from":{"type":"a","version":1},"to":[{"type":"a","version":1}]}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		golden, err := schema.ReadGolden(fstest.MapFS{schema.LiftsFile: {Data: text}})
		if err != nil {
			return
		}
		for _, l := range golden.Lifts {
			golden.ReadAs(l.From) // ends, even in a circle
		}
		written, err := schema.LiftsText(golden.Lifts)
		if err != nil {
			t.Fatal(err)
		}
		again, err := schema.ReadGolden(fstest.MapFS{schema.LiftsFile: {Data: written}})
		if err != nil || !reflect.DeepEqual(again.Lifts, golden.Lifts) {
			t.Errorf("%s became\n%s\n%v", text, written, err)
		}
	})
}

// FuzzCheck takes a record with any bytes round. Whatever they are, they are fine, a failure or a loss, and never a panic.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"order":"1","cents":1e3,"at":"2026-01-01T00:00:00+00:00","lines":[{"name":null},{}],"note":"","x":[[]]}`))
	f.Add([]byte(`{"rate":1e999999999999999999999,"Rate":-0.0}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		st := shop(t)
		put(t, st, "order.placed", 2, string(text))
		s := check(t, st, schema.CheckConfig{}).Stored[0]
		if s.Schema != (event.Schema{Type: "order.placed", Version: 2}) || s.Sampled != 1 {
			t.Fatalf("got %v", s)
		}
		if strings.Contains(s.String(), "panicked") {
			t.Errorf("%s", s.String())
		}
	})
}
