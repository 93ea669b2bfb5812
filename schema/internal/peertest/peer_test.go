package peertest

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
)

// validator returns the schema of a Go type, compiled by the peer.
func validator(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("mem:schema.json", parsed); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	compiled, err := c.Compile("mem:schema.json")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return compiled
}

func of(t *testing.T, goType reflect.Type) []byte {
	t.Helper()
	text, err := schema.Of(goType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// written is a value of the type as a store gets it.
func (d dice) written(t *testing.T, goType reflect.Type) []byte {
	t.Helper()
	v := reflect.New(goType).Elem()
	d.fill(v, 5)
	text, err := event.JSON{}.Encode(v.Interface())
	if err != nil {
		t.Fatalf("%v: %v", goType, err)
	}
	return text
}

func validate(s *jsonschema.Schema, text []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

func TestWhatAGoTypeWritesFitsItsSchema(t *testing.T) {
	for seed := range uint64(600) {
		d := dice{rand.New(rand.NewPCG(seed, 1))}
		goType := d.goType(3)
		if goType.Kind() == reflect.Pointer || goType.Kind() == reflect.Interface {
			continue
		}
		text := of(t, goType)
		s := validator(t, text)
		for range 20 {
			if written := d.written(t, goType); validate(s, written) != nil {
				t.Fatalf("seed %d: %v writes\n%s\nwhich does not fit: %v\n%s", seed, goType, written, validate(s, written), text)
			}
		}
	}
}

func TestWhatWasWrittenBeforeACompatibleChangeIsReadAfterIt(t *testing.T) {
	compatible, breaking := 0, 0
	for seed := range uint64(6000) {
		d := dice{rand.New(rand.NewPCG(seed, 2))}
		older := d.structure(3)
		newer := d.changed(older, 2)
		if older == newer || newer.Kind() != reflect.Struct {
			continue
		}
		changes, err := schema.Compare(of(t, older), of(t, newer))
		if err != nil {
			t.Fatal(err)
		}
		if breaks(changes) {
			breaking++
			continue
		}
		compatible++
		for range 10 {
			d.checkRead(t, seed, older, newer)
		}
	}
	t.Logf("%d changes broke nothing, %d did", compatible, breaking)
	if compatible < 500 || breaking < 500 {
		t.Errorf("only %d compatible and %d breaking changes were made", compatible, breaking)
	}
}

func breaks(changes []schema.Change) bool {
	for _, c := range changes {
		if c.Breaking {
			return true
		}
	}
	return false
}

// checkRead reads as the newer type what the older one wrote, and looks for what got lost.
func (d dice) checkRead(t *testing.T, seed uint64, older, newer reflect.Type) {
	t.Helper()
	stored := d.written(t, older)
	into := reflect.New(newer)
	if err := (event.JSON{}).Decode(stored, into.Interface()); err != nil {
		t.Fatalf("seed %d: %v\nreads as\n%v\nwith %v:\n%s", seed, older, newer, err, stored)
	}
	again, err := event.JSON{}.Encode(into.Elem().Interface())
	if err != nil {
		t.Fatal(err)
	}
	if !kept(parsed(t, stored), parsed(t, again)) {
		t.Fatalf("seed %d: %v\nreads as\n%v\nand loses something:\n%s\n%s", seed, older, newer, stored, again)
	}
}

func parsed(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// kept reports whether all that is in one JSON value is in the other. What is empty may be missing.
func kept(was, is any) bool {
	if is == nil {
		return empty(was)
	}
	switch was := was.(type) {
	case map[string]any:
		back, ok := is.(map[string]any)
		for name, value := range was {
			member, found := back[name]
			if !found {
				member = back[otherCase(name, was, back)]
			}
			ok = ok && kept(value, member)
		}
		return ok
	case []any:
		back, ok := is.([]any)
		ok = ok && len(back) == len(was)
		for i := 0; ok && i < len(was); i++ {
			ok = kept(was[i], back[i])
		}
		return ok
	case json.Number:
		back, ok := is.(json.Number)
		return ok && rat(was).Cmp(rat(back)) == 0
	}
	return was == is
}

func rat(n json.Number) *big.Rat {
	x, _ := new(big.Rat).SetString(n.String())
	return x
}

// empty reports whether a value is Go's zero value of some type.
func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			if !empty(member) {
				return false
			}
		}
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !empty(e) })
	case json.Number:
		return rat(v).Sign() == 0
	}
	return v == nil || v == "" || v == false || v == "0001-01-01T00:00:00Z" || v == "0" || v == "false" || v == `""` || v == "blob:"
}

// otherCase returns the name in which a value came back under a name that differs in case.
func otherCase(name string, was, is map[string]any) string {
	for other := range is {
		if _, own := was[other]; !own && strings.EqualFold(other, name) {
			return other
		}
	}
	return name
}
