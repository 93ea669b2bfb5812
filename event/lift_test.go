package event_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

type customerUpdated struct{ Name, Mail string }

func (customerUpdated) EventType() string { return "customer.updated" }
func (customerUpdated) EventVersion() int { return 2 }

type customerRenamed struct{ Name string }

type orderCancelled struct{ Reason string }

type orderCompleted struct{ Invoice int }

// merging reads three old schemas as customer.updated v2.
func merging(t *testing.T, reg *event.Registry) {
	t.Helper()
	mail := func(data []byte) ([]byte, error) {
		return bytes.ReplaceAll(data, []byte(`"Address"`), []byte(`"Mail"`)), nil
	}
	if err := errors.Join(
		reg.UpcastTo(event.Schema{Type: "customer.renamed", Version: 1}, event.Schema{Type: "customer.updated", Version: 2}, event.Unchanged),
		reg.UpcastTo(event.Schema{Type: "customer.moved", Version: 3}, event.Schema{Type: "customer.updated", Version: 1}, event.Unchanged),
		reg.Upcast("customer.updated", 1, mail),
	); err != nil {
		t.Fatal(err)
	}
}

// closing is a split: an order was closed, and now it is cancelled or completed.
func closing(t *testing.T, reg *event.Registry) {
	t.Helper()
	cancelled, completed := event.Schema{Type: "order.cancelled", Version: 1}, event.Schema{Type: "order.completed", Version: 1}
	split := func(data []byte) (event.Schema, []byte, error) {
		if bytes.Contains(data, []byte(`"Reason"`)) {
			return cancelled, data, nil
		}
		if bytes.Contains(data, []byte(`"Odd"`)) {
			return event.Schema{Type: "order.lost", Version: 1}, data, nil
		}
		return completed, data, nil
	}
	if err := reg.UpcastSplit(event.Schema{Type: "order.closed", Version: 1}, []event.Schema{cancelled, completed}, split); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralTypesAreReadAsOne(t *testing.T) {
	reg := registered(t, reflect.TypeFor[customerUpdated]())
	merging(t, reg)
	for _, c := range []struct {
		rec  event.Record
		want customerUpdated
	}{
		{stored("customer.renamed", 0, `{"Name":"ann"}`), customerUpdated{Name: "ann"}},
		{stored("customer.moved", 3, `{"Address":"a@b"}`), customerUpdated{Mail: "a@b"}},
		{stored("customer.updated", 1, `{"Address":"a@b"}`), customerUpdated{Mail: "a@b"}},
		{stored("customer.updated", 2, `{"Name":"ann","Mail":"a@b"}`), customerUpdated{"ann", "a@b"}},
	} {
		before := string(c.rec.Data)
		e := decode(t, reg, c.rec)
		if e.Data != c.want || e.Type != "customer.updated" || e.Version != 2 || e.ID != c.rec.ID {
			t.Errorf("%s v%d is read as %s v%d %#v, want %#v", c.rec.Type, c.rec.Version, e.Type, e.Version, e.Data, c.want)
		}
		as, err := event.DecodeAs[customerUpdated](reg, c.rec)
		if err != nil || as.Data != c.want || as.Type != "customer.updated" {
			t.Errorf("DecodeAs: %s %#v, %v", as.Type, as.Data, err)
		}
		if string(c.rec.Data) != before {
			t.Errorf("the stored bytes became %s", c.rec.Data)
		}
	}
}

func TestATypeIsSplitByItsBytes(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderCancelled](), reflect.TypeFor[orderCompleted]())
	closing(t, reg)
	if e := decode(t, reg, stored("order.closed", 1, `{"Reason":"late"}`)); e.Data != (orderCancelled{"late"}) {
		t.Errorf("got %s %#v", e.Type, e.Data)
	}
	if e := decode(t, reg, stored("order.closed", 1, `{"Invoice":7}`)); e.Data != (orderCompleted{7}) {
		t.Errorf("got %s %#v", e.Type, e.Data)
	}
	_, err := reg.Decode(stored("order.closed", 1, `{"Odd":1}`))
	want := "upcast order.closed from version 1: upcaster: leads to order.lost v1; it was added for order.cancelled v1 or order.completed v1"
	if !errors.Is(err, event.ErrInvalid) || err.Error() != want {
		t.Errorf("a splitter that goes astray: %v", err)
	}
	_, err = event.DecodeAs[orderCompleted](reg, stored("order.closed", 1, `{"Reason":"late"}`))
	if want := "decode order.closed: type: is lifted to order.cancelled v1, and event_test.orderCompleted is order.completed"; err == nil || err.Error() != want {
		t.Errorf("as the type that it is not: %v", err)
	}
	if e, err := event.DecodeAs[map[string]any](reg, stored("order.closed", 1, `{"Reason":"late"}`)); err != nil || e.Type != "order.cancelled" {
		t.Errorf("as a map: %v, %v", e, err)
	}
}

