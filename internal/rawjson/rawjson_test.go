package rawjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/internal/rawjson"
)

func TestCheckSaysWhereAndWhy(t *testing.T) {
	for text, want := range map[string]string{
		``:              "the text ends where a value should be at byte 0",
		"  \n":          "the text ends where a value should be at byte 3",
		`{"a":1,}`:      "'}' where a name in double quotes should be at byte 7",
		`{"a" 1}`:       "'1' where a colon should be at byte 5",
		`{"a":1 "b":2}`: "'\"' where a comma or } should be at byte 7",
		`[1 2]`:         "'2' where a comma or ] should be at byte 3",
		`[1,]`:          "']' where a value should be at byte 3",
		`[`:             "the text ends where a value should be at byte 1",
		`{`:             "the text ends where a name in double quotes should be at byte 1",
		`1 x`:           "'x' where the end of the text should be at byte 2",
		"1\x00":         "'\\x00' where the end of the text should be at byte 1",
		`01`:            "'1' where the end of the text should be at byte 1",
		`-`:             "the text ends where a digit should be at byte 1",
		`1.`:            "the text ends where a digit should be at byte 2",
		`1e+x`:          "'x' where a digit should be at byte 3",
		`tru`:           "the text ends where true should be at byte 3",
		`nulL`:          "'L' where null should be at byte 3",
		`"abc`:          "the text ends where a closing double quote should be at byte 4",
		"\"a\nb\"":      "the control character '\\n' inside a string at byte 2",
		`"\x"`:          `'x' where one of "\/bfnrtu after a backslash should be at byte 2`,
		`"\`:            "the text ends where an escaped character should be at byte 2",
		`"\u12g4"`:      "'g' where a hexadecimal digit should be at byte 5",
		"\"é\xff\"":     "bytes that are not UTF-8 at byte 3",
		"é":             "'é' where a value should be at byte 0",
		deep(1001):      "arrays and objects nested deeper than 1000 at byte 1001",
		"\ufeff" + `{}`: "'\\ufeff' where a value should be at byte 0",
	} {
		err := rawjson.Check([]byte(text))
		var syntax *rawjson.Error
		if !errors.As(err, &syntax) || err.Error() != want {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
	if err := rawjson.Check([]byte(deep(1000))); err != nil {
		t.Errorf("1000 deep: %v", err)
	}
}

func deep(n int) string { return strings.Repeat("[", n) + "0" + strings.Repeat("]", n) }

var samples = []string{
	`{}`, ` [ ] `, `null`, `true`, `false`, `0`, `-0.5e-7`, `"a"`, `{"a":{"b":[1,"x]}\"",null]},"a":2}`, ` { "\u0061\n" : [ { } , [ ] ] } `,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d\""`, `"\b\f\n\r\t\/\\"`, "\"\u0080\u009f\u00a0\u2028\"", `[1,]`, `{"a":1`, `"\`, `1e`, `nul`,
	deep(900),
}

// Whether a text is JSON, what an object and an array hold and what a string says is what encoding/json says.
func FuzzJSON(f *testing.F) {
	for _, s := range samples {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := rawjson.Check(text)
		var syntax *rawjson.Error
		if errors.As(err, &syntax) && strings.Contains(syntax.Reason, "nested") {
			return // encoding/json goes deeper
		}
		if want := json.Valid(text) && utf8.Valid(text); (err == nil) != want {
			t.Fatalf("%q: %v, want valid: %v", text, err, want)
		}
		if err != nil {
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if got := rawjson.AppendCompact(nil, text); !bytes.Equal(got, compact.Bytes()) {
			t.Fatalf("%q compact is %q, want %q", text, got, compact.Bytes())
		}
		expectWalk(t, text)
	})
}

func expectWalk(t *testing.T, text []byte) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	var walked, want []string
	for value := range rawjson.Elements(text) {
		walked = append(walked, string(value))
	}
	for name, value := range rawjson.Members(text) {
		walked = append(walked, string(name), string(value))
	}
	switch token {
	case json.Delim('['):
		for dec.More() {
			want = append(want, rawToken(t, dec))
		}
	case json.Delim('{'):
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, name.(string), rawToken(t, dec))
		}
	}
	if !slices.Equal(walked, want) {
		t.Fatalf("walking %q gave %q, want %q", text, walked, want)
	}
	if s, ok := token.(string); ok {
		expectUnquoted(t, rawjson.Trim(text), s)
	}
}

func rawToken(t *testing.T, dec *json.Decoder) string {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func expectUnquoted(t *testing.T, quoted []byte, want string) {
	got, ok := rawjson.Unquote(quoted)
	if string(got) != want {
		t.Fatalf("%q unquoted is %q, want %q", quoted, got, want)
	}
	if !ok && !strings.Contains(want, "\ufffd") {
		t.Fatalf("%q has no half of a pair", quoted)
	}
}

// Any text in UTF-8 quoted is what encoding/json reads as that text, in printable characters.
func FuzzQuote(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\x1f\"\\/\n\r\t\x7f\u0080\u009f\u00a0é€😀\u2028\ufffd")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		quoted := rawjson.AppendQuoted([]byte("x"), text)[1:]
		var got string
		if err := json.Unmarshal(quoted, &got); err != nil || got != text {
			t.Fatalf("%q quoted is %s, which reads as %q, %v", text, quoted, got, err)
		}
		if i := strings.IndexFunc(string(quoted), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }); i >= 0 {
			t.Fatalf("%q has a control character at %d", quoted, i)
		}
		unquoted, ok := rawjson.Unquote(quoted)
		if !ok || string(unquoted) != text {
			t.Fatalf("%q unquoted is %q", quoted, unquoted)
		}
	})
}

func TestHalfOfASurrogatePairIsReported(t *testing.T) {
	for quoted, want := range map[string]bool{
		`"\ud83d\ude00"`: true, `"\ufffd"`: true, `"\ud83d"`: false, `"\ude00\ud83d"`: false, `"\ud83dx"`: false, `"\ud83d\n12345"`: false,
	} {
		if _, ok := rawjson.Unquote([]byte(quoted)); ok != want {
			t.Errorf("%s: ok is %v, want %v", quoted, ok, want)
		}
	}
}

func TestKindsHaveNamesForMessages(t *testing.T) {
	for value, want := range map[string]rawjson.Kind{
		" {}": rawjson.Object, "[]": rawjson.Array, `""`: rawjson.String, "-1": rawjson.Number, "7": rawjson.Number,
		"true": rawjson.Boolean, "false": rawjson.Boolean, "null": rawjson.Null,
	} {
		if got := rawjson.KindOf([]byte(value)); got != want {
			t.Errorf("%s is %s, want %s", value, got, want)
		}
	}
}

func TestWalkingStopsWhenToldTo(t *testing.T) {
	n := 0
	for range rawjson.Members([]byte(`{"a":1,"b":2}`)) {
		n++
		break
	}
	for range rawjson.Elements([]byte(`[1,2]`)) {
		n++
		break
	}
	if n != 2 {
		t.Errorf("%d steps, want 2", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	text := []byte(`{"OrderID":"42","Customer":{"ID":7,"Name":"Zoë"},"Lines":[{"SKU":"a-100","Count":2,"Price":1999},{"SKU":"b-200","Count":1,"Price":250}],"Total":4248,"Currency":"EUR","Paid":false,"Note":null}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := rawjson.Check(text); err != nil {
			b.Fatal(err)
		}
	}
}
