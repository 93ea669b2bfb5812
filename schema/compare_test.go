package schema_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/schema"
)

// is wraps a type as a field that is always written, maybe as one that is left out when it is empty.
type is[T any] struct{ F T }

type maybe[T any] struct {
	F T `json:",omitempty"`
}

// The types of the decision table.
type (
	none    struct{}
	lower   struct{ _ int }
	total   struct{ Total int }
	renamed struct {
		Total int `json:"total"`
	}
	both struct {
		Upper int `json:"Total"`
		Lower int `json:"total"`
	}
	quotedInt struct {
		F int `json:",string"`
	}
	reads  string
	owns   struct{ hidden int }
	owned  struct{ hidden int }
	deep   struct{ Lines []map[string]is[int] }
	deeper struct{ Lines []map[string]is[string] }
	zeroed struct {
		F time.Time `json:",omitzero"`
	}
	tree  struct{ Kids []tree }
	tree2 struct{ Kids []tree2 }
	bush  struct {
		Kids []bush
		Name string
	}
)

func (r *reads) UnmarshalJSON(text []byte) error { *r = reads(text); return nil }
func (o owns) MarshalJSON() ([]byte, error)      { return json.Marshal(o.hidden) }
func (o owned) MarshalJSON() ([]byte, error)     { return json.Marshal(o.hidden) }

