package event

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"time"
)

// New makes an event of data, ready to be published: id, type, version, time, aggregate, stream and causation filled in.
//
// data is any named struct or a pointer to one, an Event (its set fields are kept, the missing ones filled in), or a
// map[string]any whose key "type" names the event type and whose other keys are the data. Data that are [Validated] and return an
// error are refused with it.
func New(ctx context.Context, data any, opts ...Option) (Event[any], error) {
	e, err := begin(data)
	if err != nil {
		return Event[any]{}, err
	}
	asked, err := e.describe()
	if err != nil {
		return Event[any]{}, err
	}
	if len(opts) > 0 {
		e = with(e, opts)
	}
	if asked != unasked || len(opts) > 0 { // which may have put other data in
		if err := Validate(e.Data); err != nil {
			return Event[any]{}, err
		}
	}
	if err := e.complete(ctx); err != nil {
		return Event[any]{}, err
	}
	return e, nil
}

// with applies the options. It stands apart because an event that options can reach is allocated.
func with(e Event[any], opts []Option) Event[any] {
	for _, opt := range opts {
		opt(&e)
	}
	return e
}

// From returns an untyped event: a name and any data that the codec can encode. Publish it as it is; New fills in the rest.
func From(eventType string, data any) Event[any] {
	return Event[any]{Metadata: Metadata{Type: eventType}, Data: data}
}

func begin(data any) (Event[any], error) {
	v := reflect.ValueOf(data)
	pointer := v.Kind() == reflect.Pointer
	if data == nil || pointer && v.IsNil() {
		return Event[any]{}, Invalid("data", "is nil (%T); publish a struct, an event or a map with a type", data)
	}
	switch d := data.(type) {
	case Event[any]:
		return d, nil
	case interface{ Untyped() Event[any] }:
		return d.Untyped(), nil
	case map[string]any:
		return fromMap(d)
	}
	if pointer {
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

// describe asks the data for what the event does not say yet: type, version, aggregate, topic and tags. It tells how they are to be
// asked whether they are valid.
func (e *Event[T]) describe() (validity, error) {
	data := any(e.Data)
	if data == nil && e.Type == "" {
		return unasked, Invalid("type", "is empty and there is no data to take it from")
	}
	if data == nil {
		e.Version = cmp.Or(e.Version, 1)
		return unasked, nil
	}
	d := descriptionOf(reflect.TypeOf(data))
	if d.err != nil && (e.Type == "" || !d.nameless) {
		return unasked, d.err
	}
	e.Type = cmp.Or(e.Type, d.Type)
	e.Version = cmp.Or(e.Version, d.Version, 1)
	if d.pointer {
		data = pointerTo(data)
	}
	if a, ok := data.(Aggregate); ok {
		e.AggregateType = cmp.Or(e.AggregateType, d.AggregateType, firstSegment(e.Type))
		e.AggregateID = cmp.Or(e.AggregateID, a.AggregateID())
	}
	if t, ok := data.(Topical); ok && e.Topic == "" {
		e.Topic = t.EventTopic()
	}
	if t, ok := data.(Tagged); ok && e.Tags == nil {
		e.Tags = slices.Clone(t.EventTags())
	}
	return d.validity, nil
}

// pointerTo returns a pointer to a copy of data.
func pointerTo(data any) any {
	v := reflect.New(reflect.TypeOf(data))
	v.Elem().Set(reflect.ValueOf(data))
	return v.Interface()
}

// complete fills in whatever is still missing and checks the result.
func (e *Event[T]) complete(ctx context.Context) error {
	at := now()
	if e.ID.IsZero() {
		e.ID = newIDAt(at)
	}
	if e.Time.IsZero() {
		e.Time = utc(at)
	}
	e.Time = e.Time.UTC().Round(0)
	e.inherit(ctx)
	if err := e.Metadata.Check(); err != nil {
		return err
	}
	if e.Stream == "" {
		e.Stream = e.defaultStream()
	}
	return CheckName("stream", e.Stream)
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
