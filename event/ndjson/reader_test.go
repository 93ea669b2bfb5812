package ndjson_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/event/ndjson"
)

// plain takes the type from the member t, and nothing else.
var plain = ndjson.Mapping{Type: []string{"{t}"}}

func newReader(t *testing.T, input string, m ndjson.Mapping, cfg ndjson.Config) *ndjson.Reader {
	t.Helper()
	r, err := ndjson.NewReader(strings.NewReader(input), m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read returns what all lines became: their types, or their errors.
func read(records iter.Seq2[event.Record, error]) (got []string) {
	for r, err := range records {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, r.Type)
	}
	return got
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestLinesAreReadInAnyLayout(t *testing.T) {
	for name, input := range map[string]string{
		"plain":              "{\"t\":\"a\"}\n{\"t\":\"b\"}\n",
		"no break at end":    "{\"t\":\"a\"}\n{\"t\":\"b\"}",
		"two characters":     "{\"t\":\"a\"}\r\n{\"t\":\"b\"}\r\n",
		"empty lines":        "\n\r\n{\"t\":\"a\"}\n \t\n\n{\"t\":\"b\"}\n\n",
		"byte order mark":    "\ufeff{\"t\":\"a\"}\n{\"t\":\"b\"}\n",
		"space around":       "  {\"t\":\"a\"}\t\n {\"t\":\"b\"} ",
		"lone mark and more": "\ufeff\n{\"t\":\"a\"}\n{\"t\":\"b\"}",
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, read(newReader(t, input, plain, ndjson.Config{}).All()), "a", "b")
		})
	}
	expect(t, read(newReader(t, "", plain, ndjson.Config{}).All()))
}

func TestABrokenLineIsReportedWithItsNumberAndTheRestGoesIn(t *testing.T) {
	input := strings.Join([]string{
		`{"t":"a"}`,
		`{"t":"b"`,
		``,
		`{"t":"c"} x`,
		`["t"]`,
		"{\"t\":\"\xff\"}",
		"\x00",
		`{"t":"two words"}`,
		`{"u":"a"}`,
		`{"t":null}`,
		`{"t":"\ud800"}`,
		"\ufeff{}",
		`{"t":"z"}`,
	}, "\n")
	reader := newReader(t, input, plain, ndjson.Config{})
	var lines []int
	got := read(func(yield func(event.Record, error) bool) {
		for r, err := range reader.All() {
			var line *ndjson.LineError
			if errors.As(err, &line) {
				lines = append(lines, line.Line)
				if !errors.Is(err, event.ErrInvalid) {
					t.Errorf("%v does not answer errors.Is(err, event.ErrInvalid)", err)
				}
			}
			yield(r, err)
		}
	})
	expect(
		t, got,
		"a",
		"line 2: JSON: the text ends where a comma or } should be at byte 8",
		"line 4: JSON: 'x' where the end of the text should be at byte 10",
		"line 5: JSON: is an array; each line must be an object",
		"line 6: JSON: bytes that are not UTF-8 at byte 6",
		`line 7: JSON: '\x00' where a value should be at byte 0`,
		`line 8: type: "two words" has a " " at byte 3`,
		"line 9: type: no template fits the line: {t}",
		"line 10: type: no template fits the line: {t}",
		`line 11: type: the line's "\"\\ud800\"" has half of a surrogate pair`,
		`line 12: JSON: '\ufeff' where a value should be at byte 0`,
		"z",
	)
	if fmt.Sprint(lines) != "[2 4 5 6 7 8 9 10 11 12]" || reader.Line() != 13 {
		t.Errorf("broken lines %v of %d", lines, reader.Line())
	}
}

// repeated is an input of one byte many times that counts how often it was read.
type repeated struct {
	b    byte
	left int
	read int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), r.left)
	for i := range p[:n] {
		p[i] = r.b
	}
	r.left -= n
	r.read += n
	return n, nil
}

