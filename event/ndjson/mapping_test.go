package ndjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/ndjson"
)

// one returns the record of a single line.
func one(t *testing.T, m ndjson.Mapping, line string) (event.Record, error) {
	t.Helper()
	for r, err := range newReader(t, line, m, ndjson.Config{}).All() {
		return r, err
	}
	t.Fatal("no line")
	return event.Record{}, nil
}

func TestEachTargetIsFilled(t *testing.T) {
	line := `{"kind":"paid","at":"2026-11-22T08:30:00.5+01:00","order":{"id":42},"by":"zoë","req":"r-1","cause":"c-1","n":"77","url":"/shop"}`
	r, err := one(t, ndjson.Mapping{
		Type: []string{"order.{kind}"}, Topic: []string{"shop.{kind}"}, Stream: []string{"order-{order.id}"}, ID: []string{"e-{n}"},
		Time: []string{"{at}"}, Source: []string{"{url}"}, Subject: []string{"order {order.id}"}, CorrelationID: []string{"{req}"},
		CausationID: []string{"{cause}"}, UserID: []string{"{by}"}, Tags: []string{"order:{order.id}", "gone:{gone}", "fixed"}, Data: "order",
	}, line)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.Type, " ", r.Topic, " ", r.Stream, " ", r.ID, " ", r.Time, " ", r.Source, " ", r.Subject, " ", r.CorrelationID, " ",
		r.CausationID, " ", r.UserID, " ", r.Tags, " ", string(r.Data), " ", r.ContentType)
	want := `order.paid shop.paid order-42 e-77 2026-11-22 07:30:00.5 +0000 UTC /shop order 42 r-1 c-1 zoë [order:42 fixed] {"id":42} application/json`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatHasNoTemplateHasItsDefault(t *testing.T) {
	r, err := one(t, plain, ` {"t":"a.b", "x": 1} `)
	if err != nil {
		t.Fatal(err)
	}
	id := r.ID
	r.ID = event.ID{}
	want := event.Record{Metadata: event.Metadata{Type: "a.b", ContentType: "application/json"}, Place: event.Place{Stream: "a.b"}}
	if fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", func() event.Record { want.Data = []byte(`{"t":"a.b", "x": 1}`); return want }()) {
		t.Errorf("got %+v", r)
	}
	if b, ok := id.Bytes(); !ok || b[6]>>4 != 8 || b[8]>>6 != 2 {
		t.Errorf("id %v is no UUIDv8", id)
	}
}

// What templates make of one line. The type is what is looked at.
func TestTemplates(t *testing.T) {
	line := `{"a":"x","n":1.50,"yes":true,"no":null,"empty":"","o":{"b":"y","0":"zero","o":{"p":"deep"}},"list":["l0",{"m":"l1"},["l2"]],` +
		`"dot.ted":"d","bra{ce":"c","esc\u0061pe":"e\u0041","dup":"1","dup":"2","two":{"a":"1"},"two":{"b":"2"},"":"none","ü":"u"}`
	for _, c := range []struct {
		templates string // separated by spaces
		want      string // or "" when none fits
	}{
		{"plain.text", "plain.text"},
		{"{a}", "x"},
		{"a.{a}.b.{o.b}{a}", "a.x.b.yx"},
		{"{n}", "1.50"},
		{"{yes}", "true"},
		{"{o.b}", "y"},
		{"{o.o.p}", "deep"},
		{"{o.0}", "zero"},
		{"{list.0}", "l0"},
		{"{list.1.m}", "l1"},
		{"{list.2.0}", "l2"},
		{`{dot\.ted}`, "d"},
		{`{bra\{ce}`, "c"},
		{`\{a\}\\{a}`, `{a}\x`},
		{`\a`, "a"},
		{"{escape}", "eA"},
		{"{dup}", "2"},
		{"{ü}", "u"},
		{"{no} {a}", "x"},
		{"{gone} {a}", "x"},
		{"x{gone} x{o} x{list} x{empty}", "x"},
		{"{empty} {a}", "x"},
		{"{A} {o.c} {a.b} {list.3} {list.-1} {list.00} {list.m} {n.0} {two.a} {no}", ""},
		{"{two.b}", "2"},
	} {
		r, err := one(t, ndjson.Mapping{Type: strings.Fields(c.templates)}, line)
		switch {
		case c.want == "" && (err == nil || !strings.HasPrefix(err.Error(), "line 1: type: no template fits the line: ")):
			t.Errorf("%s: %q, %v, want that none fits", c.templates, r.Type, err)
		case c.want != "" && (err != nil || r.Type != c.want):
			t.Errorf("%s: %q, %v, want %q", c.templates, r.Type, err, c.want)
		}
	}
}

