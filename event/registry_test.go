package event_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

type wallet struct {
	Owner  string
	Cents  int64
	Extra  any
	Secret string `json:"-"`
}

func (wallet) EventType() string { return "wallet.opened" }
func (wallet) EventVersion() int { return 3 }

type otherWallet struct{}

func (otherWallet) EventType() string { return "wallet.opened" }

func registered(t *testing.T, types ...reflect.Type) *event.Registry {
	t.Helper()
	reg := &event.Registry{}
	for _, goType := range types {
		if err := reg.RegisterType(goType); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

func encode(t *testing.T, reg *event.Registry, data any) event.Record {
	t.Helper()
	rec, err := reg.Encode(newEvent(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func decode(t *testing.T, reg *event.Registry, rec event.Record) event.Event[any] {
	t.Helper()
	e, err := reg.Decode(rec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func stored(name string, version int, data string) event.Record {
	return event.Record{Metadata: event.Metadata{ID: event.NewID(), Type: name, Version: version}, Data: []byte(data)}
}

func TestARegisteredTypeComesBackAsItself(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderPlaced]())
	e := newEvent(t, orderPlaced{"42", math.MaxInt64}, event.WithTags("a"), event.WithHeader("h", "v"))
	e.Revision, e.Position = 3, 7
	rec, err := reg.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if string(rec.Data) != `{"OrderID":"42","Total":9223372036854775807}` || rec.ContentType != "application/json" {
		t.Errorf("encoded as %s %s", rec.ContentType, rec.Data)
	}
	e.ContentType = "application/json"
	if got := decode(t, reg, rec); !reflect.DeepEqual(got, e) {
		t.Errorf("got %+v, want %+v", got, e)
	}
}

func TestAnUnknownTypeComesBackUntypedWithEveryDigit(t *testing.T) {
	var reg event.Registry
	text := `{"big":12345678901234567890,"fine":0.1234567890123456789,"list":[1,null,true],"html":"<&>"}`
	rec := stored("sensor.read", 1, text)
	data := decode(t, &reg, rec).Data
	want := map[string]any{
		"big": json.Number("12345678901234567890"), "fine": json.Number("0.1234567890123456789"),
		"list": []any{json.Number("1"), nil, true}, "html": "<&>",
	}
	if !reflect.DeepEqual(data, want) {
		t.Errorf("got %#v, want %#v", data, want)
	}
	again := encode(t, &reg, event.From("sensor.read", data))
	if got := string(again.Data); got != `{"big":12345678901234567890,"fine":0.1234567890123456789,"html":"<&>","list":[1,null,true]}` {
		t.Errorf("published again it is %s", got)
	}
}

func TestNumbersInsideATypedEventKeepEveryDigit(t *testing.T) {
	reg := registered(t, reflect.TypeFor[wallet]())
	e := decode(t, reg, stored("wallet.opened", 3, `{"Owner":"ann","Cents":9007199254740993,"Extra":{"n":12345678901234567890}}`))
	want := wallet{Owner: "ann", Cents: 9007199254740993, Extra: map[string]any{"n": json.Number("12345678901234567890")}}
	if !reflect.DeepEqual(e.Data, want) {
		t.Errorf("got %#v, want %#v", e.Data, want)
	}
}

func TestRawJSONIsKeptByteForByte(t *testing.T) {
	var reg event.Registry
	for _, raw := range []string{`{"b" : 1, "a":1e400}`, `"text"`, `null`, ` [1] `} {
		if rec := encode(t, &reg, event.From("raw.kept", json.RawMessage(raw))); string(rec.Data) != raw || rec.ContentType != "application/json" {
			t.Errorf("%s became %s %s", raw, rec.ContentType, rec.Data)
		}
	}
	e := event.From("raw.kept", json.RawMessage(`{}`))
	e.ContentType = "application/vnd.shop+json"
	if rec := encode(t, &reg, e); rec.ContentType != e.ContentType {
		t.Errorf("the content type became %s", rec.ContentType)
	}
	for _, raw := range []string{``, `{`, `{} {}`} {
		_, err := reg.Encode(newEvent(t, event.From("raw.kept", json.RawMessage(raw))))
		if !errors.Is(err, event.ErrInvalid) || err.Error() != "data: of raw.kept is not JSON" {
			t.Errorf("%q is refused with %v", raw, err)
		}
	}
}

func TestRawBytesAreKept(t *testing.T) {
	var reg event.Registry
	raw := []byte{0, 1, 0xff}
	rec := encode(t, &reg, event.From("raw.bytes", raw))
	if !bytes.Equal(rec.Data, raw) || rec.ContentType != "application/octet-stream" {
		t.Errorf("got %s %x", rec.ContentType, rec.Data)
	}
	if e := decode(t, &reg, rec); !reflect.DeepEqual(e.Data, raw) {
		t.Errorf("got %#v", e.Data)
	}
	e := event.From("raw.image", raw)
	e.ContentType = "image/png"
	if rec := encode(t, &reg, e); rec.ContentType != "image/png" {
		t.Errorf("the content type became %s", rec.ContentType)
	}
}

func TestNoDataStaysNoData(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderPlaced]())
	rec := encode(t, reg, event.From("order.placed", nil))
	if rec.Data != nil || rec.ContentType != "" {
		t.Errorf("got %s %q", rec.ContentType, rec.Data)
	}
	if e := decode(t, reg, rec); e.Data != (orderPlaced{}) {
		t.Errorf("typed it is %#v, want the zero value", e.Data)
	}
	if e := decode(t, &event.Registry{}, rec); e.Data != nil {
		t.Errorf("untyped it is %#v, want nil", e.Data)
	}
}

func TestTheContentTypeOfAnEventIsKept(t *testing.T) {
	var reg event.Registry
	for _, contentType := range []string{"application/vnd.shop+json", "application/json; charset=utf-8", "Text/JSON"} {
		e := event.From("order.placed", map[string]any{"a": 1})
		e.ContentType = contentType
		rec := encode(t, &reg, e)
		if rec.ContentType != contentType || string(rec.Data) != `{"a":1}` {
			t.Errorf("%s became %s %s", contentType, rec.ContentType, rec.Data)
		}
		if got := decode(t, &reg, rec); !reflect.DeepEqual(got.Data, map[string]any{"a": json.Number("1")}) {
			t.Errorf("%s is decoded as %#v", contentType, got.Data)
		}
	}
}

func TestAnUnknownContentTypeIsRefusedOrLeftAsBytes(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderPlaced]())
	e := event.From("order.placed", map[string]any{"a": 1})
	e.ContentType = "application/avro"
	want := `content type: "application/avro" has no codec; add one with Registry.UseCodec`
	if _, err := reg.Encode(e); !errors.Is(err, event.ErrInvalid) || err.Error() != "encode order.placed: "+want {
		t.Errorf("Encode: %v", err)
	}
	rec := stored("order.placed", 1, "\x00\x01")
	rec.ContentType = "application/avro"
	if _, err := reg.Decode(rec); !errors.Is(err, event.ErrInvalid) || err.Error() != "decode order.placed: "+want {
		t.Errorf("Decode: %v", err)
	}
	rec.Type = "unknown.type"
	if got := decode(t, reg, rec); !reflect.DeepEqual(got.Data, []byte("\x00\x01")) {
		t.Errorf("untyped it is %#v, want its bytes", got.Data)
	}
}

// gobCodec is a codec that is nothing like JSON.
type gobCodec struct{}

func (gobCodec) ContentType() string { return "application/x-gob" }

func (gobCodec) Encode(data any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(data)
	return b.Bytes(), err
}

func (gobCodec) Decode(encoded []byte, into any) error {
	return gob.NewDecoder(bytes.NewReader(encoded)).Decode(into)
}

func TestAnotherCodecWritesAndJSONIsStillRead(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderPlaced]())
	old := encode(t, reg, orderPlaced{"41", 1})
	unnamed := old
	unnamed.ContentType = "" // which means JSON, whatever the registry writes
	reg.UseCodec(gobCodec{})
	rec := encode(t, reg, orderPlaced{"42", 2})
	if rec.ContentType != "application/x-gob" || json.Valid(rec.Data) {
		t.Errorf("got %s %q", rec.ContentType, rec.Data)
	}
	for _, c := range []struct {
		rec  event.Record
		want orderPlaced
	}{{old, orderPlaced{"41", 1}}, {unnamed, orderPlaced{"41", 1}}, {rec, orderPlaced{"42", 2}}} {
		if e := decode(t, reg, c.rec); e.Data != c.want {
			t.Errorf("%q is decoded as %#v, want %#v", c.rec.ContentType, e.Data, c.want)
		}
	}
	e := event.From("order.placed", orderPlaced{"43", 3})
	e.ContentType = "application/json"
	if rec := encode(t, reg, e); !json.Valid(rec.Data) {
		t.Errorf("an event that asks for JSON became %q", rec.Data)
	}
}

