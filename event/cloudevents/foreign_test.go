package cloudevents_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

func isInvalid(err error) bool { return errors.Is(err, event.ErrInvalid) }

// required is the start of a foreign event that lacks nothing.
const required = `{"specversion":"1.0","id":"A234-1234-1234","source":"/mycontext","type":"com.example.someevent"`

// foreign are events as others write them: members that follow the required ones.
var foreign = map[string]string{
	"nothing more":        ``,
	"example of the spec": `,"time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5,"datacontenttype":"application/json","data":{"appinfoA":"abc","appinfoB":123,"appinfoC":true}`,
	"XML":                 `,"unsetextension":null,"datacontenttype":"application/xml","data":"<much wow=\"xml\"/>"`,
	"bytes":               `,"datacontenttype":"application/vnd.apache.thrift.binary","data_base64":"AAECAw=="`,
	"string without type": `,"subject":null,"data":"I'm just a string"`,
	"big numbers":         `,"data":{"n":123456789012345678901234567890.000000000001e-400}`,
	"duplicates in data":  `,"data":{"a":1,"a":2}`,
	"null data":           `,"data":null`,
	"null base64":         `,"data":1,"data_base64":null`,
	"false data":          `,"data":false`,
	"booleans":            `,"sampled":true,"urgent":false`,
	"integers":            `,"sequence":-2147483648,"zero":0,"negativezero":-0,"most":2147483647`,
	"numbers in strings":  `,"sequence":"5","flag":"true"`,
	"empty extension":     `,"comment":""`,
	"subject and schema":  `,"subject":"mynewfile.jpg","dataschema":"http://x.example/s"`,
	"escapes":             `,"\u0073ubject":"a\u0041\ud83d\ude00\/","x\u0061":"\u00e9"`,
	"offset":              `,"time":"2026-01-02T03:04:05.123456789+02:00"`,
	"small letters":       `,"time":"2026-01-02t03:04:05z"`,
	"correlation":         `,"correlationid":"txn-abc-123","causationid":"order-123"`,
	"trace":               `,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01","tracestate":"rojo=1,congo=2"`,
	"place in strings":    `,"stream":"order-1","revision":"18446744073709551615","position":"4"`,
	"place in numbers":    `,"stream":"order-1","revision":7,"position":8,"schemaversion":2`,
	"structured text":     `,"datacontenttype":"text/plain; charset=UTF-8","data":"a\nb"`,
	"any type of JSON":    `,"datacontenttype":"image/JSON","data":{}`,
	"suffix json":         `,"datacontenttype":"application/vnd.shop+json; v=1","data":[1,[2]]`,
	"base64 of JSON":      `,"datacontenttype":"application/json","data_base64":"eyJhIjoxfQ=="`,
	"base64 of broken":    `,"data_base64":"e2E="`,
	"base64 of nothing":   `,"data_base64":""`,
	"latin 1 in base64":   `,"datacontenttype":"text/plain; charset=latin1","data_base64":"6Q=="`,
	"all of Oxbow's":      `,"topic":"a.b","userid":"u","aggregatetype":"order","aggregateid":"4","tags":"a:1,b:2"`,
	"deep data":           `,"data":` + strings.Repeat("[", 500) + strings.Repeat("]", 500),
	"lone half of a pair": `,"data":"\ud800"`,
	"layout between tokens": ` , "data" : [ 1 ,
		2 ] `,
}

func TestAForeignEventReadAndWrittenIsTheSame(t *testing.T) {
	for name, members := range foreign {
		t.Run(name, func(t *testing.T) { roundTripForeign(t, []byte(required+members+"}")) })
	}
}

