package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/store"
)

// fitReport tells how what is stored fits golden schemas.
type fitReport struct {
	Seed   uint64 `json:"seed"`
	Stored []fit  `json:"stored"`
}

// fit is what was found of one stored type and version.
type fit struct {
	Type      string    `json:"type"`
	Version   int       `json:"version"`
	Events    uint64    `json:"events"`
	Sampled   int       `json:"sampled"`
	ReadAs    string    `json:"read_as,omitempty"`   // where upcasters lead
	Unchecked string    `json:"unchecked,omitempty"` // why bytes were not compared
	Misfits   int       `json:"misfits"`             // sampled events that do not fit
	Problems  []problem `json:"problems"`
	OK        bool      `json:"ok"`
}

// problem is one thing that was found: about the type, or about one event of it.
type problem struct {
	Position store.Position `json:"position,omitempty"`
	Stream   string         `json:"stream,omitempty"`
	Text     string         `json:"text"`
}

func (p problem) String() string {
	if p.Position == 0 {
		return p.Text
	}
	return fmt.Sprintf("position %d in %q: %s", p.Position, p.Stream, p.Text)
}

// maxProblems is how many misfits of one type and version are described.
const maxProblems = 10

func (r *fitReport) bad() (n int) {
	for _, s := range r.Stored {
		if !s.OK {
			n++
		}
	}
	return n
}

// fitTo compares a sample with golden schemas. The error is that of a schema that cannot be used.
func fitTo(golden schema.Golden, s schema.Sampled) (fit, error) {
	f := fit{Type: s.Schema.Type, Version: s.Schema.Version, Events: s.Records, Sampled: len(s.Sample), Problems: []problem{}}
	text, known := golden.Schemas[s.Schema]
	ends := golden.ReadAs(s.Schema)
	lifted := len(ends) != 1 || ends[0] != s.Schema
	if lifted {
		f.ReadAs = anyOf(ends)
	}
	switch {
	case known:
		if err := f.validate(s, text); err != nil {
			return fit{}, fmt.Errorf("%s: %w", schema.FileOf(s.Schema), err)
		}
	case lifted:
		f.Unchecked = "not compared, since it has no golden schema"
	}
	if known || lifted {
		f.leads(golden, ends)
	} else {
		f.unknown(golden)
	}
	f.OK = f.Misfits == 0 && len(f.Problems) == 0
	return f, nil
}

func anyOf(schemas []event.Schema) string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.String()
	}
	return strings.Join(names, " or ")
}

// leads notes when a schema ends elsewhere than at the newest version of a type of the program.
func (f *fit) leads(golden schema.Golden, ends []event.Schema) {
	newest := golden.Newest()
	for _, end := range ends {
		switch now, ok := newest[end.Type]; {
		case !ok:
			f.say("it is lifted to %s, of which there is no golden schema", end)
		case now.Version > end.Version:
			f.say("no upcaster leads from %s to %s", end, now)
		case now.Version < end.Version:
			f.say("it is lifted to %s, and the newest golden schema is %s", end, now)
		}
	}
}

// unknown notes that neither schemas nor upcasters speak of a stored schema.
func (f *fit) unknown(golden schema.Golden) {
	newest, ok := golden.Newest()[f.Type]
	switch {
	case !ok:
		f.say("the program has no such type; --ignore %s if it is not its own", f.Type)
	case newest.Version < f.Version:
		f.say("a newer program wrote it; this one knows versions up to %d", newest.Version)
	default:
		f.say("there is no golden schema of this version, and no upcaster leads from it to %s", newest)
	}
}

func (f *fit) say(format string, args ...any) {
	f.Problems = append(f.Problems, problem{Text: fmt.Sprintf(format, args...)})
}

// validate compares the sampled events with their schema.
func (f *fit) validate(s schema.Sampled, text []byte) error {
	compiled, err := compile(text)
	if err != nil {
		return err
	}
	for _, r := range s.Sample {
		if !event.IsJSON(r.ContentType) {
			f.Unchecked = "some not compared, since they are no JSON"
			continue
		}
		if r.Data == nil {
			continue // an event without data
		}
		if err := misfit(compiled, r.Data); err != nil {
			if f.Misfits++; f.Misfits <= maxProblems {
				f.Problems = append(f.Problems, problem{r.Position, r.Stream, err.Error()})
			}
		}
	}
	return nil
}

func compile(text []byte) (*jsonschema.Schema, error) {
	const name = "mem:schema.json"
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource(name, parsed); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// nothing loads no other schemas: a golden schema stands alone.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, errors.New("a golden schema refers to no other, and this one refers to " + url)
}

// misfit says in one line what does not fit.
func misfit(s *jsonschema.Schema, data []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("is no JSON: %w", err)
	}
	err = s.Validate(v)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	lines := strings.Split(strings.TrimSpace(invalid.Error()), "\n")[1:] // the first names the schema
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(strings.TrimSpace(l), "- ")
	}
	slices.Sort(lines) // the validator goes through objects in any order
	return errors.New(strings.Join(lines, "; "))
}