func TestDataThatCannotBeWrittenIsRefused(t *testing.T) {
	var reg event.Registry
	_, err := reg.Encode(newEvent(t, event.From("sensor.read", map[string]any{"v": math.NaN()})))
	if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "encode sensor.read: data: json: unsupported value: NaN") {
		t.Errorf("got %v", err)
	}
}

func TestDataThatCannotBeReadIsNamed(t *testing.T) {
	reg := registered(t, reflect.TypeFor[orderPlaced]())
	for text, want := range map[string]string{
		`{"Total":"much"}`:  "decode order.placed version 1 into event_test.orderPlaced: json: cannot unmarshal string into Go struct field orderPlaced.Total of type int64",
		`{`:                 "decode order.placed version 1 into event_test.orderPlaced: unexpected end of JSON input",
		`{"Total":1} extra`: "decode order.placed version 1 into event_test.orderPlaced: invalid character 'e' after top-level value",
	} {
		if _, err := reg.Decode(stored("order.placed", 1, text)); err == nil || err.Error() != want {
			t.Errorf("%s: got\n%v, want\n%s", text, err, want)
		}
	}
}

func TestTwoGoTypesOfOneEventTypeAreRefused(t *testing.T) {
	reg := registered(t, reflect.TypeFor[wallet](), reflect.TypeFor[wallet]())
	err := event.Register[otherWallet](reg)
	want := "type: wallet.opened is claimed by event_test.wallet and by event_test.otherWallet; give one of them another EventType"
	if !errors.Is(err, event.ErrInvalid) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if e := decode(t, reg, stored("wallet.opened", 3, `{}`)); e.Data != (wallet{}) {
		t.Errorf("afterwards it is decoded as %T", e.Data)
	}
	if err := event.Register[int](reg); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("int is registered: %v", err)
	}
}

