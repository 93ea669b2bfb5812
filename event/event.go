package event

import "time"

// Event is something that happened: typed data, metadata, and where it stands once it is stored.
type Event[T any] struct {
	Metadata
	Place
	Data T
}

// Record is an event as it is stored or carried: metadata, bytes, and where it stands.
type Record struct {
	Metadata
	Place
	Data []byte // the payload as Metadata.ContentType says; nil when the event has none
}

// Metadata is what is known about an event beside its data.
type Metadata struct {
	ID            ID
	Type          string            // stable dotted name: order.placed
	Version       int               // schema version of the data, from 1; 0 counts as 1
	Topic         string            // routing key; empty means the type
	Source        string            // who published it: a URI reference (CloudEvents "source")
	Subject       string            // what in the source it is about (CloudEvents "subject")
	Time          time.Time         // when it happened, UTC
	CorrelationID ID                // the id that everything caused by one first event shares
	CausationID   ID                // the event that caused this one
	UserID        string            // who caused it
	AggregateType string            // order
	AggregateID   string            // 42
	Tags          []string          // labels for reads and conditions across streams: customer:7
	TraceParent   string            // W3C trace context
	TraceState    string            // W3C trace context
	ContentType   string            // media type of the data; empty means application/json
	DataSchema    string            // URI of the data's schema (CloudEvents "dataschema")
	Headers       map[string]string // anything else
}

// Place is where a record stands in a store. It is zero for what was never stored.
type Place struct {
	Stream   string
	Revision uint64 // in the stream: 1, 2, 3…
	Position Position
}

// Position is a record's place in the whole store. It grows in commit order; 0 is before the first.
type Position uint64

// RoutingKey returns the topic: the one that was set, or else the type.
func (m *Metadata) RoutingKey() string {
	if m.Topic != "" {
		return m.Topic
	}
	return m.Type
}

// SchemaVersion returns the version, at least 1.
func (m *Metadata) SchemaVersion() int { return max(m.Version, 1) }

// Untyped returns the same event with its data as any.
func (e Event[T]) Untyped() Event[any] {
	return Event[any]{Metadata: e.Metadata, Place: e.Place, Data: e.Data}
}

// As returns the event with its data as T; ok is false when the data is of another Go type.
func As[T any](e Event[any]) (typed Event[T], ok bool) {
	data, ok := e.Data.(T)
	return Event[T]{Metadata: e.Metadata, Place: e.Place, Data: data}, ok
}
