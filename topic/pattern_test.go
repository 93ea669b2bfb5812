package topic_test

import (
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/topic"
)

// matches is the definition of matching: slow and plain.
func matches(pattern, topic []string) bool {
	if len(pattern) == 0 {
		return len(topic) == 0
	}
	if pattern[0] == "**" {
		return matches(pattern[1:], topic) || len(topic) > 0 && matches(pattern, topic[1:])
	}
	return len(topic) > 0 && (pattern[0] == "*" || pattern[0] == topic[0]) && matches(pattern[1:], topic[1:])
}

func matchesText(pattern, text string) bool {
	return matches(strings.Split(pattern, "."), strings.Split(text, "."))
}

// texts returns all texts of one to most of these segments.
func texts(most int, segments ...string) (all []string) {
	longest := []string{""}
	for range most {
		var longer []string
		for _, text := range longest {
			for _, segment := range segments {
				longer = append(longer, strings.TrimPrefix(text+"."+segment, "."))
			}
		}
		all = append(all, longer...)
		longest = longer
	}
	return all
}

func TestMatchFollowsTheDefinition(t *testing.T) {
	topics := texts(5, "a", "b", "c")
	for _, text := range texts(5, "a", "b", "*", "**") {
		p := parse(t, text)
		for _, topic := range topics {
			if got, want := p.Match(topic), matchesText(text, topic); got != want {
				t.Fatalf("%q matches %q: %v, want %v", text, topic, got, want)
			}
		}
	}
}

func TestPatternsAreEqualExactlyWhenTheyMatchTheSame(t *testing.T) {
	topics := texts(6, "a", "b")
	languages := make(map[string]topic.Pattern) // by which topics a pattern matches
	patterns := make(map[topic.Pattern]string)
	for _, text := range texts(4, "a", "*", "**") {
		p := parse(t, text)
		var language strings.Builder
		for _, topic := range topics {
			if matchesText(text, topic) {
				language.WriteString(topic + " ")
			}
		}
		if other, ok := languages[language.String()]; ok && other != p {
			t.Errorf("%q and %q match the same topics and are not equal", p, other)
		}
		if other, ok := patterns[p]; ok && other != language.String() {
			t.Errorf("%q stands for patterns that match different topics, one of them %q", p, text)
		}
		languages[language.String()], patterns[p] = p, language.String()
	}
}

func TestNormalForm(t *testing.T) {
	for text, want := range map[string]string{
		"a.b":             "a.b",
		"**.**":           "**",
		"**.*":            "**",
		"*.**":            "**",
		"**.*.*":          "*.*.**",
		"a.**.*":          "a.*.**",
		"*.**.*":          "*.*.**",
		"a.**.*.**.b":     "a.*.**.b",
		"**.a.**.**":      "**.a.**",
		"**.*.a.**.*.*.b": "*.**.a.*.*.**.b",
	} {
		if got := parse(t, text).String(); got != want {
			t.Errorf("normal form of %q is %q, want %q", text, got, want)
		}
	}
}

func TestMatchSplitsWhatIsNoTopicAtItsDots(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true},
		{"a.*.b", "a..b", true},
		{"a.*", "a.", true},
		{"a", "a.", false},
		{"**", strings.Repeat(".", topic.MaxLen), true},
		{"**", strings.Repeat("a", topic.MaxLen+1), false},
	} {
		p := parse(t, c.pattern)
		if got := p.Match(c.text); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.text, got, c.want)
		}
		var set topic.Set[int]
		set.Add(p, 1)
		if got := len(set.AppendMatches(nil, c.text)) == 1; got != c.want {
			t.Errorf("a set with %q matches %q: %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

func TestZeroPatternMatchesNothing(t *testing.T) {
	var zero topic.Pattern
	for _, text := range []string{"", "a", "a.b"} {
		if zero.Match(text) {
			t.Errorf("the zero Pattern matches %q", text)
		}
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	p := parse(t, "**.invoice.*.**.paid")
	allocs := testing.AllocsPerRun(100, func() { p.Match("tenant.invoice.5.a.b.c.paid") })
	if allocs != 0 {
		t.Errorf("Match allocates %v times, want 0", allocs)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a.b", "**.*.**.a", "a*b", "*.\xff", "***", "..", " ", "日本.*"} {
		f.Add(text, "a.b.c")
	}
	f.Fuzz(func(t *testing.T, text, topicText string) {
		p, err := topic.Parse(text)
		if err != nil {
			return
		}
		again, err := topic.Parse(p.String())
		if err != nil || again != p {
			t.Fatalf("%q has the normal form %q, which is parsed to %q, %v", text, p, again, err)
		}
		if len(topicText) > 40 || strings.Count(text, "**") > 6 {
			return // the definition would take too long
		}
		if got, want := p.Match(topicText), matchesText(text, topicText); got != want {
			t.Errorf("%q (%q) matches %q: %v, want %v", text, p, topicText, got, want)
		}
	})
}
