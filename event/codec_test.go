package event_test

import (
	"encoding/json"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

type inner struct {
	Any  any
	Next *inner
}

func TestJSONKeepsEveryDigitWhereverAnAnyStands(t *testing.T) {
	const number = "12345678901234567890.5"
	for _, c := range []struct {
		encoded string
		into    any
		got     func(into any) any
	}{
		{number, new(any), func(v any) any { return *v.(*any) }},
		{`{"a":` + number + `}`, new(map[string]any), func(v any) any { return (*v.(*map[string]any))["a"] }},
		{`{"Next":{"Any":` + number + `}}`, new(inner), func(v any) any { return v.(*inner).Next.Any }},
		{`[[` + number + `]]`, new([][1]any), func(v any) any { return (*v.(*[][1]any))[0][0] }},
	} {
		if err := (event.JSON{}).Decode([]byte(c.encoded), c.into); err != nil {
			t.Fatal(err)
		}
		if got := c.got(c.into); got != json.Number(number) {
			t.Errorf("%s into %T: got %v (%T)", c.encoded, c.into, got, got)
		}
	}
}

func TestJSONRefusesWhatStandsBehindTheValue(t *testing.T) {
	for _, into := range []any{new(any), new(int), new(inner)} {
		for _, encoded := range []string{"", "{} {}", "1 2", "1}", "nul"} {
			if err := (event.JSON{}).Decode([]byte(encoded), into); err == nil {
				t.Errorf("%q into %T was taken", encoded, into)
			}
		}
	}
}
