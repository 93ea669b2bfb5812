package oxbowtest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

// Expect fails the test unless exactly these events were noted, in this order: anything that [event.New] or [Event] takes. What is
// compared is said at [Match].
func (r *Recorder) Expect(t testing.TB, want ...any) {
	t.Helper()
	r.ExpectMatch(t, Match{}, want...)
}

// ExpectMatch is Expect with another comparison.
func (r *Recorder) ExpectMatch(t testing.TB, m Match, want ...any) {
	t.Helper()
	expected, err := m.expect(want)
	if err != nil {
		t.Fatalf("oxbowtest: %v", err)
	}
	if d := m.compare(expected, r.Events()); d != "" {
		t.Errorf("recorded events are not as expected (- expected, + got):\n%s\n\n%s", d, r.account())
	}
}

// ExpectNone fails the test when any event was noted.
func (r *Recorder) ExpectNone(t testing.TB) {
	t.Helper()
	if n := len(r.Events()); n > 0 {
		t.Errorf("expected no event to be recorded, and there are %d; %s", n, r.account())
	}
}

// ExpectOf fails the test unless of T's event type exactly these events were noted, in this order. Others do not matter.
func ExpectOf[T any](t testing.TB, r *Recorder, want ...T) {
	t.Helper()
	found, err := typed[T](r.cfg.Registry, r.Events())
	if err != nil {
		t.Fatalf("oxbowtest: %v", err)
	}
	wants := make([]any, len(want))
	for i := range want {
		wants[i] = want[i]
	}
	expected, err := Match{}.expect(wants)
	if err != nil {
		t.Fatalf("oxbowtest: %v", err)
	}
	gots := make([]event.Event[any], len(found))
	for i, e := range found {
		gots[i] = e.Untyped()
	}
	if d := (Match{}).compare(expected, gots); d != "" {
		t.Errorf("recorded events of %v are not as expected (- expected, + got):\n%s\n\n%s", reflect.TypeFor[T](), d, r.account())
	}
}

// ExpectTree fails the test unless what was noted, and what caused it, is as this text says it in the form of [Recorder.Tree]. Indentation
// that all its lines share, and blank lines around it, do not matter.
func (r *Recorder) ExpectTree(t testing.TB, want string) {
	t.Helper()
	var got []string
	if text := r.Tree(); text != "" {
		got = strings.Split(text, "\n")
	}
	if d := diff(dedent(want), got); d != "" {
		t.Errorf("what caused what is not as expected (- expected, + got):\n%s", d)
	}
}

// dedent returns the lines of a text without blank ones around them, and without what indents all of them.
func dedent(text string) []string {
	lines := strings.Split(strings.ReplaceAll(text, "\t", "  "), "\n")
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	least := -1
	for _, l := range lines {
		if blanks := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (least < 0 || blanks < least) {
			least = blanks
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l[min(max(least, 0), len(l)):], " ")
	}
	return lines
}
