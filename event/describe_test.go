package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

func TestTypeNameSplitsGoNamesIntoWords(t *testing.T) {
	for goName, want := range map[string]string{
		"OrderPlaced":       "order.placed",
		"orderPlaced":       "order.placed",
		"Order":             "order",
		"HTTPRequestFailed": "http.request.failed",
		"RequestHTTP":       "request.http",
		"ID":                "id",
		"OrderID":           "order.id",
		"OAuth2TokenIssued": "o.auth2.token.issued",
		"HTTP2Server":       "http2.server",
		"OrderPlacedV2":     "order.placed.v2",
		"Order_Placed":      "order.placed",
		"order__placed_":    "order.placed",
		"_Order":            "order",
		"A":                 "a",
		"ABC":               "abc",
		"AbC":               "ab.c",
		"ÄpfelGekauft":      "äpfel.gekauft",
		"ÉtéÎle":            "été.île",
		"日本Event":           "日本.event",
		"":                  "",
		"_":                 "",
	} {
		if got := event.TypeName(goName); got != want {
			t.Errorf("TypeName(%q) is %q, want %q", goName, got, want)
		}
	}
}

func FuzzTypeNameOfAGoNameIsAType(f *testing.F) {
	for _, seed := range []string{"OrderPlaced", "_", "A_B", "HTTP2Server", "x1Y", "ÄB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, goName string) {
		if !isIdentifier(goName) || len(goName) > 80 {
			t.Skip()
		}
		if name := event.TypeName(goName); name != "" && event.CheckType("type", name) != nil {
			t.Errorf("%q becomes %q: %v", goName, name, event.CheckType("type", name))
		}
	})
}

type (
	plain               struct{ A int }
	named               struct{}
	pointered           struct{ Name string }
	account             struct{ ID string }
	about               struct{ ID string }
	meters              float64
	generic[T any]      struct{ V T }
	namedGeneric[T any] struct{ V T }
	badName             struct{}
	badVersion          struct{}
	noKind              struct{}
)

func (named) EventType() string { return "thing.named" }
func (named) EventVersion() int { return 3 }

func (*pointered) EventType() string     { return "thing.pointered" }
func (*pointered) EventVersion() int     { return 2 }
func (p *pointered) AggregateID() string { return p.Name }
func (p *pointered) EventTopic() string  { return "topic." + p.Name }
func (p *pointered) EventTags() []string { return []string{"name:" + p.Name} }

func (a account) AggregateID() string { return a.ID }

func (a about) AggregateID() string { return a.ID }
func (about) AggregateType() string { return "customer" }

func (namedGeneric[T]) EventType() string { return "a.generic" }

func (badName) EventType() string { return "not a type" }

func (badVersion) EventVersion() int { return 0 }

func (noKind) AggregateID() string   { return "1" }
func (noKind) AggregateType() string { return "" }

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		goType reflect.Type
		want   event.Descriptor
	}{
		{reflect.TypeFor[plain](), event.Descriptor{Type: "plain", Version: 1}},
		{reflect.TypeFor[meters](), event.Descriptor{Type: "meters", Version: 1}},
		{reflect.TypeFor[named](), event.Descriptor{Type: "thing.named", Version: 3}},
		{reflect.TypeFor[pointered](), event.Descriptor{Type: "thing.pointered", Version: 2, AggregateType: "thing"}},
		{reflect.TypeFor[account](), event.Descriptor{Type: "account", Version: 1, AggregateType: "account"}},
		{reflect.TypeFor[about](), event.Descriptor{Type: "about", Version: 1, AggregateType: "customer"}},
		{reflect.TypeFor[namedGeneric[int]](), event.Descriptor{Type: "a.generic", Version: 1}},
	} {
		for range 2 { // found, and remembered
			if got, err := event.Describe(c.goType); got != c.want || err != nil {
				t.Errorf("Describe(%v) is %+v, %v; want %+v", c.goType, got, err, c.want)
			}
		}
	}
}

func TestDescribeRefusesByName(t *testing.T) {
	noName := "has no name to make an event type of; " +
		"use a named struct, give it a method EventType() string, or publish event.From(name, data)"
	for _, c := range []struct {
		goType reflect.Type
		want   string
	}{
		{nil, "type: there is no Go type to make an event type of"},
		{reflect.TypeFor[struct{ A int }](), "type: struct { A int } " + noName},
		{reflect.TypeFor[int](), "type: int " + noName},
		{reflect.TypeFor[map[string]any](), "type: map[string]interface {} " + noName},
		{reflect.TypeFor[generic[int]](), "type: event_test.generic[int] " + noName},
		{reflect.TypeFor[json.RawMessage](), "type: json.RawMessage " + noName},
		{reflect.TypeFor[*plain](), "type: *event_test.plain is a pointer; use the type that it points to"},
		{reflect.TypeFor[fmt.Stringer](), "type: fmt.Stringer is an interface; events are of concrete types"},
		{reflect.TypeFor[badName](), `type: of event_test.badName: "not a type" has a " " at byte 3; use letters, digits, dots and hyphens`},
		{reflect.TypeFor[badVersion](), "version: event_test.badVersion.EventVersion returns 0; versions start at 1"},
		{reflect.TypeFor[noKind](), "aggregate type: of event_test.noKind: is empty"},
	} {
		if _, err := event.Describe(c.goType); !errors.Is(err, event.ErrInvalid) || err.Error() != c.want {
			t.Errorf("Describe(%v) is refused with\n%v, want\n%s", c.goType, err, c.want)
		}
	}
}

func isIdentifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 'À' && r <= 'ÿ' && r != '×' && r != '÷'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// Most names are accepted by a quick look at their bytes. A segment that is not ASCII makes CheckType look closely.
func TestTheQuickCheckOfTypesIsTheThoroughOne(t *testing.T) {
	names := []string{""}
	for length := 0; length < 5; length++ {
		for _, name := range names {
			quick, thorough := event.CheckType("type", name), event.CheckType("type", name+".\u00e9")
			if (quick == nil) != (thorough == nil) {
				t.Errorf("%q: %v, and with a segment more: %v", name, quick, thorough)
			}
		}
		var longer []string
		for _, name := range names {
			for _, c := range []string{"a", "Z", "~", "-", ".", "*", " ", "\n", "\x7f"} {
				longer = append(longer, name+c)
			}
		}
		names = longer
	}
	if long := strings.Repeat("x", event.MaxName); event.CheckType("type", long) != nil || event.CheckType("type", long+"x") == nil {
		t.Error("the limit is not where it was")
	}
}
