package schedule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// The buckets of a store's schedules.
const (
	Bucket     = "oxbow.schedule"      // a schedule's definition and state, as JSON under its name
	DueBucket  = "oxbow.schedule.due"  // what is to fire, in order: nanoseconds since 1970 in 20 digits, a slash, and the schedule's name
	metaBucket = "oxbow.schedule.meta" // what all schedules of a store share
)

// format is the version of what is written under a schedule's name.
const format = 1

// state is a schedule as it is stored.
type state struct {
	Format  int       `json:"format"`
	Timing  timing    `json:"timing"`
	Misfire Misfire   `json:"misfire"`
	Event   template  `json:"event"`
	Cause   cause     `json:"cause,omitzero"`
	Created time.Time `json:"created"`

	Next      time.Time `json:"next,omitzero"`   // when it is due
	Queued    time.Time `json:"queued,omitzero"` // the time in its key of the due bucket; zero when it is not in there
	Paused    bool      `json:"paused,omitempty"`
	Error     string    `json:"error,omitempty"` // why it has halted
	Fired     uint64    `json:"fired,omitempty"`
	LastDue   time.Time `json:"last_due,omitzero"`
	LastFired time.Time `json:"last_fired,omitzero"`
}

// template is what each firing of a schedule says.
type template struct {
	Type          string            `json:"type"`
	Version       int               `json:"version"`
	Stream        string            `json:"stream"`
	Topic         string            `json:"topic,omitempty"`
	Source        string            `json:"source,omitempty"`
	Subject       string            `json:"subject,omitempty"`
	AggregateType string            `json:"aggregate_type,omitempty"`
	AggregateID   string            `json:"aggregate_id,omitempty"`
	Tags          []string          `json:"tags,omitempty"`
	Headers       map[string]string `json:"headers,omitempty"`
	ContentType   string            `json:"content_type,omitempty"`
	DataSchema    string            `json:"data_schema,omitempty"`
	Data          []byte            `json:"data,omitempty"`
}

// cause is what a firing takes over from whoever made the schedule.
type cause struct {
	Correlation event.ID `json:"correlation,omitzero"`
	Causation   event.ID `json:"causation,omitzero"`
	User        string   `json:"user,omitempty"`
	TraceParent string   `json:"traceparent,omitempty"`
	TraceState  string   `json:"tracestate,omitempty"`
}

func newTemplate(r *event.Record) template {
	return template{
		Type: r.Type, Version: r.Version, Stream: r.Stream, Topic: r.Topic, Source: r.Source, Subject: r.Subject,
		AggregateType: r.AggregateType, AggregateID: r.AggregateID, Tags: r.Tags, Headers: r.Headers,
		ContentType: r.ContentType, DataSchema: r.DataSchema, Data: r.Data,
	}
}

func newCause(r *event.Record) cause {
	c := cause{
		Correlation: r.CorrelationID, Causation: r.CausationID, User: r.UserID, TraceParent: r.TraceParent, TraceState: r.TraceState,
	}
	if c.Correlation == r.ID {
		c.Correlation = event.ID{} // nobody's: each firing is the first of its own
	}
	return c
}

func (t *template) equal(other *template) bool {
	return t.Type == other.Type && t.Version == other.Version && t.Stream == other.Stream && t.Topic == other.Topic &&
		t.Source == other.Source && t.Subject == other.Subject && t.AggregateType == other.AggregateType &&
		t.AggregateID == other.AggregateID && slices.Equal(t.Tags, other.Tags) && maps.Equal(t.Headers, other.Headers) &&
		t.ContentType == other.ContentType && t.DataSchema == other.DataSchema && string(t.Data) == string(other.Data)
}

// same reports whether two schedules are defined alike, whoever made them and when.
func (s *state) same(other *state) bool {
	return s.Misfire == other.Misfire && s.Timing.equal(&other.Timing) && s.Event.equal(&other.Event)
}

