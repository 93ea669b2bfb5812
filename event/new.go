package event

import (
	"context"
	"maps"
	"reflect"
	"time"
)

// New makes an event of data, ready to be published: id, type, version, time, aggregate, stream and causation filled in.
//
// data is any named struct or a pointer to one, an Event (its set fields are kept, the missing ones filled in), or a
// map[string]any whose key "type" names the event type and whose other keys are the data.
func New(ctx context.Context, data any, opts ...Option) (Event[any], error) {
	e, err := begin(data)
	if err != nil {
		return Event[any]{}, err
	}
	for _, opt := range opts {
		opt(&e)
	}
	if err := e.complete(ctx); err != nil {
		return Event[any]{}, err
	}
	return e, nil
}

// From returns an untyped event: a name and any data that the codec can encode. Publish it as it is; New fills in the rest.
func From(eventType string, data any) Event[any] {
	return Event[any]{Metadata: Metadata{Type: eventType}, Data: data}
}

func begin(data any) (Event[any], error) {
	switch d := data.(type) {
	case Event[any]:
		return d, nil
	case interface{ Untyped() Event[any] }:
		return d.Untyped(), nil
	case map[string]any:
		return fromMap(d)
	case nil:
		return Event[any]{}, Invalid("data", "is nil; publish a struct, an event or a map with a type")
	}
	if v := reflect.ValueOf(data); v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return Event[any]{}, Invalid("data", "is a nil %T", data)
		}
		return Event[any]{Data: v.Elem().Interface()}, nil
	}
	return Event[any]{Data: data}, nil
}

func fromMap(m map[string]any) (Event[any], error) {
	name, ok := m["type"].(string)
	if !ok {
		return Event[any]{}, Invalid("type", `the map has no text under the key "type"; add it, or use event.From(name, map)`)
	}
	data := maps.Clone(m)
	delete(data, "type")
	return From(name, data), nil
}

// complete fills in whatever is still missing and checks the result.
func (e *Event[T]) complete(ctx context.Context) error {
	if err := e.describe(); err != nil {
		return err
	}
	now := time.Now()
	if e.ID.IsZero() {
		e.ID = newIDAt(now)
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Time = e.Time.UTC().Round(0)
	e.inherit(ctx)
	if e.Stream == "" {
		e.Stream = e.defaultStream()
	}
	if err := CheckName("stream", e.Stream); err != nil {
		return err
	}
	return e.Metadata.Check()
}

// describe asks the data for its type, version, aggregate, topic and tags.
func (e *Event[T]) describe() error {
	data := any(e.Data)
	if err := e.describeType(data); err != nil {
		return err
	}
	if d, ok := data.(Topical); ok && e.Topic == "" {
		e.Topic = d.EventTopic()
	}
	if d, ok := data.(Tagged); ok && e.Tags == nil {
		e.Tags = d.EventTags()
	}
	return nil
}

func (e *Event[T]) describeType(data any) error {
	if e.Type != "" && (data == nil || !describesItself(data)) {
		e.Version = max(e.Version, 1)
		return nil
	}
	if data == nil {
		return Invalid("type", "is empty and there is no data to take it from")
	}
	d, err := Describe(reflect.TypeOf(data))
	if err != nil {
		return err
	}
	if e.Type == "" {
		e.Type = d.Type
	}
	if e.Version == 0 {
		e.Version = d.Version
	}
	aggregate, ok := data.(Aggregate)
	if !ok {
		return nil
	}
	if e.AggregateType == "" {
		e.AggregateType = d.AggregateType
	}
	if e.AggregateID == "" {
		e.AggregateID = aggregate.AggregateID()
	}
	return nil
}

// describesItself reports whether the data's Go type has something to say: maps, raw bytes and numbers have not.
func describesItself(data any) bool {
	t := reflect.TypeOf(data)
	return t.Kind() == reflect.Struct && t.Name() != ""
}

func (m *Metadata) defaultStream() string {
	if m.AggregateType == "" || m.AggregateID == "" {
		return m.Type
	}
	return m.AggregateType + "-" + m.AggregateID
}

// Option sets one thing of one event.
type Option func(*Event[any])

// WithID sets the id. Publishing the same ids to the same place again is recognised, which makes a retry safe.
func WithID(id ID) Option { return func(e *Event[any]) { e.ID = id } }

// WithStream sets the stream, which is otherwise made of the aggregate or the type.
func WithStream(stream string) Option { return func(e *Event[any]) { e.Stream = stream } }

// WithTopic sets the topic, which is otherwise the type.
func WithTopic(topic string) Option { return func(e *Event[any]) { e.Topic = topic } }

// WithTags adds tags.
func WithTags(tags ...string) Option {
	return func(e *Event[any]) { e.Tags = append(e.Tags[:len(e.Tags):len(e.Tags)], tags...) }
}

// WithTime sets when it happened, which is otherwise now.
func WithTime(t time.Time) Option { return func(e *Event[any]) { e.Time = t } }

// WithUser sets who caused it, which is otherwise whoever caused the event being handled.
func WithUser(id string) Option { return func(e *Event[any]) { e.UserID = id } }

// WithSource sets who publishes it: a URI reference.
func WithSource(source string) Option { return func(e *Event[any]) { e.Source = source } }

// WithHeader sets one free header.
func WithHeader(name, value string) Option {
	return func(e *Event[any]) {
		headers := maps.Clone(e.Headers)
		if headers == nil {
			headers = map[string]string{}
		}
		headers[name] = value
		e.Headers = headers
	}
}
