package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Report is what Check found.
type Report struct {
	Seed   uint64   // pass it as Sampling.Seed to sample the same records again
	Stored []Stored // in order of type and version
}

// Stored is what was found of one stored type and version.
type Stored struct {
	Schema       event.Schema
	ReadAs       []event.Schema // what the sampled records are lifted to
	Records      uint64         // all that are stored
	Sampled      int            // those that were taken round
	First, Last  store.Position // of all that are stored
	Failed       int            // sampled records that failed
	Failures     []Failure      // the first ten of them
	Lost         []Loss         // ten fields at most, in order of field
	More         int            // losses beyond these
	Unregistered []string       // the types, after lifting, that have no Go type
}

// Failure is a record that could not be taken round.
type Failure struct {
	Position store.Position
	Stream   string
	ID       event.ID
	Err      error
}

// Loss is a field that is stored and not the same after a record was read and written again.
type Loss struct {
	Field    string // lines[].price
	What     string
	Records  int            // sampled records in which it happens
	Position store.Position // of the first of them
	Stream   string         // its stream
}

// OK reports whether nothing was found.
func (s *Stored) OK() bool { return s.Failed == 0 && len(s.Lost) == 0 && len(s.Unregistered) == 0 }

// Err returns what was found as one error, nil when all is well. It is as long as the report's bad part.
func (r Report) Err() error {
	var bad []string
	for i := range r.Stored {
		if !r.Stored[i].OK() {
			bad = append(bad, r.Stored[i].String())
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return errors.New(strings.Join(bad, "\n") + fmt.Sprintf("\n(seed %d)", r.Seed))
}

func (r Report) String() string {
	var b strings.Builder
	for i := range r.Stored {
		b.WriteString(r.Stored[i].String() + "\n")
	}
	fmt.Fprintf(&b, "seed %d\n", r.Seed)
	return b.String()
}

func (s *Stored) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d records sampled", s.Schema, s.Sampled, s.Records)
	if len(s.ReadAs) > 1 || len(s.ReadAs) == 1 && s.ReadAs[0] != s.Schema {
		fmt.Fprintf(&b, ", read as %s", schemas(s.ReadAs))
	}
	if s.OK() {
		b.WriteString(": ok")
	}
	for _, name := range s.Unregistered {
		fmt.Fprintf(&b, "\n  no Go type is registered for %s; register it, or name it in CheckConfig.Ignore", name)
	}
	for _, f := range s.Failures {
		fmt.Fprintf(&b, "\n  position %d in %q: %v", f.Position, f.Stream, f.Err)
	}
	if more := s.Failed - len(s.Failures); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more records failed", more)
	}
	for _, l := range s.Lost {
		fmt.Fprintf(&b, "\n  field %q %s: in %d of the sampled records, first at position %d in %q", l.Field, l.What, l.Records, l.Position, l.Stream)
	}
	if s.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more losses", s.More)
	}
	return b.String()
}
