package filelog

import (
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// decide returns why the commit must not happen, or nil. A commit that has happened before is settled here.
func (s *sequencer) decide(r *request) error {
	if repeated, err := s.repeated(r); repeated || err != nil {
		return err
	}
	for i := range r.conditions {
		if err := s.check(&r.conditions[i]); err != nil {
			return err
		}
	}
	return nil
}

// repeated reports whether an earlier commit wrote these very events, and fills in its outcome. Events of which some are known
// otherwise are a conflict.
func (s *sequencer) repeated(r *request) (bool, error) {
	x := s.log.index
	i := slices.IndexFunc(r.events, func(e known) bool { return x.ids[e.id] > 0 })
	if i < 0 {
		return false, nil
	}
	found := x.ids[r.events[i].id]
	wrote, last := x.wrote(found)
	if !x.same(r.events, wrote.first, last) {
		return false, store.DuplicateError(r.events[i].id, r.events[i].stream, x.places.at(found).stream.name, found)
	}
	o := &r.outcome
	o.repeated, o.first, o.last = true, wrote.first, last
	for p := o.first; p <= o.last; p++ {
		o.revisions = append(o.revisions, x.revisionAt(p))
	}
	if wrote.items {
		o.itemRevision = wrote.sequence
	}
	return true, nil
}

// same reports whether the events are, in order and in the same streams, those from first to last.
func (x *index) same(events []known, first, last store.Position) bool {
	if uint64(len(events)) != uint64(last-first)+1 {
		return false
	}
	for i := range events {
		p := first + store.Position(i)
		if x.ids[events[i].id] != p || x.places.at(p).stream.name != events[i].stream {
			return false
		}
	}
	return true
}

func (s *sequencer) check(c *store.Condition) error {
	x := s.log.index
	switch c.Expect {
	case store.ExpectItem:
		return c.ItemConflict(s.itemRevision(c.Bucket, c.Key))
	case store.ExpectNone:
		if found := x.firstMatch(c.Filters, c.After); found > 0 {
			return c.MatchConflict(found)
		}
		return nil
	default:
		return c.Conflict(x.streams[c.Stream].revision())
	}
}

// itemRevision is the item's revision with the batch so far.
func (s *sequencer) itemRevision(bucket, key string) uint64 {
	if revision, ok := s.staged[itemID{bucket, key}]; ok {
		return revision
	}
	return s.log.items.get(bucket, key).Revision
}

// firstMatch returns the first position after the given one that matches any of the filters, 0 when there is none. The index
// knows enough of a record to tell.
func (x *index) firstMatch(filters []store.Filter, after store.Position) store.Position {
	w := x.candidates(&store.Query{Any: filters, After: after}, x.head)
	for p, ok := w.next(); ok; p, ok = w.next() {
		if slices.ContainsFunc(filters, func(f store.Filter) bool { return x.matches(&f, p) }) {
			return p
		}
	}
	return 0
}

// matches does what store.Filter.Match does.
func (x *index) matches(f *store.Filter, p store.Position) bool {
	name := x.places.at(p).stream.name
	switch {
	case !f.ID.IsZero() && x.ids[f.ID] != p:
	case f.Stream != "" && name != f.Stream:
	case f.AfterRevision > 0 && x.revisionAt(p) <= f.AfterRevision:
	case !strings.HasPrefix(name, f.StreamPrefix):
	case len(f.Types) > 0 && !slices.ContainsFunc(f.Types, func(t string) bool { return x.types[t].list().contains(p) }):
	case !f.Correlation.IsZero() && !x.correlations[f.Correlation].list().contains(p):
	default:
		return !slices.ContainsFunc(f.Tags, func(tag string) bool { return !x.tags[tag].list().contains(p) })
	}
	return false
}
