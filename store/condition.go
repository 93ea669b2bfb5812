package store

import (
	"fmt"

	"github.com/oxbow-events/oxbow/event"
)

// Condition must hold for a commit to happen. Make one with AtRevision, NoStream, StreamExists, ItemAt or NoneAfter.
type Condition struct {
	Stream string // the stream that Expect is about
	Expect Expect
	Exact  uint64 // with ExpectRevision

	Bucket, Key  string // with ExpectItem
	ItemRevision uint64

	Filters []Filter // with ExpectNone: no record after After may match any of them
	After   Position
}

// Expect says what kind of condition it is.
type Expect int

// The kinds of condition.
const (
	ExpectRevision Expect = iota + 1 // the stream is at revision Exact; 0: it does not exist
	ExpectExists                     // the stream exists
	ExpectItem                       // the item is at ItemRevision; 0: it does not exist
	ExpectNone                       // no record matches
)

// AtRevision holds when the stream has exactly that revision. Revision 0 means that it does not exist.
func AtRevision(stream string, revision uint64) Condition {
	return Condition{Stream: stream, Expect: ExpectRevision, Exact: revision}
}

// NoStream holds when the stream does not exist.
func NoStream(stream string) Condition { return AtRevision(stream, 0) }

// StreamExists holds when the stream has at least one event.
func StreamExists(stream string) Condition { return Condition{Stream: stream, Expect: ExpectExists} }

// ItemAt holds when the item has exactly that revision. Revision 0 means that it does not exist.
func ItemAt(bucket, key string, revision uint64) Condition {
	return Condition{Bucket: bucket, Key: key, Expect: ExpectItem, ItemRevision: revision}
}

// NoneAfter holds when no record after the position matches any of the filters: a dynamic consistency boundary.
func NoneAfter(after Position, filters ...Filter) Condition {
	return Condition{Expect: ExpectNone, Filters: filters, After: after}
}

func (c *Condition) check() error {
	switch c.Expect {
	case ExpectRevision, ExpectExists:
		return event.CheckName("stream", c.Stream)
	case ExpectItem:
		return checkItemName(c.Bucket, c.Key)
	case ExpectNone:
		if len(c.Filters) == 0 {
			return event.Invalid("filters", "are missing; a condition on every record would always fail")
		}
		for i := range c.Filters {
			if err := c.Filters[i].check(); err != nil {
				return at("filters", i, err)
			}
		}
		return nil
	default:
		return event.Invalid("expect", "%d is no kind of condition", int(c.Expect))
	}
}

// Conflict returns the error for a stream condition that found another revision, or nil when it holds. Drivers call it.
func (c *Condition) Conflict(revision uint64) error {
	switch {
	case c.Expect == ExpectRevision && revision != c.Exact:
		return &ConflictError{Stream: c.Stream, Want: revisionText(c.Exact), Got: revisionText(revision), GotRevision: revision}
	case c.Expect == ExpectExists && revision == 0:
		return &ConflictError{Stream: c.Stream, Want: "an existing one", Got: revisionText(0)}
	}
	return nil
}

// ItemConflict returns the error for an item condition that found another revision, or nil when it holds. Drivers call it.
func (c *Condition) ItemConflict(revision uint64) error {
	if revision == c.ItemRevision {
		return nil
	}
	return &ConflictError{
		Bucket: c.Bucket, Key: c.Key,
		Want: revisionText(c.ItemRevision), Got: revisionText(revision), GotRevision: revision,
	}
}

// MatchConflict returns the error for a condition that found a matching record. Drivers call it.
func (c *Condition) MatchConflict(found Position) error {
	return &ConflictError{
		Want: fmt.Sprintf("no match after position %d", c.After),
		Got:  fmt.Sprintf("one at position %d", found), GotPosition: found,
	}
}

func revisionText(revision uint64) string {
	if revision == 0 {
		return "none"
	}
	return fmt.Sprintf("revision %d", revision)
}