func roundTripForeign(t *testing.T, text []byte) {
	t.Helper()
	r, err := cloudevents.Unmarshal(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for _, write := range []func([]byte, *event.Record) ([]byte, error){cloudevents.Append, cloudevents.AppendLine} {
		written, err := write(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := meaning(t, written), meaning(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("wrote %v\nread  %v", got, want)
		}
	}
}

// meaning is what an event says, as encoding/json reads it: absent and null attributes are the same, so are data and the
// base64 of it, strings and numbers for numbers of Oxbow's, and ways to write an instant.
func meaning(t *testing.T, text []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	m := map[string]any{}
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for name, value := range m {
		switch {
		case name == "data":
		case value == nil, value == "" && isAttribute(name):
			delete(m, name)
		case name == "time":
			m[name] = instant(t, value.(string))
		case name == "revision" || name == "position" || name == "schemaversion":
			if m[name] = fmt.Sprint(value); m[name] == "0" {
				delete(m, name)
			}
		}
	}
	normalizeData(t, m, text)
	return m
}

func isAttribute(name string) bool {
	return strings.Contains(" subject time datacontenttype dataschema correlationid causationid traceparent tracestate stream revision "+
		"position schemaversion topic userid aggregatetype aggregateid tags oxbowheaders oxbowdata ", " "+name+" ")
}

func instant(t *testing.T, text string) any {
	parsed, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.UTC().Format(time.RFC3339Nano)
}

// normalizeData puts data as bytes under one name: JSON compacted, text as it is.
func normalizeData(t *testing.T, m map[string]any, text []byte) {
	var parts struct {
		Data    json.RawMessage `json:"data"`
		Encoded *string         `json:"data_base64"`
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		t.Fatal(err)
	}
	delete(m, "data_base64")
	contentType, _ := m["datacontenttype"].(string)
	switch {
	case parts.Encoded != nil:
		decoded, err := base64.StdEncoding.DecodeString(*parts.Encoded)
		if err != nil {
			t.Fatal(err)
		}
		m["data"] = string(decoded)
	case parts.Data != nil && !event.IsJSON(contentType):
		m["data"] = m["data"].(string)
	case parts.Data != nil:
		var compact bytes.Buffer
		if err := json.Compact(&compact, parts.Data); err != nil {
			t.Fatal(err)
		}
		m["data"] = compact.String()
	}
	if data, ok := m["data"].(string); ok && event.IsJSON(contentType) {
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(data)) == nil {
			m["data"] = compact.String()
		}
	}
}

// refused are events that break a rule, and how the error begins.
var refused = []struct{ name, text, want string }{
	{"nothing", ``, "event: is not JSON: the text ends where a value should be at byte 0"},
	{"broken JSON", required + `,}`, "event: is not JSON: '}' where a name in double quotes should be at byte "},
	{"more behind it", required + `} {}`, "event: is not JSON: '{' where the end of the text should be"},
	{"not UTF-8", required + `,"subject":"` + "\xff\"}", "event: is not JSON: bytes that are not UTF-8 at byte "},
	{"an array", `[]`, "event: is an array; a CloudEvent is an object"},
	{"null", `null`, "event: is null; a CloudEvent is an object"},
	{"no specversion", `{"id":"1","source":"s","type":"t"}`, "specversion: is missing; every CloudEvent has"},
	{"no id", `{"specversion":"1.0","source":"s","type":"t"}`, "id: is missing"},
	{"null id", `{"specversion":"1.0","id":null,"source":"s","type":"t"}`, "id: is missing"},
	{"empty id", `{"specversion":"1.0","id":"","source":"s","type":"t"}`, "id: is missing"},
	{"no source", `{"specversion":"1.0","id":"1","type":"t"}`, "source: is missing"},
	{"no type", `{"specversion":"1.0","id":"1","source":"s"}`, "type: is missing"},
	{"version 0.3", `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, `specversion: is "0.3"; Oxbow reads 1.0`},
	{"numeric id", `{"specversion":"1.0","id":1,"source":"s","type":"t"}`, "id: is a number, not a string"},
	{"numeric version", `{"specversion":1.0}`, "specversion: is a number, not a string"},
	{"boolean subject", required + `,"subject":true}`, "subject: is a boolean, not a string"},
	{"tags in an array", required + `,"tags":["a"]}`, "tags: is an array, not a string"},
	{"twice", required + `,"id":"2"}`, `event: has "id" twice`},
	{"twice by escape", required + `,"\u0069d":"2"}`, `event: has "id" twice`},
	{"extension twice", required + `,"x":"2","x":null}`, `event: has "x" twice`},
	{"data twice", required + `,"data":1,"data":1}`, `event: has "data" twice`},
	{"data and base64", required + `,"data":1,"data_base64":"MQ=="}`, "data: stands beside data_base64; send one of them"},
	{"null data and base64", required + `,"data":null,"data_base64":"MQ=="}`, "data: stands beside data_base64"},
	{"base64 of a number", required + `,"data_base64":1}`, "data_base64: is a number, not a string"},
	{"broken base64", required + `,"data_base64":"MQ"}`, "data_base64: is not Base64"},
	{"object as XML", required + `,"datacontenttype":"application/xml","data":{}}`, "data: is an object, but the content type is application/xml"},
	{"text as latin 1", required + `,"datacontenttype":"text/plain;charset=latin1","data":"é"}`, "data: is a string, which is Unicode, but"},
	{"half a pair in text", required + `,"datacontenttype":"text/plain","data":"\ud800"}`, "data: has half of a surrogate pair"},
	{"half a pair", required + `,"subject":"\ud800\ud800"}`, "subject: has half of a surrogate pair"},
	{"object extension", required + `,"x":{}}`, "x: is an object; extensions are strings, booleans or integers"},
	{"fraction", required + `,"x":1.5}`, "x: is 1.5; the numbers of CloudEvents are whole"},
	{"exponent", required + `,"x":1e2}`, "x: is 1e2; the numbers of CloudEvents are whole"},
	{"too large", required + `,"x":2147483648}`, "x: is 2147483648; the numbers of CloudEvents are whole and have at most 32 bits"},
	{"capital", required + `,"dataContentType":"x"}`, `event: has an attribute "dataContentType"; names of attributes are`},
	{"underscore", required + `,"data_base":"x"}`, `event: has an attribute "data_base"; names`},
	{"no name", required + `,"":"x"}`, `event: has an attribute ""; names`},
	{"control character", required + `,"x":"a\u0085b"}`, `x: has the control character`},
	{"stream over two lines", required + `,"stream":"a\nb"}`, `stream: has the control character "\n" at byte 1; remove it`},
	{"bad type", `{"specversion":"1.0","id":"1","source":"s","type":"a b"}`, `type: "a b" has a " "`},
	{"bad topic", required + `,"topic":"a..b"}`, `topic: "a..b" has an empty segment`},
	{"bad time", required + `,"time":"yesterday"}`, `time: "yesterday" is not a time of RFC 3339; write it as 2006`},
	{"year 0", required + `,"time":"0000-01-01T00:00:00Z"}`, `time: is in the year 0`},
	{"negative revision", required + `,"revision":"-1"}`, `revision: "-1" is not a whole number`},
	{"padded position", required + `,"position":"01"}`, `position: "01" is not a whole number`},
	{"fraction of a version", required + `,"schemaversion":1.0}`, `schemaversion: "1.0" is not a whole number`},
	{"large version", required + `,"schemaversion":"9223372036854775808"}`, `schemaversion: "92`},
	{"empty tag", required + `,"tags":"a,,b"}`, "tags[1]: is empty"},
	{"long id", `{"specversion":"1.0","id":"` + strings.Repeat("x", 256) + `","source":"s","type":"t"}`, "id: is 256 bytes long, the limit is 255"},
	{"long cause", required + `,"causationid":"` + strings.Repeat("x", 256) + `"}`, "causationid: is 256 bytes long"},
	{"long user", required + `,"userid":"` + strings.Repeat("x", 5000) + `"}`, "userid: is 5000 bytes long"},
	{"long extension", required + `,"x":"` + strings.Repeat("x", 5000) + `"}`, "x: is 5000 bytes long"},
	{"headers that are none", required + `,"oxbowheaders":"{"}`, "oxbowheaders: is not a JSON object: "},
	{"headers in an array", required + `,"oxbowheaders":"[]"}`, "oxbowheaders: is an array, not a JSON object"},
	{"header with a number", required + `,"oxbowheaders":"{\"a\":1}"}`, `oxbowheaders: has a number under "a"; headers are strings`},
	{"header twice", required + `,"oxbowheaders":"{\"A\":\"\",\"A\":\"\"}"}`, `oxbowheaders: has "A" twice`},
	{"header and extension", required + `,"x":"","oxbowheaders":"{\"x\":\"\"}"}`, `oxbowheaders: has "x", which is an attribute of its own too`},
	{"header without name", required + `,"oxbowheaders":"{\"\":\"\"}"}`, `oxbowheaders: is empty`},
	{"data and empty data", required + `,"data":1,"oxbowdata":"empty"}`, `oxbowdata: says that the data is empty, but it is not`},
	{"odd data mark", required + `,"oxbowdata":"x"}`, `oxbowdata: is "x"; the only value is "empty"`},
	{"too deep", required + `,"data":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "event: is not JSON: arrays and objects nested deeper than 1000"},
}

func TestAnEventThatBreaksARuleIsRefusedByName(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			_, err := cloudevents.Unmarshal([]byte(c.text))
			expectRefused(t, err, c.want)
		})
	}
}

func TestTooManyAttributesAreRefused(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{{65, "extensions: there are 65, the limit is 64"}, {1_000_000, "event: has more than 128 attributes"}} {
		var text bytes.Buffer
		text.WriteString(required)
		for i := range c.n {
			fmt.Fprintf(&text, `,"x%d":"1"`, i)
		}
		text.WriteString("}")
		_, err := cloudevents.Unmarshal(text.Bytes())
		expectRefused(t, err, c.want)
	}
}

func TestABatchHasALimit(t *testing.T) {
	event := required + "}"
	batch := "[" + event + "," + event + " , " + event + "]"
	for _, c := range []struct {
		text  string
		limit int
		want  int
		err   string
	}{
		{"[]", 0, 0, ""},
		{" [ ] ", 5, 0, ""},
		{batch, 3, 3, ""},
		{batch, 2, 0, "batch: has more than 2 events; split it"},
		{event, 2, 0, "batch: is an object; a batch is an array of events"},
		{"[" + event + "," + `{"specversion":"1.0"}]`, 2, 0, "event 2 of the batch: id: is missing"},
		{"[" + event, 2, 0, "event: is not JSON"},
		{"[" + event + ",]", 2, 0, "event: is not JSON"},
	} {
		read, err := cloudevents.UnmarshalBatch([]byte(c.text), c.limit)
		if len(read) != c.want {
			t.Errorf("read %d of %s, want %d", len(read), c.text, c.want)
		}
		if c.err != "" {
			expectRefused(t, err, c.err)
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestAReadRecordKeepsNoPartOfTheInput(t *testing.T) {
	text := []byte(required + `,"x":"abc","data":{"a":1}}`)
	r, err := cloudevents.Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = '#'
	}
	if string(r.Data) != `{"a":1}` || r.Headers["x"] != "abc" || r.Type != "com.example.someevent" {
		t.Errorf("the record changed with the input: %+v", r)
	}
}

func header(fields ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

// mandatory are the fields of a binary message that lacks nothing, and more.
func mandatory(more ...string) http.Header {
	return header(append([]string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"}, more...)...)
}

func TestTheContentTypeTellsTheMode(t *testing.T) {
	structured := required + "}"
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		ids    string
		err    string
	}{
		{"structured", header("Content-Type", "application/cloudevents+json; charset=utf-8"), structured, "A234-1234-1234", ""},
		{"in capitals", header("Content-Type", "Application/CloudEvents+JSON"), structured, "A234-1234-1234", ""},
		{"batch", header("Content-Type", cloudevents.BatchContentType), "[" + structured + "," + structured + "]", "A234-1234-1234 A234-1234-1234", ""},
		{"binary", mandatory("Content-Type", "text/plain"), "hello", "1", ""},
		{"avro", header("Content-Type", "application/cloudevents+avro"), "", "", "content type: application/cloudevents+avro is a format that Oxbow does not read; send application/cloudevents+json"},
		{"plain JSON", header("Content-Type", "application/json"), structured, "", "specversion: is missing; send the attributes in HTTP header fields such as ce-specversion, or the whole event as application/cloudevents+json"},
		{"broken", header("Content-Type", cloudevents.ContentType), "{", "", "event: is not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			read, err := cloudevents.FromHTTP(c.header, []byte(c.body), 2)
			if c.err != "" {
				expectRefused(t, err, c.err)
				return
			}
			var ids []string
			for _, r := range read {
				ids = append(ids, r.ID.String())
			}
			if got := strings.Join(ids, " "); err != nil || got != c.ids {
				t.Errorf("read %q, %v, want %q", got, err, c.ids)
			}
		})
	}
}

func TestHeaderValuesAreDecoded(t *testing.T) {
	for field, want := range map[string]string{
		"Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro € 😀", // the example of the HTTP binding
		"plain":                           "plain",
		"not encoded":                     "not encoded",
		`"in \"quotes\" \\"`:              `in "quotes" \`,
		`"%25"`:                           "%",
		"%c3%a9":                          "é",
		"%61":                             "a",
		"é":                               "é",
		" \tx ":                           "x",
		`half "quoted"`:                   `half "quoted"`,
	} {
		r, err := cloudevents.FromHeader(mandatory("CE-X", field), nil)
		if err != nil || r.Headers["x"] != want {
			t.Errorf("%q is %q, %v, want %q", field, r.Headers["x"], err, want)
		}
	}
}

func TestABinaryMessageThatBreaksARuleIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"no id", header("ce-specversion", "1.0", "ce-source", "/s", "ce-type", "t"), "", "id: is missing"},
		{"empty source", header("ce-specversion", "1.0", "ce-id", "1", "ce-source", "", "ce-type", "t"), "", "source: is missing"},
		{"id twice", mandatory("ce-id", "2"), "", "id: stands more than once"},
		{"id in two ways", map[string][]string{"ce-id": {"1"}, "CE-ID": {"1"}}, "", "id: stands more than once"},
		{"content type as attribute", mandatory("ce-datacontenttype", "text/plain"), "", "datacontenttype: is the field Content-Type over HTTP"},
		{"data as attribute", mandatory("ce-data", "1"), "", "data: is no attribute"},
		{"lone percent", mandatory("ce-subject", "100%"), "", "subject: has a percent sign at byte 3 without two hexadecimal digits; write it as %25"},
		{"bad digits", mandatory("ce-subject", "%zz"), "", "subject: has a percent sign at byte 0"},
		{"overlong", mandatory("ce-subject", "%C0%A0"), "", "subject: is not UTF-8 once its percent signs are decoded"},
		{"open quote", mandatory("ce-subject", `"a`), "", "subject: has no closing double quote"},
		{"backslash at the end", mandatory("ce-subject", `"a\`), "", "subject: has no closing double quote"},
		{"behind the quote", mandatory("ce-subject", `"a" b`), "", "subject: goes on behind its closing double quote"},
		{"newline", mandatory("ce-subject", "a%0Ab"), "", `subject: has the control character "\n"`},
		{"hyphen", mandatory("ce-my-header", "a"), "", `event: has an attribute "my-header"; names`},
		{"broken JSON", mandatory("Content-Type", "application/json"), "{", "data: is not JSON, as its content type says: the text ends"},
		{"broken JSON by default", mandatory(), "hello", "data: is not JSON"},
		{"empty and not", mandatory("ce-oxbowdata", "empty"), "1", "oxbowdata: says that the data is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := cloudevents.FromHeader(c.header, []byte(c.body))
			expectRefused(t, err, c.want)
		})
	}
}
