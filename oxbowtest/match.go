package oxbowtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Match says how events are compared with those that are expected. The zero Match compares their types and their data, as JSON, in order.
//
// Of an expected event's metadata, what it says counts and nothing else: an id, a time, a stream, a user or a header that it has must be
// that of the event, and what it leaves empty may be anything. So plain data, such as OrderPlaced{…}, match whatever id and time; and
// Event(OrderPlaced{…}, event.WithStream("order-42")) asks for the stream too.
type Match struct {
	Ignore   []string // paths within the data that may be anything: keys with dots between them, * for any one, ** for any number
	AnyOrder bool
}

// expected is an event that is to be there: its type and data, and which of its metadata are asked for.
type expected struct {
	eventType string
	data      any // plain
	fields    []field
}

// field is one thing beside type and data that is compared.
type field struct {
	name  string
	value string
	of    func(e *event.Event[any]) string
}

// expect reads what a test expects, as it gave it.
func (m Match) expect(wants []any) ([]expected, error) {
	if err := checkPaths("Ignore", m.Ignore); err != nil {
		return nil, err
	}
	all := make([]expected, len(wants))
	for i, want := range wants {
		data, opts := unwrap(want)
		e, err := event.New(context.Background(), data, opts...)
		if err != nil {
			return nil, fmt.Errorf("expected event %d: %w", i+1, err)
		}
		all[i] = expected{e.Type, without(plain(e.Data), m.Ignore), fieldsOf(said(data, opts))}
	}
	return all, nil
}

// said returns what the test itself says about an event.
func said(data any, opts []event.Option) event.Event[any] {
	var e event.Event[any]
	if whole, ok := data.(interface{ Untyped() event.Event[any] }); ok {
		e = whole.Untyped()
	}
	for _, opt := range opts {
		opt(&e)
	}
	return e
}

func fieldsOf(e event.Event[any]) (fields []field) {
	for _, f := range askable {
		if value := f.of(&e); value != "" {
			fields = append(fields, field{f.name, value, f.of})
		}
	}
	for _, tag := range e.Tags {
		fields = append(fields, field{"tag", tag, func(e *event.Event[any]) string { return tagged(e, tag) }})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		fields = append(fields, field{"header " + name, e.Headers[name], func(e *event.Event[any]) string { return e.Headers[name] }})
	}
	return fields
}

var askable = [...]field{
	{name: "id", of: func(e *event.Event[any]) string { return e.ID.String() }},
	{name: "stream", of: func(e *event.Event[any]) string { return e.Stream }},
	{name: "revision", of: func(e *event.Event[any]) string { return number(e.Revision) }},
	{name: "position", of: func(e *event.Event[any]) string { return number(uint64(e.Position)) }},
	{name: "version", of: func(e *event.Event[any]) string { return number(uint64(e.Version)) }},
	{name: "topic", of: func(e *event.Event[any]) string { return e.Topic }},
	{name: "source", of: func(e *event.Event[any]) string { return e.Source }},
	{name: "subject", of: func(e *event.Event[any]) string { return e.Subject }},
	{name: "time", of: func(e *event.Event[any]) string { return instant(e.Time) }},
	{name: "correlation", of: func(e *event.Event[any]) string { return e.CorrelationID.String() }},
	{name: "caused by", of: func(e *event.Event[any]) string { return e.CausationID.String() }},
	{name: "user", of: func(e *event.Event[any]) string { return e.UserID }},
	{name: "aggregate type", of: func(e *event.Event[any]) string { return e.AggregateType }},
	{name: "aggregate", of: func(e *event.Event[any]) string { return e.AggregateID }},
}

func tagged(e *event.Event[any], tag string) string {
	if slices.Contains(e.Tags, tag) {
		return tag
	}
	return ""
}

func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (x *expected) lines() []string {
	out := []string{x.eventType}
	for _, f := range x.fields {
		out = append(out, "  "+f.name+": "+f.value)
	}
	return append(out, indented(pretty(x.data), "  ")...)
}

// show returns an event as lines, with those fields that the expected one, which may be nil, asks for.
func (m Match) show(e *event.Event[any], x *expected) []string {
	out := []string{e.Type}
	if x != nil {
		for _, f := range x.fields {
			out = append(out, "  "+f.name+": "+cmp.Or(f.of(e), "none"))
		}
	}
	return append(out, indented(pretty(without(plain(e.Data), m.Ignore)), "  ")...)
}

// compare returns how events differ from those that are expected, "" when they do not.
func (m Match) compare(wants []expected, gots []event.Event[any]) string {
	pairs, order := m.pair(wants, gots)
	var want, got []string
	for i := range wants {
		want = append(want, wants[i].lines()...)
	}
	for _, g := range order {
		got = append(got, m.show(&gots[g], pairs[g])...)
	}
	return diff(want, got)
}

// pair finds the expected event that each event is best compared with, and in which order to show the events.
func (m Match) pair(wants []expected, gots []event.Event[any]) (pairs map[int]*expected, order []int) {
	pairs = map[int]*expected{}
	free := make([]int, len(gots))
	for i := range gots {
		free[i] = i
	}
	if !m.AnyOrder {
		return m.pairInOrder(wants, gots), free
	}
	take := func(fits func(g int, x *expected) bool, x *expected) bool {
		at := slices.IndexFunc(free, func(g int) bool { return fits(g, x) })
		if at < 0 {
			return false
		}
		pairs[free[at]] = x
		order = append(order, free[at])
		free = slices.Delete(free, at, at+1)
		return true
	}
	same := func(g int, x *expected) bool { return slices.Equal(m.show(&gots[g], x), x.lines()) }
	alike := func(g int, x *expected) bool { return gots[g].Type == x.eventType }
	var rest []*expected
	for i := range wants {
		if !take(same, &wants[i]) {
			rest = append(rest, &wants[i])
		}
	}
	for _, x := range rest {
		take(alike, x)
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(indexOf(wants, pairs[a]), indexOf(wants, pairs[b])) })
	return pairs, append(order, free...)
}

func indexOf(wants []expected, x *expected) int {
	for i := range wants {
		if &wants[i] == x {
			return i
		}
	}
	return len(wants)
}

// pairInOrder pairs along a longest common subsequence of types.
func (m Match) pairInOrder(wants []expected, gots []event.Event[any]) map[int]*expected {
	want, got := make([]string, len(wants)), make([]string, len(gots))
	for i := range wants {
		want[i] = wants[i].eventType
	}
	for i := range gots {
		got[i] = gots[i].Type
	}
	pairs := map[int]*expected{}
	w, g := 0, 0
	for _, c := range compare(want, got) {
		if c.mark == ' ' {
			pairs[g] = &wants[w]
		}
		w, g = w+lines(c, '-'), g+lines(c, '+')
	}
	return pairs
}
