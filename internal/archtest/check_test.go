package archtest

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Each case is a change to a tree that follows its table, and what is said about it.
var changes = []struct {
	name     string
	file     string
	text     string
	problems []string // words that each problem must hold, in order; none: the change is fine
}{
	{
		name: "an import that the row allows",
		file: "store/more.go", text: `package store; import _ "oxbow.test/event"`,
	},
	{
		name: "an arrow against the table",
		file: "event/up.go", text: `package event; import _ "oxbow.test/store"`,
		problems: []string{`event/up.go imports store, which the row of "event" does not allow`},
	},
	{
		name: "an arrow from a feature to a driver",
		file: "consumer/run.go", text: `package consumer; import _ "oxbow.test/store/memory"`,
		problems: []string{`consumer/run.go imports store/memory, which the row of "consumer" does not allow`},
	},
	{
		name: "an arrow behind a build tag",
		file: "event/up_windows.go", text: "//go:build windows\n\npackage event\n\nimport _ \"oxbow.test/store\"\n",
		problems: []string{"event/up_windows.go imports store"},
	},
	{
		name: "an arrow to the root package",
		file: "event/up.go", text: `package event; import _ "oxbow.test"`,
		problems: []string{"event/up.go imports ., which"},
	},
	{
		name: "a test that imports its own package and the test rooms",
		file: "consumer/run_test.go", text: `package consumer_test; import (_ "oxbow.test/consumer"; _ "oxbow.test/store/memory")`,
	},
	{
		name: "a test that reaches for a room above",
		file: "event/up_test.go", text: `package event_test; import _ "oxbow.test/consumer"`,
		problems: []string{"event/up_test.go imports consumer"},
	},
	{
		name: "a package without a row",
		file: "saga/saga.go", text: `package saga`,
		problems: []string{`saga has no row; add {Path: "saga"`},
	},
	{
		name: "a package below a row that covers all below",
		file: "examples/github/main.go", text: `package main; import _ "oxbow.test/store/memory"`,
	},
	{
		name: "a library in the root module",
		file: "event/id.go", text: `package event; import _ "github.com/google/uuid"`,
		problems: []string{"event/id.go imports github.com/google/uuid; the root module may import only"},
	},
	{
		name: "a library in the tests of the root module",
		file: "event/id_test.go", text: `package event; import _ "github.com/google/go-cmp/cmp"`,
		problems: []string{"event/id_test.go imports github.com/google/go-cmp/cmp"},
	},
	{
		name: "a library in a module of its own",
		file: "examples/main.go", text: `package main; import _ "github.com/spf13/cobra"`,
	},
	{
		name: "a require line in the root module",
		file: "go.mod", text: "module oxbow.test\n\nrequire github.com/google/uuid v1.6.0\n",
		problems: []string{"go.mod: the root module requires nothing"},
	},
	{
		name: "a require block in the root module",
		file: "go.mod", text: "module oxbow.test\n\nrequire(\n\tgithub.com/google/uuid v1.6.0\n)\n",
		problems: []string{"go.mod: the root module requires nothing"},
	},
	{
		name: "a go.sum in the root module",
		file: "go.sum", text: "",
		problems: []string{"go.sum: the root module requires nothing"},
	},
	{
		name: "a module that is not named after its folder",
		file: "examples/go.mod", text: "module oxbow.test/samples\n",
		problems: []string{"examples/go.mod: module oxbow.test/samples should be oxbow.test/examples"},
	},
	{
		name: "Go files that the go command ignores",
		file: "event/testdata/broken.go", text: `not Go`,
	},
}

func TestCheckReportsWhatIsAgainstTheTable(t *testing.T) {
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			tree := goodTree()
			tree[change.file] = &fstest.MapFile{Data: []byte(change.text)}
			expectProblems(t, tree, goodTable, change.problems)
		})
	}
}

func TestCheckReportsStaleRows(t *testing.T) {
	table := append(slices.Clone(goodTable), Room{Path: "saga"}, Room{Path: "pattern/..."})
	expectProblems(t, goodTree(), table, []string{`the row of "saga" stands for no folder`, `the row of "pattern/..." stands for no folder`})
}

func TestCheckAllowsPlannedRows(t *testing.T) {
	table := append(slices.Clone(goodTable), Room{Path: "saga"})
	problems, err := Check(goodTree(), table, []string{"saga"})
	if err != nil || len(problems) > 0 {
		t.Errorf("a planned row gave %q, %v; want nothing", problems, err)
	}
}

func TestCheckRefusesATreeThatItCannotRead(t *testing.T) {
	broken := goodTree()
	broken["event/broken.go"] = &fstest.MapFile{Data: []byte("not Go")}
	for name, tree := range map[string]fstest.MapFS{"broken file": broken, "no go.mod": {}} {
		if _, err := Check(tree, goodTable, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNoFeatureMayImportADriver(t *testing.T) {
	drivers := []string{"store/memory", "store/filelog"}
	wires := []string{"cmd/oxbow/...", "examples/...", "bench/...", "oxbowtest"} // the last makes stores for users' tests
	for _, room := range Table {
		for _, driver := range drivers {
			opens := slices.ContainsFunc(room.Imports, func(p string) bool { return matches(p, driver) })
			if opens && !slices.Contains(wires, room.Path) {
				t.Errorf("the row of %q names the driver %s; only %q may", room.Path, driver, wires)
			}
		}
	}
}

var goodTable = []Room{
	{Path: "event"},
	{Path: "store", Imports: []string{"event"}},
	{Path: "store/memory", Imports: []string{"store"}},
	{Path: "consumer", Imports: []string{"store"}},
	{Path: "examples/...", Imports: []string{"..."}},
}

func goodTree() fstest.MapFS {
	files := map[string]string{
		"go.mod":                 "module oxbow.test\n\ngo 1.26\n",
		"event/event.go":         `package event; import _ "time"`,
		"store/store.go":         `package store; import _ "oxbow.test/event"`,
		"store/memory/memory.go": `package memory; import _ "oxbow.test/store"`,
		"consumer/consumer.go":   `package consumer; import _ "oxbow.test/store"`,
		"examples/go.mod":        "module oxbow.test/examples\n",
		"examples/hello/main.go": `package main; import _ "oxbow.test/event"`,
	}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// expectProblems checks that there is one problem for each of want, holding its words.
func expectProblems(t *testing.T, tree fstest.MapFS, table []Room, want []string) {
	t.Helper()
	got, err := Check(tree, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	same := slices.EqualFunc(got, want, strings.Contains)
	if !same {
		t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