func TestAWrongTemplateIsRefusedNamingTheByte(t *testing.T) {
	for template, want := range map[string]string{
		"":       "is empty; leave it out, or give a template such as shop.{kind}",
		"{":      `"{" has no name at byte 1; write a field as {order.id}, with names between the dots`,
		"{}":     `"{}" has no name at byte 1`,
		"a{b":    `"a{b" has a { without a } at byte 1; close the field, or write \{ for a brace in the text`,
		"a}":     `"a}" has a } without a { at byte 1; write \} for a brace in the text`,
		"}":      `"}" has a } without a { at byte 0`,
		"{a}}":   `"{a}}" has a } without a { at byte 3`,
		"{a{b}}": `"{a{b}}" has a { within a field at byte 2; write \{ for a brace in a name`,
		"{a.}":   `"{a.}" has no name at byte 3`,
		"{.a}":   `"{.a}" has no name at byte 1`,
		"{a..b}": `"{a..b}" has no name at byte 3`,
		`a\`:     `"a\\" has a backslash with nothing behind it at byte 1; write \\ for a backslash`,
		`{a\`:    `"{a\\" has a backslash with nothing behind it at byte 2`,
	} {
		_, err := ndjson.NewReader(nil, ndjson.Mapping{Type: []string{"fine", template}}, ndjson.Config{})
		if err == nil || !strings.HasPrefix(err.Error(), "type[1]: "+want) || !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%q: %v, want type[1]: %s", template, err, want)
		}
	}
	for _, c := range []struct {
		mapping ndjson.Mapping
		want    string
	}{
		{ndjson.Mapping{}, "type: has no template; give one, such as shop.{kind}"},
		{ndjson.Mapping{Type: []string{"a"}, Tags: []string{"{"}}, `tags[0]: "{" has no name`},
		{ndjson.Mapping{Type: []string{"a"}, CorrelationID: []string{"{"}}, `correlation id[0]: "{" has no name`},
		{ndjson.Mapping{Type: []string{"a"}, Data: "{payload}"}, `data: "{payload}" has a { at byte 0; write a path without braces: payload.order`},
		{ndjson.Mapping{Type: []string{"a"}, Data: "payload}"}, `data: "payload}" has a } at byte 7; write a path without braces: payload.order`},
		{ndjson.Mapping{Type: []string{"a"}, Data: "payload."}, `data: "payload." has no name at byte 8`},
	} {
		if _, err := ndjson.NewReader(nil, c.mapping, ndjson.Config{}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestWhatNoStoreWouldTakeIsRefusedAndNotCleanedUp(t *testing.T) {
	with := func(change func(*ndjson.Mapping)) ndjson.Mapping {
		m := ndjson.Mapping{Type: []string{"a"}}
		change(&m)
		return m
	}
	v := []string{"{v}"}
	for _, c := range []struct {
		mapping ndjson.Mapping
		value   string
		want    string
	}{
		{ndjson.Mapping{Type: v}, `"a b"`, `type: "a b" has a " " at byte 1`},
		{ndjson.Mapping{Type: v}, `"a.*"`, `type: "a.*" has a "*"`},
		{ndjson.Mapping{Type: []string{"a.{v}"}}, `"."`, `type: "a.." has an empty segment`},
		{with(func(m *ndjson.Mapping) { m.Topic = v }), `"a..b"`, `topic: "a..b" has an empty segment`},
		{with(func(m *ndjson.Mapping) { m.Stream = v }), `"a\nb"`, `stream: has the control character "\n"`},
		{with(func(m *ndjson.Mapping) { m.ID = v }), `"a\u0000"`, `id: has the control character`},
		{with(func(m *ndjson.Mapping) { m.CausationID = v }), `"a\u0000"`, `causation id: has the control character`},
		{with(func(m *ndjson.Mapping) { m.Subject = v }), `"a\tb"`, `subject: has the control character`},
		{with(func(m *ndjson.Mapping) { m.Tags = v }), `"a,b"`, `tags[0]: "a,b" has a comma`},
		{with(func(m *ndjson.Mapping) { m.Tags = v }), `"\udead"`, `tags[0]: the line's "\"\\udead\"" has half of a surrogate pair`},
		{with(func(m *ndjson.Mapping) { m.Time = v }), `"yesterday"`, `time: "yesterday" is neither RFC 3339`},
		{with(func(m *ndjson.Mapping) { m.Time = v }), `1732264200000`, `time: "1732264200000" is neither RFC 3339`},
		{with(func(m *ndjson.Mapping) { m.Data = "w.v" }), `1`, `data: is missing: the line has no w.v`},
	} {
		_, err := one(t, c.mapping, `{"v":`+c.value+`}`)
		if err == nil || !strings.HasPrefix(err.Error(), "line 1: "+c.want) {
			t.Errorf("%s: %v, want line 1: %s", c.value, err, c.want)
		}
	}
}

func TestTimesAreRFC3339OrSeconds(t *testing.T) {
	for value, want := range map[string]string{
		`"2026-11-22T08:30:00Z"`:           "2026-11-22T08:30:00Z",
		`"2026-11-22T08:30:00.123456789Z"`: "2026-11-22T08:30:00.123456789Z",
		`"2026-11-22T08:30:00+05:30"`:      "2026-11-22T03:00:00Z",
		`1732264200`:                       "2024-11-22T08:30:00Z",
		`1732264200.25`:                    "2024-11-22T08:30:00.25Z",
		`"1732264200.1234567891"`:          "2024-11-22T08:30:00.123456789Z",
		`0`:                                "1970-01-01T00:00:00Z",
		`999999999999`:                     "error", // the year 33658
		`1732264200000`:                    "error", // milliseconds
		`-1`:                               "error",
		`1e9`:                              "error",
		`1.`:                               "error",
		`"1.-5"`:                           "error",
		`true`:                             "error",
		`null`:                             "0001-01-01T00:00:00Z",
	} {
		r, err := one(t, ndjson.Mapping{Type: []string{"a"}, Time: []string{"{at}"}}, `{"at":`+value+`}`)
		got := r.Time.Format(time.RFC3339Nano)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s is %s, %v, want %s", value, got, err, want)
		}
	}
}

