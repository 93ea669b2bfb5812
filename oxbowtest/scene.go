package oxbowtest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// scene is what all tests in the form given, when, then have in common: what is told when they fail.
type scene struct {
	t       testing.TB
	match   Match
	builder Builder
	given   []string
	when    []string
	ready   bool // When has run
}

// tell notes a line of the story.
func tell(story *[]string, e *event.Event[any]) {
	*story = append(*story, fmt.Sprintf("%s %s", e.Type, compact(e.Data)))
}

// compact returns a value on one line.
func compact(v any) string {
	lines := pretty(plain(v))
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, " ")
}

// fail tells what is wrong, and the story before it.
func (s *scene) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("%s%s", s.story(), fmt.Sprintf(format, args...))
}

func (s *scene) story() string {
	var b strings.Builder
	for _, part := range [...]struct {
		word  string
		lines []string
	}{{"given", s.given}, {"when", s.when}} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&b, "%s\n%s\n", part.word, joinLines(indented(part.lines, "  ")))
		}
	}
	return b.String()
}

// began stops the test when there was no When.
func (s *scene) began(then string) {
	s.t.Helper()
	if !s.ready {
		s.t.Fatalf("oxbowtest: %s comes before When; say first what happens", then)
	}
}

// events makes events of what a test gives, or stops it.
func (s *scene) events(word string, given []any) []event.Event[any] {
	s.t.Helper()
	events := make([]event.Event[any], len(given))
	for i, g := range given {
		e, err := s.builder.event(g, nil)
		if err != nil {
			s.t.Fatalf("oxbowtest: %s: %v", word, err)
		}
		events[i] = e
	}
	return events
}

// compare fails the test unless the events are as expected.
func (s *scene) compare(want []any, got []event.Event[any]) {
	s.t.Helper()
	expected, err := s.match.expect(want)
	if err != nil {
		s.t.Fatalf("oxbowtest: then: %v", err)
	}
	if d := s.match.compare(expected, got); d != "" {
		s.fail("then the events are not as expected (- expected, + got):\n%s", d)
	}
}

// compareValues fails the test unless two values are the same as JSON.
func (s *scene) compareValues(what string, want, got any) {
	s.t.Helper()
	d := diff(pretty(without(plain(want), s.match.Ignore)), pretty(without(plain(got), s.match.Ignore)))
	if d != "" {
		s.fail("then %s is not as expected (- expected, + got):\n%s", what, d)
	}
}

// compareError fails the test unless err is the wanted one, or wraps it. A nil want means that any error will do.
func (s *scene) compareError(who string, want, err error) {
	s.t.Helper()
	switch {
	case err == nil && want == nil:
		s.fail("then %s succeeded; expected an error", who)
	case err == nil:
		s.fail("then %s succeeded; expected the error %q", who, want)
	case want != nil && !errors.Is(err, want):
		s.fail("then %s failed otherwise than expected:\n- %v (%T)\n+ %v (%T)", who, want, want, err, err)
	}
}

// world is a store of a scene's own.
func (s *scene) world() *store.Store {
	s.t.Helper()
	st := store.New(memory.New(), store.Config{})
	s.t.Cleanup(func() { st.Close() })
	s.builder.Registry = st.Registry()
	return st
}

// fill puts events into the scene's store, and into the story.
func (s *scene) fill(st *store.Store, story *[]string, word string, given []any) []event.Record {
	s.t.Helper()
	records, err := fill(st, &s.builder, given)
	if err != nil {
		s.t.Fatalf("oxbowtest: %s: %v", word, err)
	}
	for _, r := range records {
		tell(story, new(untyped(r)))
	}
	return records
}

// appended returns what stands in a store after a position, less the records with these ids.
func (s *scene) appended(st *store.Store, after store.Position, except []event.Record) []event.Event[any] {
	s.t.Helper()
	records, err := stored(st, after)
	if err != nil {
		s.t.Fatalf("oxbowtest: %v", err)
	}
	ours := map[event.ID]bool{}
	for _, r := range except {
		ours[r.ID] = true
	}
	var events []event.Event[any]
	for _, r := range records {
		if !ours[r.ID] {
			events = append(events, untyped(r))
		}
	}
	return events
}

// typeName is what a Go type is called in a story.
func typeName(v any) string { return strings.TrimPrefix(reflect.TypeOf(v).String(), "*") }
