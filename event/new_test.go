package event_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

type orderPlaced struct {
	OrderID string
	Total   int64
}

func (o orderPlaced) AggregateID() string { return o.OrderID }

type userRenamed struct {
	Name   string
	labels []string
}

func (userRenamed) EventType() string     { return "account.user.renamed" }
func (userRenamed) EventVersion() int     { return 2 }
func (userRenamed) AggregateType() string { return "user" }
func (userRenamed) AggregateID() string   { return "7" }
func (userRenamed) EventTopic() string    { return "users.eu" }
func (u userRenamed) EventTags() []string { return u.labels }

func newEvent(t *testing.T, data any, opts ...event.Option) event.Event[any] {
	t.Helper()
	e, err := event.New(context.Background(), data, opts...)
	if err != nil {
		t.Fatalf("New(%#v): %v", data, err)
	}
	return e
}

func TestNewFillsInWhatIsMissing(t *testing.T) {
	before := time.Now()
	e := newEvent(t, orderPlaced{"42", 100})
	if e.Type != "order.placed" || e.Version != 1 || e.Stream != "order-42" || e.AggregateType != "order" || e.AggregateID != "42" {
		t.Errorf("got %+v", e)
	}
	if e.ID.IsZero() || e.CorrelationID != e.ID || !e.CausationID.IsZero() {
		t.Errorf("id %v, correlation %v, causation %v; want an id that is its own correlation, and no cause", e.ID, e.CorrelationID, e.CausationID)
	}
	if e.Time.Before(before) || e.Time.Location() != time.UTC || e.Time != e.Time.Round(0) {
		t.Errorf("the time is %v, want now in UTC and without a monotonic clock", e.Time)
	}
	if e.Topic != "" || e.RoutingKey() != "order.placed" || e.Revision != 0 || e.Position != 0 {
		t.Errorf("got %+v", e)
	}
	if e.Data != (orderPlaced{"42", 100}) {
		t.Errorf("the data are %#v", e.Data)
	}
}

func TestNewAsksTheDataForEverything(t *testing.T) {
	e := newEvent(t, userRenamed{labels: []string{"a", "b"}})
	if e.Type != "account.user.renamed" || e.Version != 2 || e.Stream != "user-7" || e.Topic != "users.eu" || e.RoutingKey() != "users.eu" {
		t.Errorf("got %+v", e)
	}
	if !slices.Equal(e.Tags, []string{"a", "b"}) {
		t.Errorf("the tags are %q", e.Tags)
	}
}

func TestMethodsOfPointersCountToo(t *testing.T) {
	for _, data := range []any{pointered{"x"}, &pointered{"x"}} {
		e := newEvent(t, data)
		if e.Type != "thing.pointered" || e.Version != 2 || e.Stream != "thing-x" || e.Topic != "topic.x" || !slices.Equal(e.Tags, []string{"name:x"}) {
			t.Errorf("New(%T) is %+v", data, e)
		}
		if _, ok := event.As[pointered](e); !ok {
			t.Errorf("New(%T) has data of type %T, want the value", data, e.Data)
		}
	}
}

func TestAPointerIsCopied(t *testing.T) {
	data := &orderPlaced{"42", 100}
	e := newEvent(t, data)
	data.Total = 0
	if e.Data != (orderPlaced{"42", 100}) {
		t.Errorf("the data changed to %v with the caller's", e.Data)
	}
}

func TestEmptyAggregateIDGoesToTheStreamOfTheType(t *testing.T) {
	if e := newEvent(t, orderPlaced{Total: 1}); e.Stream != "order.placed" || e.AggregateType != "order" || e.AggregateID != "" {
		t.Errorf("got %+v", e)
	}
	if e := newEvent(t, plain{1}); e.Stream != "plain" || e.AggregateType != "" {
		t.Errorf("got %+v", e)
	}
}

func TestMapsNameTheirType(t *testing.T) {
	m := map[string]any{"type": "sensor.read", "value": 21.5}
	e := newEvent(t, m)
	if e.Type != "sensor.read" || e.Version != 1 || e.Stream != "sensor.read" || !reflect.DeepEqual(e.Data, map[string]any{"value": 21.5}) {
		t.Errorf("got %+v", e)
	}
	if len(m) != 2 {
		t.Errorf("the caller's map changed to %v", m)
	}
}

func TestFromIsUntyped(t *testing.T) {
	for _, data := range []any{nil, map[string]any{"a": 1}, []byte{1}, "text", 7, generic[int]{1}, struct{ A int }{1}} {
		e := newEvent(t, event.From("sensor.read", data))
		if e.Type != "sensor.read" || e.Version != 1 || !reflect.DeepEqual(e.Data, data) {
			t.Errorf("From of %T is %+v", data, e)
		}
	}
}

func TestFromKeepsItsTypeOverTheData(t *testing.T) {
	e := newEvent(t, event.From("order.imported", orderPlaced{"42", 100}))
	if e.Type != "order.imported" || e.Stream != "order-42" {
		t.Errorf("got %+v", e)
	}
}