func of[T any](t *testing.T) []byte {
	t.Helper()
	text, err := schema.Of(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// changing is a change of a Go type, with what must be said of it; nothing when there is nothing to say.
type changing struct {
	older, newer func(*testing.T) []byte
	breaking     bool
	want         string
}

func from[A, B any](breaking bool, want string) changing {
	return changing{of[A], of[B], breaking, want}
}

var table = map[string]changing{
	// What breaks, in the order of the package comment.
	"a required field is added":                from[none, is[int]](true, `field "F" is new and required; stored events lack it, and it would silently become 0`),
	"a required text is added":                 from[none, is[string]](true, `field "F" is new and required; stored events lack it, and it would silently become the empty string`),
	"a required time is added":                 from[none, is[time.Time]](true, `field "F" is new and required; stored events lack it, and it would silently become the year 1`),
	"a required struct is added":               from[none, is[total]](true, `field "F" is new and required; stored events lack it, and it would silently become the zero value`),
	"omitempty that does nothing on a struct":  from[none, maybe[total]](true, `field "F" is new and required; stored events lack it, and it would silently become the zero value`),
	"omitempty that does nothing on an array":  from[none, maybe[[3]int]](true, `field "F" is new and required; stored events lack it, and it would silently become the zero value`),
	"a field becomes required":                 from[maybe[int], is[int]](true, `field "F" was left out at times and is required; where it is absent it would silently become 0`),
	"a pointer becomes a value":                from[is[*int], is[int]](true, `field "F" was null at times, which would silently become 0`),
	"a field is removed":                       from[is[int], none](true, `field "F" is gone; what is stored in it would be lost`),
	"an optional field is removed":             from[maybe[int], none](true, `field "F" is gone; what is stored in it would be lost`),
	"a field is renamed":                       from[is[int], total](true, "field \"F\" is gone; what is stored in it would be lost\nfield \"Total\" is new and required; stored events lack it, and it would silently become 0"),
	"of two that differ in case one is gone":   from[both, total](true, `field "total" is gone; what is stored in it would be read into "Total", which differs in case only`),
	"a number becomes text":                    from[is[int], is[string]](true, `field "F" was an int64 and is a string; Go does not read one as the other`),
	"text becomes a bool":                      from[is[string], is[bool]](true, `field "F" was a string and is a bool; Go does not read one as the other`),
	"an object becomes a list":                 from[is[total], is[[]total]](true, `field "F" was an object with fields and is a list; Go does not read one as the other`),
	"a value becomes a list":                   from[is[string], is[[]string]](true, `field "F" was a string and is a list; Go does not read one as the other`),
	"an integer holds less":                    from[is[int64], is[int32]](true, `field "F" was an int64 and is an int32, which holds less`),
	"an integer loses its sign":                from[is[int], is[uint]](true, `field "F" was an int64 and is an unsigned int64, which holds less`),
	"an unsigned integer becomes a signed one": from[is[uint64], is[int64]](true, `field "F" was an unsigned int64 and is an int64, which holds less`),
	"a float keeps fewer digits":               from[is[float64], is[float32]](true, `field "F" was a float64 and is a float32; digits would be lost`),
	"a large integer becomes a float":          from[is[int], is[float64]](true, `field "F" was an int64 and is a float64; digits would be lost`),
	"an integer becomes a small float":         from[is[int32], is[float32]](true, `field "F" was an int32 and is a float32; digits would be lost`),
	"any number becomes a float":               from[is[json.Number], is[float64]](true, `field "F" was any number and is a float64; digits would be lost`),
	"a float becomes an integer":               from[is[float64], is[int]](true, `field "F" was a float64 and is an int64; Go does not read one as the other`),
	"text becomes a time":                      from[is[string], is[time.Time]](true, `field "F" was a string and is a time; most text is none`),
	"text becomes bytes":                       from[is[string], is[[]byte]](true, `field "F" was a string and is a base64 string; the same text would mean something else`),
	"bytes become text":                        from[is[[]byte], is[string]](true, `field "F" was a base64 string and is a string; the same text would mean something else`),
	"a number is quoted":                       from[is[int], quotedInt](true, `field "F" was an int64 and is a string that holds JSON; Go does not read one as the other`),
	"a quoted number becomes text":             from[quotedInt, is[string]](true, `field "F" was a string that holds JSON and is a string; Go does not read one as the other`),
	"a list gets a fixed length":               from[is[[]int], is[[3]int]](true, "field \"F\" was a list and is a list of exactly 3; elements would be lost, or filled up with zero values"),
	"a fixed length changes":                   from[is[[2]int], is[[3]int]](true, `field "F" was a list of exactly 2 and is a list of exactly 3; elements would be lost, or filled up with zero values`),
	"a map becomes a struct":                   from[is[map[string]int], is[total]](true, `field "F" was a map and is an object with fields; what has no field of its own would be lost`),
	"a struct becomes a map by number":         from[is[total], is[map[int]int]](true, `field "F" was an object with fields and is a map by int64; the names of its fields are no such keys`),
	"map keys become numbers":                  from[is[map[string]int], is[map[int]int]](true, `field "F" was a map and is a map by int64; its keys would not all be read`),
	"map keys hold less":                       from[is[map[int]int], is[map[int8]int]](true, `field "F" was a map by int64 and is a map by int8; its keys would not all be read`),
	"map keys get methods":                     from[is[map[string]int], is[map[netip.Addr]int]](true, `field "F" was a map and is a map by Addr; its keys would not all be read`),
	"map keys lose methods":                    from[is[map[netip.Addr]int], is[map[string]int]](true, `field "F" was a map by Addr and is a map; its keys would not all be read`),
	"any value becomes one of a type":          from[is[any], is[int]](true, `field "F" was any value and is an int64; Go does not read one as the other`),
	"raw JSON becomes one of a type":           from[is[json.RawMessage], is[map[string]int]](true, `field "F" was any value and is a map; Go does not read one as the other`),
	"text gets a reader of its own":            from[is[string], is[reads]](true, `field "F" was a string and is what reads makes of a string by its own methods`),
	"a type loses its methods":                 from[is[owns], is[int]](true, `field "F" was what owns makes of JSON by its own methods and is an int64`),
	"a type with methods has another name":     from[is[owns], is[owned]](true, `field "F" was what owns makes of JSON by its own methods and is what owned makes of JSON by its own methods`),
	"text gets methods for text":               from[is[string], is[netip.Addr]](true, `field "F" was a string and is what Addr makes of a string by its own methods`),
	"deep inside":                              from[deep, deeper](true, `field "Lines[]{}.F" was an int64 and is a string; Go does not read one as the other`),
	"inside of what refers to itself":          from[tree, bush](true, "field \"Kids[].Name\" is new and required; stored events lack it, and it would silently become the empty string\nfield \"Name\" is new and required; stored events lack it, and it would silently become the empty string"),
	"the whole":                                from[[]int, map[string]int](true, `the data was a list and is a map; Go does not read one as the other`),

	// What does not break.
	"an optional field is added":           from[none, maybe[int]](false, `field "F" is new and optional`),
	"an array of nothing is added":         from[none, maybe[[0]int]](false, `field "F" is new and optional`),
	"omitzero is added":                    from[none, zeroed](false, `field "F" is new and optional`),
	"a pointer is added":                   from[none, is[*int]](false, `field "F" is new and optional`),
	"a slice is added":                     from[none, is[[]int]](false, `field "F" is new and optional`),
	"a map is added":                       from[none, is[map[string]int]](false, `field "F" is new and optional`),
	"any value is added":                   from[none, is[any]](false, `field "F" is new and optional`),
	"what is not written is added":         from[none, lower](false, ``),
	"a required field becomes optional":    from[is[int], maybe[int]](false, `field "F" was required and is optional`),
	"a value becomes a pointer":            from[is[int], is[*int]](false, `field "F" was required and is optional`),
	"an integer holds more":                from[is[int32], is[int]](false, `field "F" was an int32 and is an int64`),
	"an unsigned integer fits":             from[is[uint32], is[int64]](false, `field "F" was an unsigned int32 and is an int64`),
	"int is int64":                         from[is[int], is[int64]](false, ``),
	"a float keeps more digits":            from[is[float32], is[float64]](false, `field "F" was a float32 and is a float64`),
	"a small integer becomes a float":      from[is[int32], is[float64]](false, `field "F" was an int32 and is a float64`),
	"a number becomes any number":          from[is[int], is[json.Number]](false, `field "F" was an int64 and is any number`),
	"a time becomes text":                  from[is[time.Time], is[string]](false, `field "F" was a time and is a string`),
	"a value becomes any":                  from[is[int], is[any]](false, "field \"F\" was an int64 and is any value"),
	"a fixed length goes":                  from[is[[3]int], is[[]int]](false, "field \"F\" was a list of exactly 3 and is a list"),
	"a struct becomes a map":               from[is[total], is[map[string]int]](false, "field \"F\" was an object with fields and is a map"),
	"map keys become text":                 from[is[map[int]int], is[map[string]int]](false, `field "F" was a map by int64 and is a map`),
	"map keys hold more":                   from[is[map[int8]int], is[map[int]int]](false, `field "F" was a map by int8 and is a map by int64`),
	"a name changes in case":               from[total, renamed](false, `field "Total" is named "total", which reads it too`),
	"a Go type gets another name":          from[is[is[int]], is[struct{ F int }]](false, ``),
	"what refers to itself, by other name": from[tree, tree2](false, ``),
}

func TestTheDecisionTable(t *testing.T) {
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			changes, err := schema.Compare(c.older(t), c.newer(t))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			breaking := false
			for _, change := range changes {
				lines = append(lines, change.String())
				breaking = breaking || change.Breaking
			}
			if got := strings.Join(lines, "\n"); breaking != c.breaking || sorted(got) != sorted(c.want) {
				t.Errorf("breaking %t:\n%s\nwant %t:\n%s", breaking, got, c.breaking, c.want)
			}
		})
	}
}

