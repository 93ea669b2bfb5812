package server

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// parameters reads the query of a URL and gathers what is wrong with it, so that one answer tells everything.
type parameters struct {
	values url.Values
	faults []Fault
}

// parseParameters refuses what is not among the allowed names: a misspelt filter must not read everything.
func parseParameters(rawQuery string, allowed ...string) *parameters {
	values, err := url.ParseQuery(rawQuery)
	p := &parameters{values: values}
	if err != nil {
		p.fault("", "the query is malformed: "+err.Error())
	}
	for _, name := range sortedKeys(values) {
		if !slices.Contains(allowed, name) {
			p.fault(name, "is unknown; there are "+strings.Join(allowed, ", "))
		}
	}
	return p
}

func sortedKeys(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (p *parameters) fault(name, reason string) {
	p.faults = append(p.faults, Fault{Parameter: name, Reason: reason})
}

// err is the problem with all faults, or nil.
func (p *parameters) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	return invalidParameter(p.faults...)
}

// one returns the value of a parameter that may be given once; ok is false when it is absent or faulty.
func (p *parameters) one(name string) (value string, ok bool) {
	switch values := p.values[name]; {
	case len(values) == 0:
		return "", false
	case len(values) > 1:
		p.fault(name, "is given "+strconv.Itoa(len(values))+" times")
		return "", false
	case values[0] == "":
		p.fault(name, "is empty")
		return "", false
	default:
		return values[0], true
	}
}

// name reads what event.CheckName takes.
func (p *parameters) name(name string) string {
	value, ok := p.one(name)
	if ok {
		p.check(name, event.CheckName(name, value))
	}
	return value
}

// names reads a parameter that may be given several times.
func (p *parameters) names(name string, check func(field, value string) error) []string {
	values := p.values[name]
	for _, value := range values {
		p.check(name, check(name, value))
	}
	return values
}

func (p *parameters) id(name string) event.ID {
	value, ok := p.one(name)
	if !ok {
		return event.ID{}
	}
	id, err := event.ParseID(value)
	p.check(name, err)
	return id
}

func (p *parameters) position(name string) store.Position {
	value, ok := p.one(name)
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		p.fault(name, strconv.Quote(value)+" is not a position; write a whole number")
	}
	return store.Position(n)
}

// number reads a whole number, 0 or more.
func (p *parameters) number(name string) (n int, given bool) {
	value, ok := p.one(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		p.fault(name, strconv.Quote(value)+" is not a whole number")
	}
	return n, true
}

// time reads an instant.
func (p *parameters) time(name string) time.Time {
	value, ok := p.one(name)
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		p.fault(name, strconv.Quote(value)+" is not a time; write it as 2026-01-02T15:04:05Z")
	}
	return t
}

// limit reads the length of a page.
func (p *parameters) limit() int {
	value, ok := p.one("limit")
	if !ok {
		return defaultLimit
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxLimit {
		p.fault("limit", strconv.Quote(value)+" is not a number from 1 to "+strconv.Itoa(maxLimit))
	}
	return n
}

// Lengths of a page.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// check turns a refusal by the event package into a fault of the parameter.
func (p *parameters) check(name string, err error) {
	if err == nil {
		return
	}
	reason := err.Error()
	if invalid, ok := err.(*event.InvalidError); ok {
		reason = invalid.Reason
	}
	p.fault(name, reason)
}

// filterNames are the parameters that filter reads.
var filterNames = []string{"stream", "prefix", "type", "tag", "correlation", "id"}

// filter reads which events are asked for.
func (p *parameters) filter() store.Filter {
	return store.Filter{
		Stream:       p.name("stream"),
		StreamPrefix: p.name("prefix"),
		Types:        p.names("type", event.CheckType),
		Tags:         p.names("tag", func(_, value string) error { return event.CheckTag(value) }),
		Correlation:  p.id("correlation"),
		ID:           p.id("id"),
	}
}
