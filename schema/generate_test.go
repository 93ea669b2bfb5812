package schema_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

type base struct {
	ID   int64 `json:"id"`
	Note string
}

type Named struct{ Name string }

type level struct{ Level uint8 }

// everything has one field for each rule of encoding/json.
type everything struct {
	base
	*Named
	level     `json:"level"`
	Hidden    string `json:"-"`
	_         string
	Int       int             `json:"int"`
	Small     int8            `json:"small,omitempty"`
	Unsigned  uint32          `json:"unsigned"`
	Float     float32         `json:"float"`
	Double    float64         `json:"double,omitzero"`
	Quoted    int64           `json:"quoted,string"`
	QuotedPtr *bool           `json:"quoted_ptr,string"`
	Bytes     []byte          `json:"bytes"`
	Array     [2]byte         `json:"array"`
	Empty     [0]int          `json:"empty,omitempty"`
	Raw       json.RawMessage `json:"raw"`
	Number    json.Number     `json:"number"`
	Any       any             `json:"any"`
	Big       *big.Int        `json:"big"`
	Time      time.Time       `json:"time,omitempty"`
	Pointer   *time.Time      `json:"pointer"`
	ByText    map[string]bool `json:"by_text"`
	ByNumber  map[uint16]Named
	ByAddr    map[netip.Addr]int
	Addr      netip.Addr
	Own       owns
	OwnPtr    *owns `json:",omitempty"`
	ReadsOwn  reads
	Tree      *tree
	Note      int `json:"Note"` // hides base.Note
	Struct    struct {
		X, Y int
	}
}

func TestTheSchemaIsTheGoldenOne(t *testing.T) {
	got, err := schema.Of(reflect.TypeFor[everything]())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "everything.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("wrote\n%s\nwant\n%s\nrun go test -update if this is meant", got, want)
	}
	for range 20 {
		if again, err := schema.Of(reflect.TypeFor[everything]()); err != nil || string(again) != string(got) {
			t.Fatalf("another time it is\n%s\n%v", again, err)
		}
	}
}

func TestWhatJSONCannotHoldIsRefusedByName(t *testing.T) {
	for want, goType := range map[string]reflect.Type{
		`schema of schema_test.is[chan int]: field F: chan int cannot be written as JSON; leave the field out with the tag json:"-"`:                                        reflect.TypeFor[is[chan int]](),
		`schema of schema_test.is[[]map[string]func()]: field F[]{}: func() cannot be written as JSON; leave the field out with the tag json:"-"`:                           reflect.TypeFor[is[[]map[string]func()]](),
		`schema of schema_test.is[error]: field F: error is an interface with methods, which cannot be read back; name the concrete type, or use json.RawMessage`:           reflect.TypeFor[is[error]](),
		`schema of schema_test.is[map[float64]int]: field F: float64 is no key that JSON could write; use text, integers, or a type with MarshalText`:                       reflect.TypeFor[is[map[float64]int]](),
		`schema of schema_test.quotedReads: field F: schema_test.reads has methods of its own for JSON, and with the option string Go cannot read it back; drop the option`: reflect.TypeFor[quotedReads](),
		`schema of complex128: field (the whole): complex128 cannot be written as JSON; leave the field out with the tag json:"-"`:                                          reflect.TypeFor[complex128](),
	} {
		if _, err := schema.Of(goType); !errors.Is(err, event.ErrInvalid) || err.Error() != want {
			t.Errorf("got\n%v, want\n%s", err, want)
		}
	}
}

type quotedReads struct {
	F reads `json:",string"`
}

// ptrOwns marshals itself only where it can be addressed.
type ptrOwns struct{ N int }

func (p *ptrOwns) MarshalJSON() ([]byte, error) { return []byte(`"own"`), nil }

func TestPointerMethodsCountWhereGoCallsThem(t *testing.T) {
	for _, c := range []struct {
		value any
		own   bool
	}{
		{is[ptrOwns]{}, false},
		{is[*ptrOwns]{&ptrOwns{}}, true},
		{is[[]ptrOwns]{[]ptrOwns{{}}}, true},
		{is[[1]ptrOwns]{}, false},
		{is[*[1]ptrOwns]{&[1]ptrOwns{}}, true},
		{is[map[string]ptrOwns]{map[string]ptrOwns{"": {}}}, false},
		{struct{ *Wrapped }{&Wrapped{}}, true},
		{struct{ Wrapped }{}, false},
	} {
		text, err := schema.Of(reflect.TypeOf(c.value))
		if err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(c.value)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(written), `"own"`); got != c.own {
			t.Errorf("encoding/json writes %s, so the test is wrong", written)
		}
		if got := strings.Contains(string(text), `"x-oxbow-go": "ptrOwns"`); got != c.own {
			t.Errorf("%T: own is %t, want %t:\n%s", c.value, got, c.own, text)
		}
	}
}

// Wrapped embeds, behind a pointer or not, what has pointer methods.
type Wrapped struct{ W ptrOwns }

func ExampleOf() {
	type OrderPlaced struct {
		Order string   `json:"order"`
		Total int64    `json:"total"`
		Notes []string `json:"notes,omitempty"`
	}
	text, err := schema.Of(reflect.TypeFor[OrderPlaced]())
	if err != nil {
		panic(err)
	}
	var parsed struct{ Required []string }
	fmt.Println(json.Unmarshal(text, &parsed), parsed.Required)
	// Output:
	// <nil> [order total]
}