func TestSetFieldsOfAnEventAreKept(t *testing.T) {
	id, correlation, causation := event.NewID(), event.NewID(), event.NewID()
	given := event.Event[userRenamed]{
		Metadata: event.Metadata{
			ID: id, Type: "another.type", Version: 9, Topic: "a.topic", Source: "/s", Subject: "sub", Time: time.Unix(1, 2).UTC(),
			CorrelationID: correlation, CausationID: causation, UserID: "ann", AggregateType: "a", AggregateID: "b", Tags: []string{"t"},
			TraceParent: "tp", TraceState: "ts", ContentType: "application/json", DataSchema: "ds", Headers: map[string]string{"h": "v"},
		},
		Place: event.Place{Stream: "a-stream"},
		Data:  userRenamed{labels: []string{"not asked"}},
	}
	ctx := event.WithCause(context.Background(), event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "bob", TraceParent: "x"})
	for _, data := range []any{given, &given, given.Untyped()} {
		e, err := event.New(ctx, data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e, given.Untyped()) {
			t.Errorf("New(%T) is %+v, want %+v", data, e, given)
		}
	}
}

func TestOptionsSetOneThing(t *testing.T) {
	id, at := event.NewID(), time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("CET", 3600))
	e := newEvent(
		t, userRenamed{}, event.WithID(id), event.WithStream("s"), event.WithTopic("t.t"), event.WithTags("x", "y"), event.WithTags("z"),
		event.WithTime(at), event.WithUser("ann"), event.WithSource("/src"), event.WithHeader("a", "1"), event.WithHeader("b", "2"),
	)
	if e.ID != id || e.CorrelationID != id || e.Stream != "s" || e.Topic != "t.t" || e.UserID != "ann" || e.Source != "/src" {
		t.Errorf("got %+v", e)
	}
	if !e.Time.Equal(at) || e.Time.Location() != time.UTC {
		t.Errorf("the time is %v, want %v in UTC", e.Time, at)
	}
	if !slices.Equal(e.Tags, []string{"x", "y", "z"}) || !maps.Equal(e.Headers, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("tags %q, headers %q", e.Tags, e.Headers)
	}
}

func TestWithTagsAddsToTheTagsOfTheData(t *testing.T) {
	e := newEvent(t, userRenamed{labels: []string{"own"}}, event.WithTags("more"))
	if !slices.Equal(e.Tags, []string{"own", "more"}) {
		t.Errorf("the tags are %q, want own and more", e.Tags)
	}
}

func TestNewSharesNothingThatItAddsTo(t *testing.T) {
	labels := slices.Grow([]string{"own"}, 10)
	given := event.Event[any]{
		Metadata: event.Metadata{Tags: slices.Grow([]string{"own"}, 10), Headers: map[string]string{"own": "1"}}, Data: plain{},
	}
	option := slices.Grow([]string{"more"}, 10)
	first := newEvent(t, given, event.WithTags(option...), event.WithHeader("h", "1"))
	second := newEvent(t, given, event.WithTags("other"), event.WithHeader("h", "2"))
	tagged := newEvent(t, userRenamed{labels: labels})
	option[0], labels[0] = "spoilt", "spoilt"

	if !slices.Equal(first.Tags, []string{"own", "more"}) || !slices.Equal(second.Tags, []string{"own", "other"}) {
		t.Errorf("the tags are %q and %q", first.Tags, second.Tags)
	}
	if first.Headers["h"] != "1" || second.Headers["h"] != "2" || len(given.Headers) != 1 {
		t.Errorf("the headers are %q and %q, those given %q", first.Headers, second.Headers, given.Headers)
	}
	if !slices.Equal(tagged.Tags, []string{"own"}) {
		t.Errorf("the tags are %q, want those at the time", tagged.Tags)
	}
}

func TestAsFindsTheGoType(t *testing.T) {
	e := newEvent(t, orderPlaced{"42", 100})
	if typed, ok := event.As[orderPlaced](e); !ok || typed.Data.Total != 100 || typed.ID != e.ID || typed.Stream != "order-42" {
		t.Errorf("As is %+v, %v", typed, ok)
	}
	if typed, ok := event.As[plain](e); ok || typed.ID != e.ID {
		t.Errorf("As of another type is %+v, %v", typed, ok)
	}
}