// The headers of a firing. They are extension attributes where it is a CloudEvent.
const (
	HeaderName = "schedulename" // which schedule it is of
	HeaderDue  = "scheduledue"  // when it was due, as RFC 3339 has it, in UTC
)

// Of returns which schedule an event is a firing of, and when that was due; ok is false when it is none.
func Of(m *event.Metadata) (name string, due time.Time, ok bool) {
	name, ok = m.Headers[HeaderName]
	if !ok {
		return "", time.Time{}, false
	}
	due, err := time.Parse(time.RFC3339Nano, m.Headers[HeaderDue])
	return name, due, err == nil
}

// record returns the event of a due time.
func (s *state) record(name string, id event.ID, due, now time.Time) event.Record {
	t := &s.Event
	headers := make(map[string]string, len(t.Headers)+2)
	maps.Copy(headers, t.Headers)
	headers[HeaderName], headers[HeaderDue] = name, due.UTC().Format(time.RFC3339Nano)
	m := event.Metadata{
		ID: id, Type: t.Type, Version: t.Version, Topic: t.Topic, Source: t.Source, Subject: t.Subject, Time: now,
		CorrelationID: s.Cause.Correlation, CausationID: s.Cause.Causation, UserID: s.Cause.User,
		AggregateType: t.AggregateType, AggregateID: t.AggregateID, Tags: slices.Clone(t.Tags),
		TraceParent: s.Cause.TraceParent, TraceState: s.Cause.TraceState, ContentType: t.ContentType, DataSchema: t.DataSchema,
		Headers: headers,
	}
	if m.CorrelationID.IsZero() {
		m.CorrelationID = id
	}
	return event.Record{Metadata: m, Place: event.Place{Stream: t.Stream}, Data: t.Data}
}

// firingID returns the id of a due time's event: the same whoever makes it.
func firingID(space event.ID, name string, due time.Time) event.ID {
	return space.Derive("schedule " + strconv.FormatInt(due.UnixNano(), 10) + " " + name)
}

// queue puts the schedule into the due index, so that it fires when it is due, or now if that has passed. The index has only times that were
// to come when they were written, so that whoever reads it need not look at what is long over.
func (s *state) queue(now time.Time) {
	s.Queued = s.Next
	if s.Queued.Before(now) {
		s.Queued = now
	}
}

func (s *state) leaveQueue() { s.Queued = time.Time{} }

// parse reads what is stored under a schedule's name.
func parse(item store.Item) (*state, error) {
	s := &state{}
	if err := json.Unmarshal(item.Value, s); err != nil {
		return nil, fmt.Errorf("schedule %q cannot be read: %w", item.Key, err)
	}
	if s.Format != format {
		return nil, fmt.Errorf("schedule %q has format %d, and this program knows %d", item.Key, s.Format, format)
	}
	for _, t := range []struct {
		field string
		value time.Time
	}{{"next", s.Next}, {"created", s.Created}} {
		if err := checkTime(t.field, t.value); err != nil {
			return nil, fmt.Errorf("schedule %q cannot be read: %w", item.Key, err)
		}
	}
	return s, nil
}

// dueKey returns a key of the due bucket.
func dueKey(queued time.Time, name string) string {
	return dueTime(queued) + "/" + name
}

// dueTime returns how keys of the due bucket begin.
func dueTime(at time.Time) string { return fmt.Sprintf("%020d", max(at.UnixNano(), 0)) }

const dueDigits = 20

// splitDue returns what a key of the due bucket says; ok is false when it is none.
func splitDue(key string) (queued time.Time, name string, ok bool) {
	if len(key) < dueDigits+2 || key[dueDigits] != '/' {
		return time.Time{}, "", false
	}
	nanoseconds, err := strconv.ParseInt(key[:dueDigits], 10, 64)
	return time.Unix(0, nanoseconds).UTC(), key[dueDigits+1:], err == nil
}