func TestDataAreTheBytesOfTheLine(t *testing.T) {
	for path, want := range map[string]string{
		"":    `{ "p" : { "n" : 1.00e+2, "d":1, "d":2 } , "z" : null , "l" : [ 1 , "\u0041" ] }`,
		"p":   `{ "n" : 1.00e+2, "d":1, "d":2 }`,
		"p.n": `1.00e+2`,
		"p.d": `2`,
		"z":   `null`,
		"l":   `[ 1 , "\u0041" ]`,
		"l.1": `"\u0041"`,
	} {
		r, err := one(t, ndjson.Mapping{Type: []string{"a"}, Data: path}, `{ "p" : { "n" : 1.00e+2, "d":1, "d":2 } , "z" : null , "l" : [ 1 , "\u0041" ] }`)
		if err != nil || string(r.Data) != want {
			t.Errorf("%q: %s, %v, want %s", path, r.Data, err, want)
		}
	}
}

func ids(t *testing.T, input string, m ndjson.Mapping) (all []event.ID) {
	t.Helper()
	for r, err := range newReader(t, input, m, ndjson.Config{}).All() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.ID)
	}
	return all
}

func TestIDsAreTheSameEachTimeAndEqualLinesHaveTheirOwn(t *testing.T) {
	input := "{\"t\":\"a\"}\n{\"t\":\"b\"}\n{\"t\":\"a\"}\n{\"t\":\"a\"}\n"
	first := ids(t, input, plain)
	seen := map[event.ID]bool{}
	for _, id := range first {
		seen[id] = true
	}
	if len(seen) != 4 {
		t.Errorf("ids are %v, want four different ones", first)
	}
	again := ids(t, strings.ReplaceAll(input, "\n", " \r\n"), ndjson.Mapping{Type: []string{"x.{t}"}})
	if fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("ids are %v, then %v", first, again)
	}
	// They must never change, or an input that an older Oxbow stored would be stored again. A second program computed the same.
	if want := "[8322ba6c-2d2a-81f9-a35f-736b596de252 93a31c58-db1f-8790-95bb-619d8d2ce917 690ca00f-ad16-8e4b-9212-484f8700ee60 "; !strings.HasPrefix(fmt.Sprint(first), want) {
		t.Errorf("ids are %v, want %s…", first, want)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("order.{order.id}", "", `{"order":{"id":42}}`)
	f.Add(`\{{a.0}\}`, `a\.b.1`, `{"a":["x"],"a.b":[1,2]}`)
	f.Add("{a}", "a", `{"a":"\ud800"}`)
	f.Fuzz(func(t *testing.T, template, path, line string) {
		r, err := ndjson.NewReader(strings.NewReader(line), ndjson.Mapping{Type: []string{template}, Tags: []string{template}, Data: path}, ndjson.Config{})
		if err != nil {
			if !errors.Is(err, event.ErrInvalid) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
			return
		}
		for record, err := range r.All() {
			if err != nil && !errors.Is(err, event.ErrInvalid) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
			if err == nil && (record.Check() != nil || record.ID.IsZero() || record.Stream == "" || !strings.Contains(line, string(record.Data))) {
				t.Fatalf("made a bad record: %+v", record)
			}
		}
	})
}