func TestNewRefusesByName(t *testing.T) {
	long := strings.Repeat("x", 256)
	var nilPlaced *orderPlaced
	var nilEvent *event.Event[orderPlaced]
	with := func(edit func(m *event.Metadata)) event.Event[any] {
		e := event.From("a.type", nil)
		edit(&e.Metadata)
		return e
	}
	for _, c := range []struct {
		name string
		data any
		opts []event.Option
		want string
	}{
		{"nil", nil, nil, "data: is nil (<nil>); publish a struct, an event or a map with a type"},
		{"nil pointer", nilPlaced, nil, "data: is nil (*event_test.orderPlaced); publish a struct, an event or a map with a type"},
		{"nil event", nilEvent, nil, "data: is nil (*event.Event[github.com/oxbow-events/oxbow/event_test.orderPlaced]); publish"},
		{"no type", event.Event[any]{}, nil, "type: is empty and there is no data to take it from"},
		{"number", 7, nil, "type: int has no name to make an event type of; use a named struct"},
		{"pointer to a pointer", &nilPlaced, nil, "type: *event_test.orderPlaced is a pointer; use the type that it points to"},
		{"map without type", map[string]any{"a": 1}, nil, `type: the map has no text under the key "type"; add it, or use event.From(name, map)`},
		{"map with a number as type", map[string]any{"type": 1}, nil, "type: the map has no text"},
		{"bad name", badName{}, nil, "type: of event_test.badName: "},
		{"bad version", event.From("a.type", badVersion{}), nil, "version: event_test.badVersion.EventVersion returns 0"},
		{"bad type", event.From("a b", nil), nil, `type: "a b" has a " " at byte 1; use letters, digits, dots and hyphens`},
		{"empty segment", event.From("a..b", nil), nil, `type: "a..b" has an empty segment; write it as order.placed`},
		{"dot at the end", event.From("a.", nil), nil, `type: "a." has an empty segment`},
		{"dot at the beginning", event.From(".a", nil), nil, `type: ".a" has an empty segment`},
		{"star", event.From("a.*", nil), nil, `type: "a.*" has a "*" at byte 2`},
		{"wide space", event.From("a\u00a0b", nil), nil, "type: \"a\\u00a0b\" has a \"\\u00a0\" at byte 1"},
		{"long type", event.From(long, nil), nil, "type: is 256 bytes long, the limit is 255"},
		{"topic", plain{}, []event.Option{event.WithTopic(".")}, `topic: "." has an empty segment`},
		{"stream", plain{}, []event.Option{event.WithStream("a\nb")}, `stream: has the control character "\n" at byte 1; remove it`},
		{"stream not UTF-8", plain{}, []event.Option{event.WithStream("a\xff")}, `stream: is not UTF-8: "a\xff"`},
		{"aggregate id", orderPlaced{OrderID: "4\n2"}, nil, `aggregate id: has the control character "\n" at byte 1`},
		{"aggregate id too long", orderPlaced{OrderID: long}, nil, "stream: is 262 bytes long, the limit is 255"},
		{"user", plain{}, []event.Option{event.WithUser("\u0085")}, `user id: has the control character "\u0085" at byte 0`},
		{"source", plain{}, []event.Option{event.WithSource(strings.Repeat("x", 4097))}, "source: is 4097 bytes long, the limit is 4096"},
		{"time", plain{}, []event.Option{event.WithTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))}, "time: is in the year 10000"},
		{"tag", plain{}, []event.Option{event.WithTags("fine", "a,b")}, `tags[1]: "a,b" has a comma, which separates tags on the wire`},
		{"empty tag", plain{}, []event.Option{event.WithTags("")}, "tags[0]: is empty"},
		{"many tags", plain{}, []event.Option{event.WithTags(make([]string, 65)...)}, "tags: there are 65, the limit is 64"},
		{"header", plain{}, []event.Option{event.WithHeader("", "v")}, "header name: is empty"},
		{"header value", plain{}, []event.Option{event.WithHeader("h", "\xff")}, "header h: is not UTF-8"},
		{"long header", plain{}, []event.Option{event.WithHeader("h", strings.Repeat("x", 4097))}, "header h: is 4097 bytes long, the limit is 4096"},
		{"many headers", with(func(m *event.Metadata) {
			m.Headers = map[string]string{}
			for i := range 65 {
				m.Headers[string(rune('0'+i))] = ""
			}
		}), nil, "headers: there are 65, the limit is 64"},
		{"version", with(func(m *event.Metadata) { m.Version = -1 }), nil, "version: is -1; versions start at 1"},
		{"subject", with(func(m *event.Metadata) { m.Subject = "\x00" }), nil, `subject: has the control character "\x00"`},
		{"content type", with(func(m *event.Metadata) { m.ContentType = "\n" }), nil, "content type: "},
		{"schema", with(func(m *event.Metadata) { m.DataSchema = "\n" }), nil, "data schema: "},
		{"traceparent", with(func(m *event.Metadata) { m.TraceParent = "\n" }), nil, "traceparent: "},
		{"tracestate", with(func(m *event.Metadata) { m.TraceState = "\n" }), nil, "tracestate: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := event.New(context.Background(), c.data, c.opts...)
			if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("refused with %v, want %s", err, c.want)
			}
			if !reflect.DeepEqual(e, event.Event[any]{}) {
				t.Errorf("a refused event is %+v", e)
			}
		})
	}
}

func TestNamesAtTheirLimitsAreFine(t *testing.T) {
	e := event.From(strings.Repeat("t", event.MaxName), nil)
	e.Stream, e.Topic, e.UserID = strings.Repeat("ß", 127)+"s", strings.Repeat("p", event.MaxName), strings.Repeat("u", 4096)
	e.Time = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	e.Headers = map[string]string{}
	for i := range event.MaxTags {
		name := strings.Repeat("n", event.MaxName-2) + string(rune('a'+i/26)) + string(rune('a'+i%26))
		e.Tags = append(e.Tags, name)
		e.Headers[name] = strings.Repeat("v", 4096)
	}
	newEvent(t, e)
}
