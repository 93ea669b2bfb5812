package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Golden is what a folder of golden copies holds: the JSON Schema of each event type and version, and where the program's
// upcasters lead. Each schema is a file, order.placed.v1.json, and the upcasters are lifts.json.
type Golden struct {
	Schemas map[event.Schema][]byte
	Lifts   []event.Lift // in order of type and version
}

// LiftsFile is the file that says where upcasters lead.
const LiftsFile = "lifts.json"

// FileOf returns the name of a schema's file.
func FileOf(s event.Schema) string { return fmt.Sprintf("%s.v%d.json", s.Type, s.Version) }

var fileName = regexp.MustCompile(`^(.+)\.v([1-9][0-9]{0,8})\.json$`)

// ReadGolden reads a folder of golden copies. One that does not exist, or is empty, holds none. Files that are not named like
// one of its files are passed over; one that cannot be read is refused by name.
func ReadGolden(dir fs.FS) (Golden, error) {
	g := Golden{Schemas: map[event.Schema][]byte{}}
	entries, err := fs.ReadDir(dir, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Golden{}, err
	}
	for _, entry := range entries {
		if err := g.read(dir, entry.Name()); err != nil {
			return Golden{}, fmt.Errorf("%s: %w", path.Base(entry.Name()), err)
		}
	}
	return g, nil
}

func (g *Golden) read(dir fs.FS, name string) error {
	if name == LiftsFile {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		g.Lifts, err = parseLifts(text)
		return err
	}
	m := fileName.FindStringSubmatch(name)
	if m == nil || event.CheckType("type", m[1]) != nil {
		return nil
	}
	version, err := strconv.Atoi(m[2])
	if err != nil {
		return err
	}
	text, err := fs.ReadFile(dir, name)
	if err == nil {
		_, err = parse(text)
	}
	g.Schemas[event.Schema{Type: m[1], Version: version}] = text
	return err
}

// parse reads a schema's file.
func parse(text []byte) (*node, error) {
	var n node
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("is no schema that Oxbow wrote: %w", err)
	}
	if !n.whole() {
		return nil, errors.New("is no schema that Oxbow wrote: it has null in the place of a schema")
	}
	return &n, nil
}

// liftLine is an upcaster in lifts.json.
type liftLine struct {
	From schemaLine   `json:"from"`
	To   []schemaLine `json:"to"`
}

type schemaLine struct {
	Type    string `json:"type"`
	Version int    `json:"version"`
}

func parseLifts(text []byte) ([]event.Lift, error) {
	var lines []liftLine
	if err := json.Unmarshal(text, &lines); err != nil {
		return nil, err
	}
	var lifts []event.Lift
	for _, l := range lines {
		lift := event.Lift{From: event.Schema(l.From)}
		for _, to := range l.To {
			lift.To = append(lift.To, event.Schema(to))
		}
		lifts = append(lifts, lift)
	}
	return lifts, nil
}

// LiftsText returns the lifts as their file holds them, one a line.
func LiftsText(lifts []event.Lift) ([]byte, error) {
	var b strings.Builder
	b.WriteString("[")
	for i, l := range lifts {
		line := liftLine{From: schemaLine(l.From)}
		for _, to := range l.To {
			line.To = append(line.To, schemaLine(to))
		}
		text, err := marshal(line)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  %s", text)
	}
	b.WriteString("\n]\n")
	return []byte(b.String()), nil
}

// ReadAs returns the schemas that data of a schema is read as in the end, by the lifts; itself when none leads away from it.
func (g Golden) ReadAs(stored event.Schema) []event.Schema {
	var ends []event.Schema
	seen := map[event.Schema]bool{}
	var follow func(s event.Schema)
	follow = func(s event.Schema) {
		if seen[s] {
			return
		}
		seen[s] = true
		i := slices.IndexFunc(g.Lifts, func(l event.Lift) bool { return l.From == s })
		if i < 0 {
			ends = append(ends, s)
			return
		}
		for _, to := range g.Lifts[i].To {
			follow(to)
		}
	}
	follow(stored)
	if len(ends) == 0 { // a circle, which no registry has
		return []event.Schema{stored}
	}
	return ends
}

// Newest returns the schemas of the highest version of each type, by type.
func (g Golden) Newest() map[string]event.Schema {
	newest := map[string]event.Schema{}
	for s := range g.Schemas {
		if s.Version > newest[s.Type].Version {
			newest[s.Type] = s
		}
	}
	return newest
}

// Current returns what the golden copies of a registry are now: the schema of each registered Go type, and the upcasters.
func Current(reg *event.Registry) (Golden, error) {
	g := Golden{Schemas: map[event.Schema][]byte{}, Lifts: reg.Lifts()}
	folded := map[string]event.Schema{}
	for _, t := range reg.Types() {
		d, err := event.Describe(t)
		if err != nil {
			return Golden{}, err
		}
		s := event.Schema{Type: d.Type, Version: d.Version}
		n, err := generate(t, s.String())
		if err != nil {
			return Golden{}, fmt.Errorf("%s: %w", s, err)
		}
		if g.Schemas[s], err = n.text(); err != nil {
			return Golden{}, fmt.Errorf("%s: %w", s, err)
		}
		name := strings.ToLower(s.Type)
		if other, ok := folded[name]; ok {
			return Golden{}, event.Invalid("type", "%s and %s differ in case only, and not every file system tells their golden files apart", s, other)
		}
		folded[name] = s
	}
	return g, nil
}
