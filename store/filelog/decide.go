package filelog

import (
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// decide returns why the commit must not happen, or nil. A commit that has happened before is settled here.
func (s *sequencer) decide(r *request) error {
	return wrapDamage(index.Try(func() error {
		if repeated, err := s.repeated(r); repeated || err != nil {
			return err
		}
		if err := s.tombstoned(r); err != nil {
			return err
		}
		for i := range r.conditions {
			if err := s.check(&r.conditions[i]); err != nil {
				return err
			}
		}
		return nil
	}))
}

// repeated reports whether an earlier commit wrote these very events, and fills in its outcome. Events of which some are known
// otherwise are a conflict. What was compacted away is not known any more: a commit that is gone as a whole is written again, and one of
// which a part is gone is a conflict.
func (s *sequencer) repeated(r *request) (bool, error) {
	for i := range r.events {
		found, stream, err := s.known(r.events[i].ID)
		if err != nil {
			return false, err
		}
		if found == 0 {
			continue
		}
		if same, err := s.same(r, found); same || err != nil {
			return same, err
		}
		return false, store.DuplicateError(r.events[i].ID, r.events[i].Stream, stream, found)
	}
	return false, nil
}

// known returns where the event with that id stands, and its stream; 0 when there is none.
func (s *sequencer) known(id event.ID) (found store.Position, stream string, err error) {
	k := s.log.hasher.ID(id)
	s.shape.newest(s.head+1, func(p part) bool {
		for at := p.Postings(&k, 1, s.head); at.Count() > 0 && found == 0 && err == nil; at.DropFirst() {
			var r event.Record
			if err = s.look(at.First(), &r); err == nil && r.ID == id {
				found, stream = r.Position, r.Stream
			}
		}
		return found == 0 && err == nil
	})
	return found, stream, err
}

// look returns what is known of the record at a position, which may be one that is about to be written; r stays zero when it is gone.
func (s *sequencer) look(p store.Position, r *event.Record) error {
	if p > s.log.visible.head {
		*r = *s.staging[p-s.log.visible.head-1].record()
		return nil
	}
	_, err := s.reader().read(p, nil, r)
	return err
}

// reader returns what reads the log as it is written.
func (s *sequencer) reader() *reader {
	l := s.log
	if s.reading.shape != s.shape {
		s.reading = reader{shape: s.shape}
	}
	s.reading.places, s.reading.limit = l.places, l.visible.tail
	return &s.reading
}

// same reports whether the request is the commit of the event at the position, and fills in its outcome.
func (s *sequencer) same(r *request, found store.Position) (bool, error) {
	wrote, err := s.wrote(found)
	if err != nil || uint64(len(r.events)) != uint64(wrote.events) {
		return false, err
	}
	o := outcome{repeated: true, first: wrote.first, last: wrote.first + store.Position(wrote.events) - 1}
	for i := range r.events {
		var at event.Record
		if err := s.look(wrote.first+store.Position(i), &at); err != nil {
			return false, err
		}
		if at.ID != r.events[i].ID || at.Stream != r.events[i].Stream {
			return false, nil
		}
		o.revisions = append(o.revisions, at.Revision)
	}
	if wrote.items > 0 {
		o.itemRevision = wrote.sequence
	}
	r.outcome = o
	return true, nil
}

// wrote returns the frame of the commit that wrote the event at a position.
func (s *sequencer) wrote(p store.Position) (*frame, error) {
	if p > s.log.visible.head {
		return s.staging[p-s.log.visible.head-1].frame, nil
	}
	r := s.reader()
	r.begin(p)
	first, err := commitAt(r.placer, r.now.indexOf(p))
	if err != nil {
		return nil, err
	}
	offset, err := r.placer.at(first)
	if err != nil {
		return nil, err
	}
	at := int64(offset&^firstInCommit) - frameSize
	b, _, err := r.at(at, frameSize)
	if err != nil {
		return nil, err
	}
	if f, ok := parseFrame(b, r.now.header.checksum, at); ok {
		return &f, nil
	}
	return nil, r.damaged(at, p, "there is no whole frame")
}

func (s *sequencer) check(c *store.Condition) error {
	switch c.Expect {
	case store.ExpectItem:
		revision, err := s.itemRevision(c.Bucket, c.Key)
		if err != nil {
			return err
		}
		return c.ItemConflict(revision)
	case store.ExpectNone:
		found, err := s.firstMatch(c.Filters, c.After)
		if err == nil && found > 0 {
			err = c.MatchConflict(found)
		}
		return err
	default:
		m, err := s.meta(c.Stream)
		if err != nil {
			return err
		}
		return c.Conflict(m.Revision(s.revision(c.Stream)))
	}
}

// revision is a stream's revision with the batch so far.
func (s *sequencer) revision(stream string) uint64 {
	k := s.log.hasher.Stream(stream)
	return s.shape.revision(&k, s.head)
}

// itemRevision is an item's revision with the batch so far.
func (s *sequencer) itemRevision(bucket, key string) (uint64, error) {
	if revision, ok := s.staged[itemID{bucket, key}]; ok {
		return revision, nil
	}
	if s.log.items == nil {
		return 0, nil
	}
	return s.log.items.Revision(bucket, key)
}

// firstMatch returns the first position after the given one that matches any of the filters, 0 when there is none.
func (s *sequencer) firstMatch(filters []store.Filter, after store.Position) (store.Position, error) {
	f := finder{hasher: s.log.hasher, shape: s.shape, head: s.head}
	w := f.candidates(&store.Query{Any: filters, After: after})
	for p, ok := w.next(); ok; p, ok = w.next() {
		var r event.Record
		if err := s.look(p, &r); err != nil {
			return 0, err
		}
		if r.Position == 0 || !store.MatchAny(filters, &r) {
			continue
		}
		if kept, err := s.keeps(&r); kept || err != nil {
			return p, err
		}
	}
	return 0, nil
}

// stagedEvent is an event of the batch that is being decided.
type stagedEvent struct {
	event    *index.Event
	time     time.Time
	frame    *frame
	offset   uint32
	position store.Position
	revision uint64
}

// record returns as much of the record as filters ask for.
func (e *stagedEvent) record() *event.Record {
	r := &event.Record{}
	r.ID, r.Type, r.CorrelationID, r.Tags = e.event.ID, e.event.Type, e.event.Correlation, slices.Clip(e.event.Tags)
	r.Time = e.time
	r.Stream, r.Revision, r.Position = e.event.Stream, e.revision, e.position
	return r
}