// renaming lifts wallets from version 1 through 2 to 3.
func renaming(t *testing.T, reg *event.Registry) {
	t.Helper()
	replace := func(old, new string) event.Upcaster {
		return func(data []byte) ([]byte, error) { return bytes.ReplaceAll(data, []byte(old), []byte(new)), nil }
	}
	if err := errors.Join(
		reg.Upcast("wallet.opened", 2, replace(`"Holder"`, `"Owner"`)), reg.Upcast("wallet.opened", 1, replace(`"Name"`, `"Holder"`)),
	); err != nil {
		t.Fatal(err)
	}
}

func TestOldVersionsAreLiftedStepByStep(t *testing.T) {
	reg := registered(t, reflect.TypeFor[wallet]())
	renaming(t, reg)
	for version, text := range []string{0: `{"Name":"ann"}`, 1: `{"Name":"ann"}`, 2: `{"Holder":"ann"}`, 3: `{"Owner":"ann"}`} {
		rec := stored("wallet.opened", version, text)
		e := decode(t, reg, rec)
		if e.Data != (wallet{Owner: "ann"}) || e.Version != 3 {
			t.Errorf("version %d is %#v at version %d, want ann at 3", version, e.Data, e.Version)
		}
		if string(rec.Data) != text {
			t.Errorf("the stored bytes became %s", rec.Data)
		}
	}
}

func TestUntypedDataIsLiftedToo(t *testing.T) {
	var reg event.Registry
	renaming(t, &reg)
	e := decode(t, &reg, stored("wallet.opened", 1, `{"Name":"ann"}`))
	if !reflect.DeepEqual(e.Data, map[string]any{"Owner": "ann"}) || e.Version != 3 {
		t.Errorf("got %#v at version %d", e.Data, e.Version)
	}
	if e := decode(t, &reg, stored("wallet.opened", 7, `{"New":1}`)); e.Version != 7 {
		t.Errorf("a version that nobody lifts became %d", e.Version)
	}
}

func TestVersionsThatDoNotFitAreRefused(t *testing.T) {
	reg := registered(t, reflect.TypeFor[wallet]())
	for version, want := range map[int]string{
		4: "decode wallet.opened: version: is 4, and this program's event_test.wallet knows versions up to 3; deploy the newer program here too",
		2: `decode wallet.opened: version: is 2, and event_test.wallet is version 3; add what lifts it with Registry.Upcast("wallet.opened", 2, …)`,
	} {
		rec := stored("wallet.opened", version, `{}`)
		_, err := reg.Decode(rec)
		_, errAs := event.DecodeAs[wallet](&event.Registry{}, rec)
		for _, err := range []error{err, errAs} {
			if !errors.Is(err, event.ErrInvalid) || err.Error() != want {
				t.Errorf("version %d: got %v, want %s", version, err, want)
			}
		}
	}
}

