package ndjson

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// mapper makes records as a mapping says.
type mapper struct {
	fields  fields
	targets []target
	tags    []template
	data    int // index of the data's value; 0 means the whole line
	mapping Mapping
	made    identities
}

// target is one part of a record, and what makes it.
type target struct {
	name      string
	texts     []string
	set       func(r *event.Record, text string) error
	templates []template
}

func newMapper(m Mapping) (*mapper, error) {
	p := &mapper{mapping: m}
	if len(m.Type) == 0 {
		return nil, event.Invalid("type", "has no template; give one, such as shop.{kind}")
	}
	var err error
	for _, t := range m.targets() {
		if t.templates, err = p.parse(t.name, t.texts); err != nil {
			return nil, err
		}
		p.targets = append(p.targets, t)
	}
	if p.tags, err = p.parse("tags", m.Tags); err != nil {
		return nil, err
	}
	if m.Data == "" {
		return p, nil
	}
	p.data, err = parsePath(&p.fields, "data", m.Data)
	return p, err
}

func (p *mapper) parse(target string, texts []string) (parsed []template, err error) {
	for i, text := range texts {
		t, err := parseTemplate(&p.fields, fmt.Sprintf("%s[%d]", target, i), text)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, t)
	}
	return parsed, nil
}

func (m Mapping) targets() []target {
	text := func(field func(*event.Record) *string) func(*event.Record, string) error {
		return func(r *event.Record, text string) error {
			*field(r) = text
			return nil
		}
	}
	id := func(field func(*event.Record) *event.ID) func(*event.Record, string) error {
		return func(r *event.Record, text string) (err error) {
			*field(r), err = event.ParseID(text)
			return err
		}
	}
	return []target{
		{name: "type", texts: m.Type, set: text(func(r *event.Record) *string { return &r.Type })},
		{name: "topic", texts: m.Topic, set: text(func(r *event.Record) *string { return &r.Topic })},
		{name: "stream", texts: m.Stream, set: text(func(r *event.Record) *string { return &r.Stream })},
		{name: "id", texts: m.ID, set: id(func(r *event.Record) *event.ID { return &r.ID })},
		{name: "time", texts: m.Time, set: setTime},
		{name: "source", texts: m.Source, set: text(func(r *event.Record) *string { return &r.Source })},
		{name: "subject", texts: m.Subject, set: text(func(r *event.Record) *string { return &r.Subject })},
		{name: "correlation id", texts: m.CorrelationID, set: id(func(r *event.Record) *event.ID { return &r.CorrelationID })},
		{name: "causation id", texts: m.CausationID, set: id(func(r *event.Record) *event.ID { return &r.CausationID })},
		{name: "user id", texts: m.UserID, set: text(func(r *event.Record) *string { return &r.UserID })},
	}
}

// record makes the record of one line, which it does not keep.
func (p *mapper) record(line []byte) (r event.Record, err error) {
	if err := rawjson.Check(line); err != nil {
		return r, event.Invalid("JSON", "%v", err)
	}
	if kind := rawjson.KindOf(line); kind != rawjson.Object {
		return r, event.Invalid("JSON", "is %s; each line must be an object", kind)
	}
	values := p.fields.values(line)
	for i := range p.targets {
		if err := p.targets[i].fill(&r, values); err != nil {
			return r, err
		}
	}
	if r.Tags, err = p.fillTags(values); err != nil {
		return r, err
	}
	if r.Data, err = p.dataOf(line, values); err != nil {
		return r, err
	}
	r.ContentType = "application/json"
	return r, p.complete(&r, line)
}

func (t *target) fill(r *event.Record, values [][]byte) error {
	for _, template := range t.templates {
		text, err := template.fill(values)
		if err == nil && text == "" {
			continue
		}
		if err == nil {
			err = t.set(r, text)
		}
		return inField(t.name, err)
	}
	return nil
}

// inField is err as a refusal of field.
func inField(field string, err error) error {
	if err == nil {
		return nil
	}
	reason := err.Error()
	var invalid *event.InvalidError
	if errors.As(err, &invalid) {
		reason = invalid.Reason
	}
	return &event.InvalidError{Field: field, Reason: reason}
}

func (p *mapper) fillTags(values [][]byte) (tags []string, err error) {
	for i, template := range p.tags {
		tag, err := template.fill(values)
		if err != nil {
			return nil, inField(fmt.Sprintf("tags[%d]", i), err)
		}
		if tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

func (p *mapper) dataOf(line []byte, values [][]byte) ([]byte, error) {
	if p.data == 0 {
		return bytes.Clone(rawjson.Trim(line)), nil
	}
	data := values[p.data]
	if data == nil {
		return nil, event.Invalid("data", "is missing: the line has no %s", p.mapping.Data)
	}
	return bytes.Clone(data), nil
}

// complete fills in the defaults and refuses what no store would take.
func (p *mapper) complete(r *event.Record, line []byte) error {
	if r.Type == "" {
		return event.Invalid("type", "no template fits the line: %s", strings.Join(p.mapping.Type, " or "))
	}
	if r.Stream == "" {
		r.Stream = r.Type
	}
	if err := r.Check(); err != nil {
		return err
	}
	if r.ID.IsZero() {
		r.ID = p.made.of(rawjson.Trim(line))
	}
	return nil
}
