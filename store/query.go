package store

import (
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Query says which records to read, from where, how many, and in which direction. The zero Query reads everything.
type Query struct {
	Any      []Filter // records that match at least one; none means every record
	After    Position // only later positions; 0 means from the beginning
	Before   Position // only earlier positions; 0 means to the end
	Limit    int      // at most so many records; 0 means all
	Backward bool     // newest first
}

// Filter says what a record must be. Fields that are set must all hold; the zero Filter matches every record.
type Filter struct {
	ID            event.ID // exactly this event
	Stream        string   // in exactly this stream
	StreamPrefix  string   // in a stream whose name begins so
	AfterRevision uint64   // in the stream after this revision; with Stream only
	Types         []string // of any of these types
	Tags          []string // with all of these tags
	Correlation   event.ID // with this correlation id
}

// Where returns the query for records that match at least one of the filters.
func Where(filters ...Filter) Query { return Query{Any: filters} }

// Stream returns the query for one stream.
func Stream(name string) Query { return Where(Filter{Stream: name}) }

// Check refuses a query that makes no sense, naming the field. Drivers call it first.
func (q *Query) Check() error {
	if q.Limit < 0 {
		return event.Invalid("limit", "is %d", q.Limit)
	}
	for i := range q.Any {
		if err := q.Any[i].check(); err != nil {
			return at("any", i, err)
		}
	}
	return nil
}

func (f *Filter) check() error {
	if f.AfterRevision > 0 && f.Stream == "" {
		return event.Invalid("after revision", "needs a stream")
	}
	for _, named := range [...]struct{ field, value string }{{"stream", f.Stream}, {"stream prefix", f.StreamPrefix}} {
		if named.value == "" {
			continue
		}
		if err := event.CheckName(named.field, named.value); err != nil {
			return err
		}
	}
	for i, name := range f.Types {
		if err := event.CheckType("type", name); err != nil {
			return element("types", i, err)
		}
	}
	for i, tag := range f.Tags {
		if err := event.CheckTag(tag); err != nil {
			return element("tags", i, err)
		}
	}
	return nil
}

// Match reports whether the query asks for the record, its limit aside.
func (q *Query) Match(r *event.Record) bool {
	if r.Position <= q.After || q.Before > 0 && r.Position >= q.Before {
		return false
	}
	return MatchAny(q.Any, r)
}

// MatchAny reports whether the record matches at least one filter, or there is none.
func MatchAny(filters []Filter, r *event.Record) bool {
	if len(filters) == 0 {
		return true
	}
	for i := range filters {
		if filters[i].Match(r) {
			return true
		}
	}
	return false
}

// Match reports whether the record is what the filter asks for.
func (f *Filter) Match(r *event.Record) bool {
	switch {
	case !f.ID.IsZero() && r.ID != f.ID:
	case f.Stream != "" && r.Stream != f.Stream:
	case r.Revision <= f.AfterRevision && f.AfterRevision > 0:
	case !strings.HasPrefix(r.Stream, f.StreamPrefix):
	case len(f.Types) > 0 && !slices.Contains(f.Types, r.Type):
	case !f.Correlation.IsZero() && r.CorrelationID != f.Correlation:
	default:
		return hasAll(r.Tags, f.Tags)
	}
	return false
}

func hasAll(have, want []string) bool {
	for _, tag := range want {
		if !slices.Contains(have, tag) {
			return false
		}
	}
	return true
}
