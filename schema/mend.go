package schema

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// mendText is what to do about breaking changes of a Go type: the code to write.
func mendText(t reflect.Type, s event.Schema, changes []Change) string {
	goType := "YourEvent"
	if t != nil {
		goType = nameOf(t)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `What is stored stays as it is. Undo the change; or make this version %[2]d, and lift version %[3]d to it:

	func (%[1]s) EventVersion() int { return %[2]d }

	err := reg.Upcast(%[4]q, %[3]d, func(data []byte) ([]byte, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, err
		}
`, goType, s.Version+1, s.Version, s.Type)
	for _, line := range steps(changes) {
		fmt.Fprintf(&b, "\t\t%s\n", line)
	}
	b.WriteString("\t\treturn json.Marshal(fields)\n\t})\n\n")
	fmt.Fprintf(&b, "If no store anywhere holds an event of %s, delete its golden copy %s instead.\n", s, FileOf(s))
	return b.String()
}

// steps are the lines that lift the fields. Fields that lie deeper are left to a comment.
func steps(changes []Change) []string {
	var lines []string
	used := map[string]bool{}
	gone := func(c Change) int { return compareBools(c.mend.verb != "remove", false) }
	for _, c := range slices.SortedStableFunc(slices.Values(changes), func(a, b Change) int { return cmp.Compare(gone(a), gone(b)) }) {
		if !c.Breaking || used[c.Field] {
			continue
		}
		used[c.Field] = true
		if c.Field == "" || strings.ContainsAny(c.Field, ".[{") {
			lines = append(lines, "// "+c.String())
			continue
		}
		if to, ok := renamed(c, changes, used); ok {
			used[to] = true
			lines = append(lines, fmt.Sprintf("fields[%q] = fields[%q]", to, c.Field), fmt.Sprintf("delete(fields, %q)", c.Field))
			continue
		}
		lines = append(lines, step(c)...)
	}
	return lines
}

// renamed finds the new field into which one that is gone may have turned: the first of the same schema.
func renamed(c Change, changes []Change, used map[string]bool) (to string, ok bool) {
	if c.mend.verb != "remove" {
		return "", false
	}
	i := slices.IndexFunc(changes, func(other Change) bool {
		return other.mend.verb == "add" && !used[other.Field] && !strings.ContainsAny(other.Field, ".[{") &&
			reflect.DeepEqual(c.mend.old, other.mend.new)
	})
	if i < 0 {
		return "", false
	}
	return changes[i].Field, true
}

func step(c Change) []string {
	switch c.mend.verb {
	case "add":
		return []string{fmt.Sprintf("fields[%q] = json.RawMessage(`%s`) // what events without it mean", c.Field, zeroJSON(c.mend.new))}
	case "remove":
		return []string{fmt.Sprintf("delete(fields, %q) // after keeping what is of use in it", c.Field)}
	case "fill":
		return []string{
			fmt.Sprintf("if v := fields[%q]; v == nil || string(v) == \"null\" {", c.Field),
			fmt.Sprintf("\tfields[%q] = json.RawMessage(`%s`) // what events without it mean", c.Field, zeroJSON(c.mend.new)),
			"}",
		}
	}
	return []string{fmt.Sprintf("// fields[%q] %s: put the new form in its place", c.Field, c.What)}
}

// zeroJSON is a value to begin with.
func zeroJSON(n *node) string {
	if n.Format == "date-time" {
		return `"0001-01-01T00:00:00Z"`
	}
	switch n.kind() {
	case "string":
		return `""`
	case "integer", "number":
		return "0"
	case "boolean":
		return "false"
	case "array":
		return "[]"
	case "object":
		return "{}"
	}
	return "null"
}
