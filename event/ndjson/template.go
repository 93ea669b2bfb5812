package ndjson

import (
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// template is text with fields in between.
type template []part

// part is text, or a field.
type part struct {
	text  string
	field int // index of the field's value in the line; 0 means that this part is text
}

// parser reads a template or a path, and adds the fields that it names to fields.
type parser struct {
	fields *fields
	target string // what the template is for, in errors
	whole  string
	text   string // what is left to read
}

func (p *parser) wrong(what, hint string) error {
	return event.Invalid(p.target, "%q has %s at byte %d; %s", p.whole, what, len(p.whole)-len(p.text), hint)
}

func parseTemplate(fields *fields, target, text string) (t template, err error) {
	if text == "" {
		return nil, event.Invalid(target, "is empty; leave it out, or give a template such as shop.{kind}")
	}
	p := parser{fields, target, text, text}
	for p.text != "" {
		next, err := p.part()
		if err != nil {
			return nil, err
		}
		t = append(t, next)
	}
	return t, nil
}

// parsePath reads a path without braces and returns the index of its value.
func parsePath(fields *fields, target, text string) (int, error) {
	p := parser{fields, target, text, text}
	if text[0] == '{' {
		return 0, p.wrong("a {", braceless)
	}
	path, err := p.path()
	if err != nil {
		return 0, err
	}
	if p.text != "" {
		return 0, p.wrong("a }", braceless)
	}
	return fields.add(path), nil
}

const braceless = "write a path without braces: payload.order"

func (p *parser) part() (part, error) {
	if p.text[0] == '{' {
		field, err := p.field()
		return part{field: field}, err
	}
	text, err := p.literal("{}")
	if err == nil && strings.HasPrefix(p.text, "}") {
		err = p.wrong("a } without a {", `write \} for a brace in the text`)
	}
	return part{text: text}, err
}

// field reads a path in braces.
func (p *parser) field() (int, error) {
	opening := p.text
	p.text = p.text[1:]
	path, err := p.path()
	if err != nil {
		return 0, err
	}
	if p.text == "" {
		p.text = opening
		return 0, p.wrong("a { without a }", `close the field, or write \{ for a brace in the text`)
	}
	p.text = p.text[1:]
	return p.fields.add(path), nil
}

// path reads segments up to a brace, or to the end.
func (p *parser) path() (path []string, err error) {
	for {
		segment, err := p.literal("{.}")
		if err != nil {
			return nil, err
		}
		switch {
		case segment == "":
			return nil, p.wrong("no name", "write a field as {order.id}, with names between the dots")
		case strings.HasPrefix(p.text, "{"):
			return nil, p.wrong("a { within a field", `write \{ for a brace in a name`)
		}
		path = append(path, segment)
		if !strings.HasPrefix(p.text, ".") {
			return path, nil
		}
		p.text = p.text[1:]
	}
}

// literal reads text up to one of the stop characters, or to the end.
func (p *parser) literal(stop string) (string, error) {
	var b strings.Builder
	for p.text != "" && !strings.Contains(stop, p.text[:1]) {
		if p.text[0] == '\\' {
			if len(p.text) == 1 {
				return "", p.wrong("a backslash with nothing behind it", `write \\ for a backslash`)
			}
			p.text = p.text[1:]
		}
		b.WriteByte(p.text[0])
		p.text = p.text[1:]
	}
	return b.String(), nil
}

// fill returns the template's text for the values of a line, and "" when it does not fit.
func (t template) fill(values [][]byte) (string, error) {
	var b strings.Builder
	for _, p := range t {
		if p.field == 0 {
			b.WriteString(p.text)
			continue
		}
		value, err := scalar(values[p.field])
		if value == nil || err != nil {
			return "", err
		}
		b.Write(value)
	}
	return b.String(), nil
}

// scalar returns the text of a string, number or boolean, and nil for every other value.
func scalar(value []byte) ([]byte, error) {
	if value == nil {
		return nil, nil
	}
	switch rawjson.KindOf(value) {
	case rawjson.String:
		text, ok := rawjson.Unquote(value)
		if !ok {
			return nil, fmt.Errorf("the line's %.40q has half of a surrogate pair, which is no text", value)
		}
		return text, nil
	case rawjson.Number, rawjson.Boolean:
		return value, nil
	}
	return nil, nil
}
