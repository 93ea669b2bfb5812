package schematest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
)

// UpdateVariable is the environment variable that makes Golden write the copies: OXBOW_UPDATE=1 go test ./...
const UpdateVariable = "OXBOW_UPDATE"

// Golden keeps a copy of the JSON Schema of every registered event type in a folder, usually testdata/schemas, which belongs
// into version control. It fails the test when a change would break events that may be stored, and says which, why, and how to
// mend it; see package schema for what breaks. It also fails when the copies are merely out of date, since the next change would
// be compared with them.
//
// With the environment variable OXBOW_UPDATE=1, or with -update when the test defines such a flag, it writes the copies: of new
// types and versions, and of types whose change breaks nothing. A copy that a breaking change would overwrite is left as it is,
// and so are the copies of older versions and types: they are the record of what may be stored.
//
// Register every event type and add every upcaster before, as the program does. Golden is for programs that write JSON, which is
// the default.
func Golden(t testing.TB, reg *event.Registry, dir string) {
	t.Helper()
	golden, err := schema.ReadGolden(os.DirFS(dir))
	if err != nil {
		t.Fatalf("read golden schemas in %s: %v", dir, err)
	}
	findings, err := schema.Review(reg, golden)
	if err != nil {
		t.Fatalf("golden schemas in %s: %v", dir, err)
	}
	if len(reg.Types()) == 0 {
		t.Errorf("no event type is registered; register them first, with event.Register[OrderPlaced](reg) or by making the consumers")
	}
	if updating() {
		if err := write(reg, dir, findings); err != nil {
			t.Fatalf("write golden schemas: %v", err)
		}
		findings = slices.DeleteFunc(findings, func(f schema.Finding) bool { return !f.Breaking })
	}
	report(t, dir, findings)
}

func report(t testing.TB, dir string, findings []schema.Finding) {
	t.Helper()
	var breaking, stale []string
	for _, f := range findings {
		if f.Breaking {
			breaking = append(breaking, f.String())
		} else {
			stale = append(stale, f.String())
		}
	}
	for _, text := range breaking {
		t.Errorf("%s\nThen write the golden copies in %s: %s", text, dir, command(t))
	}
	if len(stale) > 0 {
		t.Errorf("%s\n\nNothing that is stored breaks by this. Write the golden copies in %s and commit them: %s",
			strings.Join(stale, "\n"), dir, command(t))
	}
}

// command is what writes the copies.
func command(t testing.TB) string {
	run := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	if flag.Lookup("update") != nil {
		return fmt.Sprintf("go test -run '%s' -update .", run)
	}
	return fmt.Sprintf("%s=1 go test -run '%s' .", UpdateVariable, run)
}

func updating() bool {
	if value := os.Getenv(UpdateVariable); value != "" && value != "0" {
		return true
	}
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// write writes the copies that are missing or out of date, and leaves those alone to which a finding says that something breaks.
func write(reg *event.Registry, dir string, findings []schema.Finding) error {
	current, err := schema.Current(reg)
	if err != nil {
		return err
	}
	broken := map[event.Schema]bool{}
	for _, f := range findings {
		broken[f.Schema] = broken[f.Schema] || f.Breaking
	}
	files := map[string][]byte{}
	for s, text := range current.Schemas {
		if !broken[s] {
			files[schema.FileOf(s)] = text
		}
	}
	lifted := slices.ContainsFunc(findings, func(f schema.Finding) bool { return f.Breaking && len(f.Changes) == 0 })
	if len(current.Lifts) > 0 && !lifted {
		if files[schema.LiftsFile], err = schema.LiftsText(current.Lifts); err != nil {
			return err
		}
	}
	return writeAll(dir, files)
}

func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && string(old) == string(text) {
			continue
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
