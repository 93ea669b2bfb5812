package memory

import (
	"bytes"
	"maps"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// eventLog holds the records and the positions of those that share something. Slices only grow and what is in them never
// changes, so that whoever took one under the lock may read it without.
type eventLog struct {
	records       []event.Record // the one at position p is records[p-1]
	ids           map[event.ID]store.Position
	byStream      map[string][]store.Position // the one at revision r is byStream[name][r-1]
	byType        map[string][]store.Position
	byTag         map[string][]store.Position
	byCorrelation map[event.ID][]store.Position
	rules         rules
	bytes         uint64
}

func newEventLog() eventLog {
	return eventLog{
		ids:           map[event.ID]store.Position{},
		byStream:      map[string][]store.Position{},
		byType:        map[string][]store.Position{},
		byTag:         map[string][]store.Position{},
		byCorrelation: map[event.ID][]store.Position{},
	}
}

func (l *eventLog) head() store.Position { return store.Position(len(l.records)) }

// revision returns that of the stream's newest event ever.
func (l *eventLog) revision(stream string) uint64 { return uint64(len(l.byStream[stream])) }

// seen returns the revision that conditions see.
func (l *eventLog) seen(stream string) uint64 {
	found, _ := l.rules.of(stream)
	return found.meta.Revision(l.revision(stream))
}

// add takes the record as the newest, and owns it from now on.
func (l *eventLog) add(r event.Record) {
	r.Position = l.head() + 1
	r.Revision = l.revision(r.Stream) + 1
	l.records = append(l.records, r)
	l.ids[r.ID] = r.Position
	l.byStream[r.Stream] = append(l.byStream[r.Stream], r.Position)
	l.rules.grew(r.Stream, r.Revision)
	l.byType[r.Type] = append(l.byType[r.Type], r.Position)
	for i, tag := range r.Tags {
		if !slices.Contains(r.Tags[:i], tag) {
			l.byTag[tag] = append(l.byTag[tag], r.Position)
		}
	}
	if !r.CorrelationID.IsZero() {
		l.byCorrelation[r.CorrelationID] = append(l.byCorrelation[r.CorrelationID], r.Position)
	}
	l.bytes += uint64(len(r.Data))
}

// clone returns a record that shares nothing that can be changed with r.
func clone(r *event.Record) event.Record {
	c := *r
	c.Data = bytes.Clone(r.Data)
	c.Tags = slices.Clone(r.Tags)
	c.Headers = maps.Clone(r.Headers)
	return c
}
