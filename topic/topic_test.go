package topic_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

func TestValidateAcceptsTopics(t *testing.T) {
	for _, text := range []string{
		"order",
		"order.placed",
		"a.b.c.d.e.f.g",
		"Order.PLACED.42",
		"github/repo.pull_request-opened.#1",
		"bestellung.geprüft.日本",
		"replacement.\uFFFD", // the character itself, not what stands for broken text
		strings.Repeat("x", topic.MaxLen),
	} {
		if err := topic.Validate(text); err != nil {
			t.Errorf("Validate(%q) = %v, want nil", text, err)
		}
		if p, err := topic.Parse(text); err != nil || p.String() != text {
			t.Errorf("Parse(%q) = %q, %v, want the same text: each topic is a pattern", text, p, err)
		}
	}
}

func TestMistakesAreNamedWithTheirPlaceAndRemedy(t *testing.T) {
	long := strings.Repeat("é", 128)
	for _, c := range []struct {
		kind, text string
		offset     int
		message    string
	}{
		{"topic", "", 0, `topic "": it is empty; name at least one segment, as in order.placed`},
		{"topic", "order..placed", 6, `topic "order..placed": at byte 6: the segment is empty; name it, or remove a dot`},
		{"topic", ".order", 0, `topic ".order": at byte 0: the segment is empty; name it, or remove a dot`},
		{"topic", "order.", 6, `topic "order.": at byte 6: the segment is empty; name it, or remove a dot`},
		{"topic", "order.*", 6, `topic "order.*": at byte 6: "*" stands only in patterns; name the segment`},
		{"topic", "**", 0, `topic "**": at byte 0: "*" stands only in patterns; name the segment`},
		{"topic", "my order", 2, `topic "my order": at byte 2: white space U+0020; remove it, or use "-" or "_"`},
		{"topic", "my.o\u00A0r", 4, "topic \"my.o\\u00a0r\": at byte 4: white space U+00A0; remove it, or use \"-\" or \"_\""},
		{"topic", "order.a\nb", 7, `topic "order.a\nb": at byte 7: control character U+000A; remove it`},
		{"topic", "order.\x7f", 6, `topic "order.\x7f": at byte 6: control character U+007F; remove it`},
		{"topic", "é.\xff", 3, `topic "é.\xff": at byte 3: byte 0xff is not UTF-8; encode the text as UTF-8`},
		{"topic", long, 255, `topic "` + long[:64] + `"…: at byte 255: it has 256 bytes and may have 255; shorten it`},
		{"topic", strings.Repeat("x", 300), 255, `topic "` + strings.Repeat("x", 64) + `"…: at byte 255: it has 300 bytes and may have 255; shorten it`},
		{"pattern", "", 0, `pattern "": it is empty; name at least one segment, as in order.placed`},
		{"pattern", "a*b", 1, `pattern "a*b": at byte 1: "*" beside other characters; write * alone for one whole segment, ** for any number of them`},
		{"pattern", "a.***", 2, `pattern "a.***": at byte 2: "*" beside other characters; write * alone for one whole segment, ** for any number of them`},
		{"pattern", "**.*x", 3, `pattern "**.*x": at byte 3: "*" beside other characters; write * alone for one whole segment, ** for any number of them`},
		{"pattern", "*. *", 2, `pattern "*. *": at byte 2: white space U+0020; remove it, or use "-" or "_"`},
		{"pattern", "*..*", 2, `pattern "*..*": at byte 2: the segment is empty; name it, or remove a dot`},
	} {
		err := topic.Validate(c.text)
		if c.kind == "pattern" {
			_, err = topic.Parse(c.text)
		}
		var syntax *topic.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s %q: got %v, want a SyntaxError", c.kind, c.text, err)
			continue
		}
		if syntax.Kind != c.kind || syntax.Text != c.text || syntax.Offset != c.offset {
			t.Errorf("%s %q: got %+v, want offset %d", c.kind, c.text, *syntax, c.offset)
		}
		if err.Error() != c.message {
			t.Errorf("message\n got: %s\nwant: %s", err, c.message)
		}
	}
}

// What Validate decides by a look at the bytes must be what Parse, which looks at each character, decides.
func FuzzValidate(f *testing.F) {
	for _, text := range []string{"order.placed", "a..b", "é.\xff", "a b", "\x7f", strings.Repeat("a", 256)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		valid := topic.Validate(text) == nil
		_, err := topic.Parse(text)
		if want := err == nil && !strings.Contains(text, "*"); valid != want {
			t.Errorf("Validate(%q) accepts: %v, want %v (Parse: %v)", text, valid, want, err)
		}
	})
}