func sorted(lines string) string {
	l := strings.Split(lines, "\n")
	if len(l) == 2 && l[0] > l[1] {
		l[0], l[1] = l[1], l[0]
	}
	return strings.Join(l, "\n")
}

func TestWhatIsNoSchemaIsRefused(t *testing.T) {
	if _, err := schema.Compare([]byte(`[]`), of[total](t)); err == nil || !strings.HasPrefix(err.Error(), "the older schema: is no schema that Oxbow wrote: ") {
		t.Errorf("got %v", err)
	}
	if _, err := schema.Compare(of[total](t), []byte(`{`)); err == nil || !strings.HasPrefix(err.Error(), "the newer schema: ") {
		t.Errorf("got %v", err)
	}
}

func ExampleCompare() {
	older, err := schema.Of(reflect.TypeFor[struct{ Total int64 }]())
	if err != nil {
		panic(err)
	}
	newer, err := schema.Of(reflect.TypeFor[struct {
		Total    int32
		Currency string
		Note     string `json:",omitempty"`
	}]())
	if err != nil {
		panic(err)
	}
	changes, err := schema.Compare(older, newer)
	for _, c := range changes {
		fmt.Printf("%t: %s\n", c.Breaking, c)
	}
	fmt.Println(err)
	// Output:
	// true: field "Currency" is new and required; stored events lack it, and it would silently become the empty string
	// false: field "Note" is new and optional
	// true: field "Total" was an int64 and is an int32, which holds less
	// <nil>
}