func TestAFailingUpcasterIsNamed(t *testing.T) {
	reg := registered(t, reflect.TypeFor[wallet]())
	failure := errors.New("no holder")
	if err := reg.Upcast("wallet.opened", 2, func([]byte) ([]byte, error) { return nil, failure }); err != nil {
		t.Fatal(err)
	}
	_, err := reg.Decode(stored("wallet.opened", 2, `{}`))
	if !errors.Is(err, failure) || err.Error() != "upcast wallet.opened from version 2: no holder" {
		t.Errorf("got %v", err)
	}
}

func TestUpcastRefusesByName(t *testing.T) {
	var reg event.Registry
	same := func(data []byte) ([]byte, error) { return data, nil }
	if err := reg.Upcast("a.type", 1, same); err != nil {
		t.Fatal(err)
	}
	for want, err := range map[string]error{
		`type: "a b" has a " " at byte 1`:           reg.Upcast("a b", 1, same),
		"version: is 0; versions start at 1":        reg.Upcast("a.type", 0, same),
		"version: a.type already has an upcaster":   reg.Upcast("a.type", 1, same),
		"upcaster: of a.type from version 2 is nil": reg.Upcast("a.type", 2, nil),
	} {
		if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestDecodeAsNeedsNoRegistration(t *testing.T) {
	var reg event.Registry
	rec := encode(t, &reg, orderPlaced{"42", 100})
	rec.Stream, rec.Revision, rec.Position = "order-42", 2, 9
	e, err := event.DecodeAs[orderPlaced](&reg, rec)
	if err != nil || e.Data != (orderPlaced{"42", 100}) || e.Place != rec.Place || e.ID != rec.ID {
		t.Errorf("got %+v, %v", e, err)
	}
	fields, err := event.DecodeAs[map[string]any](&reg, rec)
	if err != nil || fields.Data["OrderID"] != "42" {
		t.Errorf("as a map it is %v, %v", fields.Data, err)
	}
	untyped, err := event.DecodeAs[any](&reg, rec)
	if err != nil || !reflect.DeepEqual(untyped.Data, any(fields.Data)) {
		t.Errorf("as any it is %v, %v", untyped.Data, err)
	}
	rec.Type, rec.Version = "order.imported", 7 // another type's version says nothing about this one
	if e, err := event.DecodeAs[orderPlaced](&reg, rec); err != nil || e.Data.Total != 100 {
		t.Errorf("of another event type it is %+v, %v", e, err)
	}
	rec.Data = nil
	if none, err := event.DecodeAs[any](&reg, rec); err != nil || none.Data != nil {
		t.Errorf("no data as any is %v, %v", none.Data, err)
	}
}

func TestARegistryMayBeUsedWhileItGrows(t *testing.T) {
	var reg event.Registry
	rec := encode(t, &reg, orderPlaced{"42", 100})
	var working sync.WaitGroup
	for i := range 4 {
		working.Go(func() {
			for step := range 50 {
				if _, err := reg.Decode(rec); err != nil {
					t.Error(err)
				}
				name := fmt.Sprintf("type%d.step", i)
				err := reg.Upcast(name, step+1, func(data []byte) ([]byte, error) { return data, nil })
				if err := errors.Join(err, event.Register[orderPlaced](&reg)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	working.Wait()
	for i := range 4 {
		if e := decode(t, &reg, stored(fmt.Sprintf("type%d.step", i), 1, `{}`)); e.Version != 51 {
			t.Errorf("type %d is lifted to %d, want 51: an upcaster was lost", i, e.Version)
		}
	}
}

func TestIsJSON(t *testing.T) {
	for contentType, want := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=utf-8": true, "APPLICATION/JSON": true, "text/json": true,
		"application/cloudevents+json": true, "application/problem+json;v=1": true, " application/json ": true,
		"text/plain": false, "application/jsonl": false, "json": false, "application/xml": false, "+json/x": false, "application/octet-stream": false,
	} {
		if got := event.IsJSON(contentType); got != want {
			t.Errorf("IsJSON(%q) is %v", contentType, got)
		}
	}
}

func FuzzUntypedJSONIsKept(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `[1e400,"<&>\u2028"]`, `{"a":{"b":[0.10,-0]}}`, `"\ud800"`, `1 2`} {
		f.Add([]byte(seed))
	}
	var reg event.Registry
	f.Fuzz(func(t *testing.T, text []byte) {
		rec := event.Record{Metadata: event.Metadata{Type: "a.type"}, Data: text}
		first, err := reg.Decode(rec)
		if err != nil {
			if json.Valid(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := reg.Encode(first)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		second, err := reg.Decode(again)
		if err != nil || !reflect.DeepEqual(second.Data, first.Data) {
			t.Fatalf("%q is %#v, then %#v, %v", text, first.Data, second.Data, err)
		}
	})
}