func TestLiftLeavesTheRecordAlone(t *testing.T) {
	var reg event.Registry
	merging(t, &reg)
	rec := stored("customer.moved", 3, `{"Address":"a@b"}`)
	rec.Stream, rec.Position = "customer-1", 9
	lifted, err := reg.Lift(rec)
	if err != nil || lifted.Type != "customer.updated" || lifted.Version != 2 || string(lifted.Data) != `{"Mail":"a@b"}` || lifted.Place != rec.Place {
		t.Errorf("got %+v, %v", lifted, err)
	}
	if rec.Type != "customer.moved" || string(rec.Data) != `{"Address":"a@b"}` {
		t.Errorf("the record became %+v", rec)
	}
	if again, err := reg.Lift(lifted); err != nil || !reflect.DeepEqual(again, lifted) {
		t.Errorf("lifted again it is %+v, %v", again, err)
	}
	if same, err := reg.Lift(stored("other.type", 0, `{}`)); err != nil || same.Type != "other.type" || same.Version != 1 {
		t.Errorf("what nobody lifts became %+v, %v", same, err)
	}
}

func TestSourcesAreTheTypesThatBecomeOne(t *testing.T) {
	var reg event.Registry
	merging(t, &reg)
	closing(t, &reg)
	for name, want := range map[string]string{
		"customer.updated": "[customer.updated customer.moved customer.renamed]",
		"customer.renamed": "[customer.renamed]",
		"order.cancelled":  "[order.cancelled order.closed]",
		"order.completed":  "[order.completed order.closed]",
		"never.seen":       "[never.seen]",
	} {
		if got := fmt.Sprint(reg.Sources(name)); got != want {
			t.Errorf("sources of %s are %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]bool{"customer.renamed": true, "customer.moved": true, "customer.updated": false, "order.closed": true, "x": false} {
		if got := reg.Moved(name); got != want {
			t.Errorf("Moved(%s) is %t", name, got)
		}
	}
	if got := fmt.Sprint(reg.ReadAs(event.Schema{Type: "order.closed", Version: 1})); got != "[order.cancelled v1 order.completed v1]" {
		t.Errorf("order.closed v1 is read as %s", got)
	}
	if got := fmt.Sprint(reg.ReadAs(event.Schema{Type: "order.closed", Version: 2})); got != "[order.closed v2]" {
		t.Errorf("order.closed v2 is read as %s", got)
	}
	want := "[{customer.moved v3 [customer.updated v1]} {customer.renamed v1 [customer.updated v2]} " +
		"{customer.updated v1 [customer.updated v2]} {order.closed v1 [order.cancelled v1 order.completed v1]}]"
	if got := fmt.Sprint(reg.Lifts()); got != want {
		t.Errorf("lifts are %s", got)
	}
}

func TestSourcesGrowWithTheRegistry(t *testing.T) {
	var reg event.Registry
	merging(t, &reg)
	_ = reg.Sources("customer.updated")
	err := reg.UpcastTo(event.Schema{Type: "client.changed", Version: 1}, event.Schema{Type: "customer.moved", Version: 3}, event.Unchanged)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(reg.Sources("customer.updated")); got != "[customer.updated client.changed customer.moved customer.renamed]" {
		t.Errorf("sources are %s", got)
	}
	if got := fmt.Sprint(reg.Sources("customer.moved")); got != "[customer.moved]" {
		t.Errorf("a type on the way has the sources %s", got)
	}
}

func TestLiftsThatContradictEachOtherAreRefusedByName(t *testing.T) {
	reg := registered(t, reflect.TypeFor[customerUpdated]())
	merging(t, reg)
	to := func(fromType string, from int, toType string, version int) error {
		return reg.UpcastTo(event.Schema{Type: fromType, Version: from}, event.Schema{Type: toType, Version: version}, event.Unchanged)
	}
	same := func(data []byte) (event.Schema, []byte, error) { return event.Schema{}, data, nil }
	from := event.Schema{Type: "x.y", Version: 1}
	for want, err := range map[string]error{
		"version: customer.renamed already has an upcaster from 1, which leads to customer.updated v2; the one refused leads to customer.left v1": to("customer.renamed", 1, "customer.left", 1),
		"upcaster: closes a circle: customer.updated v3 to customer.moved v3 to customer.updated v1 to customer.updated v2 to customer.updated v3": func() error {
			var reg event.Registry
			merging(t, &reg)
			up := func(data []byte) ([]byte, error) { return data, nil }
			return errors.Join(reg.Upcast("customer.updated", 2, up),
				reg.UpcastTo(event.Schema{Type: "customer.updated", Version: 3}, event.Schema{Type: "customer.moved", Version: 3}, up))
		}(),
		"version: an upcaster leads from x.y v2 to x.y v2; within a type it leads to a higher version": to("x.y", 2, "x.y", 2),
		"version: an upcaster leads from x.y v2 to x.y v1; within a type it leads to a higher version": to("x.y", 2, "x.y", 1),
		"version: customer.updated v2 is what event_test.customerUpdated is written as, and an upcaster would read it as customer.left v1; " +
			"raise the version that its EventVersion returns, or register the new Go type in its place": to("customer.updated", 2, "customer.left", 1),
		"version: customer.renamed v1 is what event_test.customerRenamed is written as, and an upcaster would read it as customer.updated v2; " +
			"raise the version that its EventVersion returns, or register the new Go type in its place": event.Register[customerRenamed](reg),
		`type: "x y" has a " " at byte 1; use letters, digits, dots and hyphens`:    to("x.y", 1, "x y", 1),
		"version: is 0; versions start at 1":                                        to("x.y", 1, "x.z", 0),
		"upcaster: of x.y from version 1 is nil":                                    reg.UpcastTo(from, event.Schema{Type: "x.z", Version: 1}, nil),
		"upcaster: of x.y from version 1 is nil ":                                   reg.UpcastSplit(from, []event.Schema{{Type: "x.z", Version: 1}}, nil),
		"upcaster: from x.y v1 leads nowhere; name the schemas that it can lead to": reg.UpcastSplit(from, nil, same),
	} {
		if !errors.Is(err, event.ErrInvalid) || err.Error() != strings.TrimSpace(want) {
			t.Errorf("got\n%v, want\n%s", err, want)
		}
	}
	if got := len(reg.Lifts()); got != 3 {
		t.Errorf("afterwards there are %d lifts, want the 3 that were accepted", got)
	}
}

// TestLiftsEndAtTheNewestSchema adds lifts at random, most of them refused. Whatever is accepted leads every record to a schema
// that nothing lifts, over the steps that were added, and the sources know it.
func TestLiftsEndAtTheNewestSchema(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var reg event.Registry
		schema := func() event.Schema {
			return event.Schema{Type: string(rune('a' + rng.IntN(4))), Version: 1 + rng.IntN(4)}
		}
		steps := map[event.Schema][]event.Schema{}
		for range 40 {
			from, to := schema(), []event.Schema{schema(), schema()}[:1+rng.IntN(2)]
			err := reg.UpcastSplit(from, to, func(data []byte) (event.Schema, []byte, error) {
				return to[int(data[len(data)-1])%len(to)], append(slices.Clone(data), byte(len(data))), nil
			})
			if err == nil {
				steps[from] = to
			}
		}
		for range 50 {
			from := schema()
			rec := event.Record{Metadata: event.Metadata{Type: from.Type, Version: from.Version}, Data: []byte{byte(rng.IntN(256))}}
			lifted, err := reg.Lift(rec)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			end := event.Schema{Type: lifted.Type, Version: lifted.Version}
			if steps[end] != nil {
				t.Errorf("seed %d: %s ends at %s, which is lifted further", seed, from, end)
			}
			if !slices.Contains(reg.Sources(end.Type), from.Type) || !slices.Contains(reg.ReadAs(from), end) {
				t.Errorf("seed %d: %s became %s, of which neither Sources %v nor ReadAs %v knows", seed, from, end, reg.Sources(end.Type), reg.ReadAs(from))
			}
			if from.Type != end.Type && !reg.Moved(from.Type) {
				t.Errorf("seed %d: %s became %s, and is not moved", seed, from, end)
			}
		}
	}
}

// FuzzLiftsNeverLoop adds the lifts that the input spells and lifts a record of every schema. A circle would never return.
func FuzzLiftsNeverLoop(f *testing.F) {
	f.Add([]byte{0x00, 0x01, 0x01, 0x10, 0x10, 0x00})
	f.Fuzz(func(t *testing.T, spelled []byte) {
		var reg event.Registry
		schema := func(b byte) event.Schema {
			return event.Schema{Type: string(rune('a' + b>>4%4)), Version: 1 + int(b%8)}
		}
		for i := 0; i+1 < len(spelled) && i < 200; i += 2 {
			_ = reg.UpcastTo(schema(spelled[i]), schema(spelled[i+1]), event.Unchanged) // most are refused
		}
		for b := range 256 {
			s := schema(byte(b))
			lifted, err := reg.Lift(event.Record{Metadata: event.Metadata{Type: s.Type, Version: s.Version}})
			if err != nil {
				t.Fatal(err)
			}
			if ends := reg.ReadAs(s); len(ends) != 1 || ends[0].Type != lifted.Type || ends[0].Version != lifted.Version {
				t.Errorf("%s became %s v%d, ReadAs says %v", s, lifted.Type, lifted.Version, ends)
			}
		}
	})
}

func ExampleRegistry_UpcastTo() {
	var reg event.Registry
	// customer.renamed and customer.moved have become one type.
	updated := event.Schema{Type: "customer.updated", Version: 1}
	err := errors.Join(
		reg.UpcastTo(event.Schema{Type: "customer.renamed", Version: 1}, updated, event.Unchanged),
		reg.UpcastTo(event.Schema{Type: "customer.moved", Version: 1}, updated, event.Unchanged),
	)
	if err != nil {
		panic(err)
	}
	e, err := reg.Decode(event.Record{
		Metadata: event.Metadata{Type: "customer.renamed", Version: 1}, Data: []byte(`{"name":"Ann"}`),
	})
	fmt.Println(e.Type, e.Data, err)
	fmt.Println(reg.Sources("customer.updated"))
	// Output:
	// customer.updated map[name:Ann] <nil>
	// [customer.updated customer.moved customer.renamed]
}

func ExampleRegistry_UpcastSplit() {
	var reg event.Registry
	// order.closed has become two types. Which one it is depends on what was stored.
	cancelled, completed := event.Schema{Type: "order.cancelled", Version: 1}, event.Schema{Type: "order.completed", Version: 1}
	err := reg.UpcastSplit(event.Schema{Type: "order.closed", Version: 1}, []event.Schema{cancelled, completed},
		func(data []byte) (event.Schema, []byte, error) {
			var closed struct{ Reason string }
			if err := json.Unmarshal(data, &closed); err != nil {
				return event.Schema{}, nil, err
			}
			if closed.Reason == "" {
				return completed, []byte(`{}`), nil
			}
			return cancelled, data, nil
		})
	if err != nil {
		panic(err)
	}
	for _, data := range []string{`{"Reason":"too late"}`, `{}`} {
		e, err := reg.Decode(event.Record{Metadata: event.Metadata{Type: "order.closed"}, Data: []byte(data)})
		fmt.Println(e.Type, e.Data, err)
	}
	// Output:
	// order.cancelled map[Reason:too late] <nil>
	// order.completed map[] <nil>
}

func ExampleRegistry_Sources() {
	var reg event.Registry
	err := reg.UpcastTo(event.Schema{Type: "order.bought", Version: 1}, event.Schema{Type: "order.placed", Version: 1}, event.Unchanged)
	if err != nil {
		panic(err)
	}
	fmt.Println(reg.Sources("order.placed")) // for store.Filter{Types: …}
	fmt.Println(reg.Moved("order.bought"), reg.Moved("order.placed"))
	fmt.Println(reg.ReadAs(event.Schema{Type: "order.bought", Version: 1}))
	// Output:
	// [order.placed order.bought]
	// true false
	// [order.placed v1]
}

func ExampleRegistry_Lift() {
	var reg event.Registry
	err := reg.Upcast("order.placed", 1, func(data []byte) ([]byte, error) {
		return bytes.Replace(data, []byte(`"total"`), []byte(`"cents"`), 1), nil
	})
	if err != nil {
		panic(err)
	}
	stored := event.Record{Metadata: event.Metadata{Type: "order.placed", Version: 1}, Data: []byte(`{"total":1999}`)}
	lifted, err := reg.Lift(stored)
	fmt.Println(lifted.Version, string(lifted.Data), err)
	fmt.Println(stored.Version, string(stored.Data))
	// Output:
	// 2 {"cents":1999} <nil>
	// 1 {"total":1999}
}