func TestALineThatIsTooLongIsSkippedAndNotHeld(t *testing.T) {
	const size = 100 << 20
	long := &repeated{b: 'x', left: size}
	input := io.MultiReader(strings.NewReader("{\"t\":\"a\"}\n"), long, strings.NewReader("\n{\"t\":\"b\"}\n"))
	r, err := ndjson.NewReader(input, plain, ndjson.Config{MaxLine: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	expect(t, read(r.All()), "a", "line 2: length: is over the limit of 1000 bytes", "b")
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; long.read != size || allocated > 1<<20 {
		t.Errorf("allocated %d bytes for a line of %d, of which %d were read", allocated, size, long.read)
	}
}

func TestTheLimitIsExact(t *testing.T) {
	for _, c := range []struct {
		max  int
		want string
	}{{9, "a"}, {8, "line 1: length: is over the limit of 8 bytes"}} {
		for _, end := range []string{"", "\n", "\r\n"} {
			expect(t, read(newReader(t, `{"t":"a"}`+end, plain, ndjson.Config{MaxLine: c.max}).All()), c.want)
		}
	}
	large := fmt.Sprintf(`{"t":"a","x":"%s"}`, strings.Repeat("x", 200_000))
	for _, end := range []string{"", "\n", "\r\n"} {
		expect(t, read(newReader(t, large+end, plain, ndjson.Config{MaxLine: len(large)}).All()), "a")
		expect(t, read(newReader(t, large+end, plain, ndjson.Config{MaxLine: len(large) - 1}).All()), "line 1: length: is over")
	}
}

func TestDataSurvivesTheReadingOfLaterLines(t *testing.T) {
	first, second := strings.Repeat("first", 5), strings.Repeat("other", 5)
	for _, times := range []int{1, 10_000} { // within the reader's buffer, and beyond it
		for _, path := range []string{"", "x"} {
			var kept []event.Record
			m := ndjson.Mapping{Type: []string{"{t}"}, Data: path}
			input := `{"t":"a","x":"` + strings.Repeat(first, times) + `"}` + "\n" + `{"t":"b","x":"` + strings.Repeat(second, times) + `"}`
			for r, err := range newReader(t, input, m, ndjson.Config{}).All() {
				if err != nil {
					t.Fatal(err)
				}
				kept = append(kept, r)
			}
			if !bytes.Contains(kept[0].Data, []byte(first)) || bytes.Contains(kept[0].Data, []byte(second)) {
				t.Errorf("path %q: the data of the first record changed", path)
			}
		}
	}
}

func TestAFailingInputEndsTheReading(t *testing.T) {
	broken := errors.New("cable cut")
	input := io.MultiReader(strings.NewReader("{\"t\":\"a\"}\n{\"t\":"), iotest.ErrReader(broken))
	r, err := ndjson.NewReader(input, plain, ndjson.Config{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, read(r.All()), "a", "read line 2: cable cut")
}

func TestLeavingTheLoopLeavesTheRestToBeRead(t *testing.T) {
	r := newReader(t, "{\"t\":\"a\"}\n{\"t\":\"b\"}\n", plain, ndjson.Config{})
	for range r.All() {
		break
	}
	expect(t, read(r.All()), "b")
}

func TestABadConfigIsRefused(t *testing.T) {
	_, err := ndjson.NewReader(strings.NewReader(""), plain, ndjson.Config{MaxLine: -1})
	if err == nil || err.Error() != "MaxLine: is -1; leave it 0 for 16 MiB" {
		t.Error(err)
	}
	_, err = ndjson.NewCloudEventsReader(strings.NewReader(""), ndjson.Config{MaxLine: -1})
	if !errors.Is(err, event.ErrInvalid) {
		t.Error(err)
	}
}

func TestCloudEventsAreReadWithTheSameErrors(t *testing.T) {
	input := strings.Join([]string{
		`{"specversion":"1.0","id":"1","source":"s","type":"a"}`,
		`{"specversion":"1.0","id":"2","source":"s"}`,
		`{"specversion":"1.0","id":"3","source":"s","type":"c","data":[1, 2]}`,
		`{`,
	}, "\n")
	r, err := ndjson.NewCloudEventsReader(strings.NewReader(input), ndjson.Config{})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, read(r.All()), "a", "line 2: type: is missing", "c", "line 4: event: is not JSON")
}

func TestWrittenLinesAreReadAsTheSameRecords(t *testing.T) {
	id := func(n byte) event.ID { return event.UUID([16]byte{n}) }
	records := []event.Record{
		{Metadata: event.Metadata{ID: id(1), Type: "a"}, Place: event.Place{Stream: "s", Revision: 1, Position: 1}, Data: []byte(`{"n":1.0}`)},
		{Metadata: event.Metadata{ID: id(2), Type: "b", ContentType: "text/plain"}, Data: []byte("two\nlines")},
		{Metadata: event.Metadata{ID: id(3), Type: "c"}, Data: []byte("{\n}")},
	}
	var out bytes.Buffer
	n, err := ndjson.Write(&out, all(records, nil))
	if err != nil || n != 3 || strings.Count(out.String(), "\n") != 3 {
		t.Fatalf("wrote %d, %v: %q", n, err, &out)
	}
	r, err := ndjson.NewCloudEventsReader(&out, ndjson.Config{})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for got, err := range r.All() {
		if err != nil || got.ID != records[i].ID || got.Place != records[i].Place || compact(got.Data) != compact(records[i].Data) {
			t.Errorf("read %+v, %v, want %+v", got, err, records[i])
		}
		i++
	}
}

func compact(data []byte) string { return strings.ReplaceAll(string(data), "{\n}", "{}") }

func all(records []event.Record, last error) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if last != nil {
			yield(event.Record{}, last)
		}
	}
}

func TestWriteStopsAtTheFirstError(t *testing.T) {
	good := event.Record{Metadata: event.Metadata{ID: event.UUID([16]byte{1}), Type: "a"}}
	broken := errors.New("cable cut")
	var out bytes.Buffer
	if n, err := ndjson.Write(&out, all([]event.Record{good}, broken)); n != 1 || err != broken || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("wrote %d, %v", n, err)
	}
	n, err := ndjson.Write(io.Discard, all([]event.Record{good, {}}, nil))
	if n != 1 || !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "write record 2: id: ") {
		t.Errorf("wrote %d, %v", n, err)
	}
	if _, err := ndjson.Write(failing{broken}, all([]event.Record{good}, nil)); err != broken {
		t.Error(err)
	}
	if _, err := cloudevents.Marshal(good); err != nil {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
