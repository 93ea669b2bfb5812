package schema

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Finding is something about one event type that its golden copies do not agree with.
type Finding struct {
	Schema   event.Schema
	Breaking bool     // events that may be stored would not be read as they were meant; else the copies are only out of date
	Changes  []Change // what is different in the Go type
	Problem  string   // in a sentence
	Mend     string   // what to do, with the code to write; empty when writing the golden copies anew is enough
}

func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", f.Schema, f.Problem)
	for _, c := range f.Changes {
		fmt.Fprintf(&b, "\n  %s", c)
	}
	if f.Mend != "" {
		fmt.Fprintf(&b, "\n\n%s", f.Mend)
	}
	return b.String()
}

// Review compares what a registry reads and writes now with golden copies of what it did when they were made. It returns what
// does not agree, in order of type and version; the package comment has the rules. Nothing is found when the copies are those
// that [Current] returns, and those of older versions and types that upcasters lift into them.
func Review(reg *event.Registry, golden Golden) ([]Finding, error) {
	current, err := Current(reg)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for s, text := range current.Schemas {
		f, err := reviewCurrent(reg, golden, s, text)
		if err != nil {
			return nil, err
		}
		findings = append(findings, f...)
	}
	for s := range golden.Schemas {
		if current.Schemas[s] == nil {
			findings = append(findings, reviewOld(reg, current, s)...)
		}
	}
	findings = append(findings, reviewLifts(reg, golden)...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Schema.Type, b.Schema.Type), cmp.Compare(a.Schema.Version, b.Schema.Version))
	})
	return findings, nil
}

// reviewCurrent judges a schema that a registered Go type has.
func reviewCurrent(reg *event.Registry, golden Golden, s event.Schema, text []byte) ([]Finding, error) {
	was, ok := golden.Schemas[s]
	if !ok {
		return []Finding{{Schema: s, Problem: "has no golden copy yet"}}, nil
	}
	if bytes.Equal(bytes.ReplaceAll(was, []byte("\r\n"), []byte("\n")), text) {
		return nil, nil
	}
	older, err := parse(was)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", FileOf(s), err)
	}
	newer, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", FileOf(s), err)
	}
	f := Finding{Schema: s, Changes: compare(older, newer), Problem: "has changed, and reads all that is stored; its golden copy is out of date"}
	if f.Breaking = slices.ContainsFunc(f.Changes, func(c Change) bool { return c.Breaking }); f.Breaking {
		f.Problem = "has changed so that stored events would not be read as they were meant:"
		f.Mend = mendText(reg.Types()[s.Type], s, f.Changes)
	}
	return []Finding{f}, nil
}

// reviewOld judges a schema that no registered Go type has: upcasters must lead from it to ones that have one.
func reviewOld(reg *event.Registry, current Golden, s event.Schema) []Finding {
	var findings []Finding
	for _, end := range reg.ReadAs(s) {
		if current.Schemas[end] != nil {
			continue
		}
		f := Finding{Schema: s, Breaking: true}
		t, registered := reg.Types()[end.Type]
		now := event.Schema{Type: end.Type}
		if registered {
			d, _ := event.Describe(t) // Current has described it
			now.Version = d.Version
		}
		f.Problem, f.Mend = dangling(s, end, now)
		findings = append(findings, f)
	}
	return findings
}

// dangling says what is wrong with a schema that ends at one that no Go type has, and what to do. now is what the Go type of its
// end has, version 0 when there is none.
func dangling(s, end, now event.Schema) (problem, mend string) {
	problem = "may be stored, and no registered Go type has it"
	if end != s {
		problem = fmt.Sprintf("may be stored and is lifted to %s, which no registered Go type has", end)
	}
	switch {
	case now.Version == 0:
		return problem, fmt.Sprintf(`Register its Go type, or say which type it has become:

	err := reg.UpcastTo(event.Schema{Type: %q, Version: %d}, event.Schema{Type: "its.new.name", Version: 1}, event.Unchanged)
`, end.Type, end.Version)
	case now.Version < end.Version:
		return problem + fmt.Sprintf("; it is version %d now, and versions never go back", now.Version),
			fmt.Sprintf("Let EventVersion return %d again, or a higher number with upcasters that lead to it.\n", end.Version)
	}
	var b strings.Builder
	for v := end.Version; v < now.Version; v++ {
		fmt.Fprintf(&b, "\n	err := reg.Upcast(%q, %d, func(data []byte) ([]byte, error) {\n		// return the bytes of version %d\n	})\n", end.Type, v, v+1)
	}
	return problem + fmt.Sprintf("; it is version %d now", now.Version), "Add what lifts it:\n" + b.String()
}

// reviewLifts judges the upcasters: one that is gone is missed, one that is new is to be noted.
func reviewLifts(reg *event.Registry, golden Golden) []Finding {
	was, is := byFrom(golden.Lifts), byFrom(reg.Lifts())
	var findings []Finding
	for _, from := range slices.SortedFunc(maps.Keys(was), compareSchemas) {
		now, ok := is[from]
		switch {
		case !ok:
			findings = append(findings, Finding{
				Schema: from, Breaking: true, Problem: fmt.Sprintf("was lifted to %s, and that upcaster is gone", schemas(was[from])),
				Mend: "Stored events of it need it for ever: add it again.\n",
			})
		case !slices.Equal(was[from], now):
			findings = append(findings, Finding{
				Schema: from, Problem: fmt.Sprintf("was lifted to %s and is lifted to %s; %s is out of date", schemas(was[from]), schemas(now), LiftsFile),
			})
		}
	}
	for _, from := range slices.SortedFunc(maps.Keys(is), compareSchemas) {
		if _, ok := was[from]; !ok {
			findings = append(findings, Finding{Schema: from, Problem: fmt.Sprintf("is lifted to %s; %s does not say so yet", schemas(is[from]), LiftsFile)})
		}
	}
	return findings
}

func byFrom(lifts []event.Lift) map[event.Schema][]event.Schema {
	m := map[event.Schema][]event.Schema{}
	for _, l := range lifts {
		m[l.From] = l.To
	}
	return m
}

func compareSchemas(a, b event.Schema) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Version, b.Version))
}

func schemas(list []event.Schema) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.String()
	}
	return strings.Join(names, " or ")
}
