package event

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry knows which Go type belongs to which event type, how their bytes are written, and how old versions are lifted.
// The zero Registry writes JSON. Its methods may be called at the same time; encoding and decoding take no lock.
type Registry struct {
	changing sync.Mutex
	known    atomic.Pointer[knowledge] // never changed, only replaced; nil at first
}

type knowledge struct {
	types  map[string]reflect.Type
	lifts  map[Schema]lift
	ends   func() *ends     // where the lifts lead
	codecs map[string]Codec // by media type
	codec  Codec            // for what the program writes
}

// atFirst is what a zero Registry knows.
var atFirst = (&knowledge{codec: JSON{}}).derive()

func (r *Registry) know() *knowledge {
	if k := r.known.Load(); k != nil {
		return k
	}
	return atFirst
}

// change puts a changed copy of what is known in its place, unless edit fails.
func (r *Registry) change(edit func(k *knowledge) error) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	old := r.know()
	k := (&knowledge{
		types: map[string]reflect.Type{}, lifts: map[Schema]lift{}, codecs: map[string]Codec{}, codec: old.codec,
	}).derive()
	maps.Copy(k.types, old.types)
	maps.Copy(k.lifts, old.lifts)
	maps.Copy(k.codecs, old.codecs)
	if err := edit(k); err != nil {
		return err
	}
	r.known.Store(k)
	return nil
}

// Register says that the event type of T is decoded into T. Subscribing does it too. Two Go types with one event type are
// refused.
func Register[T any](r *Registry) error { return r.RegisterType(reflect.TypeFor[T]()) }

// RegisterType is Register for a type known only at run time.
func (r *Registry) RegisterType(t reflect.Type) error {
	d, err := Describe(t)
	if err != nil {
		return err
	}
	if r.know().types[d.Type] == t {
		return nil
	}
	return r.change(func(k *knowledge) error {
		if other, ok := k.types[d.Type]; ok && other != t {
			return Invalid("type", "%s is claimed by %v and by %v; give one of them another EventType", d.Type, other, t)
		}
		if step, ok := k.lifts[Schema{d.Type, d.Version}]; ok {
			return leadsAway(Schema{d.Type, d.Version}, t.String(), step.to)
		}
		k.types[d.Type] = t
		return nil
	})
}

// Types returns the registered Go types by their event types.
func (r *Registry) Types() map[string]reflect.Type { return maps.Clone(r.know().types) }

// UseCodec makes c the codec for what is written from now on, and for reading its content type.
func (r *Registry) UseCodec(c Codec) {
	_ = r.change(func(k *knowledge) error { // nothing in it fails
		k.codecs[mediaType(c.ContentType())] = c
		k.codec = c
		return nil
	})
}

// Encode returns the event as a record. Data that is json.RawMessage or []byte is taken as it is; other data is written by the
// codec of the event's content type, or by the registry's when the event names none.
func (r *Registry) Encode(e Event[any]) (Record, error) {
	rec := Record{Metadata: e.Metadata, Place: e.Place}
	switch data := e.Data.(type) {
	case nil:
	case json.RawMessage:
		if !json.Valid(data) {
			return Record{}, Invalid("data", "of %s is not JSON", e.Type)
		}
		rec.Data, rec.ContentType = data, cmp.Or(e.ContentType, contentJSON)
	case []byte:
		rec.Data, rec.ContentType = data, cmp.Or(e.ContentType, "application/octet-stream")
	default:
		codec, err := r.know().writer(e.ContentType)
		if err != nil {
			return Record{}, fmt.Errorf("encode %s: %w", e.Type, err)
		}
		if rec.Data, err = codec.Encode(data); err != nil {
			return Record{}, fmt.Errorf("encode %s: %w", e.Type, &InvalidError{Field: "data", Reason: err.Error()})
		}
		rec.ContentType = cmp.Or(e.ContentType, codec.ContentType())
	}
	return rec, nil
}

// Decode returns the record as an event: lifted to the newest schema, in its registered Go type, or untyped (JSON becomes maps,
// slices and json.Number; a content type without a codec stays []byte). Its Type and Version are those it was lifted to.
func (r *Registry) Decode(rec Record) (Event[any], error) {
	return r.decode(&rec, func(k *knowledge, name string) reflect.Type {
		if t := k.types[name]; t != nil {
			return t
		}
		return reflect.TypeFor[any]()
	})
}

// DecodeAs returns the record as an event of T, whether T is registered or not. The record's type is not compared, unless it was
// lifted into another one: that must be T's.
func DecodeAs[T any](r *Registry, rec Record) (Event[T], error) {
	p, err := r.prepare(&rec, func(*knowledge, string) reflect.Type { return reflect.TypeFor[T]() })
	if err != nil {
		return Event[T]{}, err
	}
	data := new(T) // absent data is T's zero value
	if err := p.into(data); err != nil {
		return Event[T]{}, err
	}
	e := Event[T]{Metadata: rec.Metadata, Place: rec.Place, Data: *data}
	e.Type, e.Version = p.schema.Type, p.schema.Version
	return e, nil
}

// prepared is a record's data on the way into a Go type.
type prepared struct {
	from   Schema // as it is stored; not the record itself, which each decoding would then put on the heap
	schema Schema // that it was lifted to
	data   []byte
	codec  Codec // nil when there is none for the content type, and the Go type takes bytes
	goType reflect.Type
}

// prepare lifts the record for the Go type that choose returns for the type it was lifted to.
func (r *Registry) prepare(rec *Record, choose func(k *knowledge, name string) reflect.Type) (p prepared, err error) {
	known := r.know()
	p.from = Schema{rec.Type, rec.SchemaVersion()}
	if p.schema, p.data, err = known.lift(rec); err != nil {
		return prepared{}, err
	}
	p.goType = choose(known, p.schema.Type)
	if err := checkSchema(rec, p.schema, p.goType); err != nil {
		return prepared{}, err
	}
	if p.data == nil {
		return p, nil
	}
	if p.codec, err = known.reader(rec.ContentType); err != nil && !p.untyped() {
		return prepared{}, fmt.Errorf("decode %s: %w", p.schema.Type, err)
	}
	return p, nil
}

func (p *prepared) untyped() bool { return p.goType.Kind() == reflect.Interface }

// into decodes the data into what a pointer to the Go type points to.
func (p *prepared) into(data any) error {
	switch {
	case p.data == nil:
		return nil
	case p.codec == nil:
		reflect.ValueOf(data).Elem().Set(reflect.ValueOf(p.data))
		return nil
	}
	if err := p.codec.Decode(p.data, data); err != nil {
		return fmt.Errorf("decode %s version %d%s into %v: %w", p.schema.Type, p.schema.Version, storedAs(p.from, p.schema), p.goType, err)
	}
	return nil
}

// decode decodes the record into the Go type that choose returns for the type it was lifted to.
func (r *Registry) decode(rec *Record, choose func(k *knowledge, name string) reflect.Type) (Event[any], error) {
	p, err := r.prepare(rec, choose)
	if err != nil {
		return Event[any]{}, err
	}
	into := reflect.New(p.goType)
	if err := p.into(into.Interface()); err != nil {
		return Event[any]{}, err
	}
	e := Event[any]{Metadata: rec.Metadata, Place: rec.Place, Data: into.Elem().Interface()}
	e.Type, e.Version = p.schema.Type, p.schema.Version
	return e, nil
}

// storedAs tells what a record is stored as when it was lifted into another type.
func storedAs(from, lifted Schema) string {
	if from.Type == lifted.Type {
		return ""
	}
	return fmt.Sprintf(", stored as %s version %d,", from.Type, from.Version)
}

// checkSchema refuses data of another schema than t's: what a newer program wrote, what could not be lifted, and what was lifted
// into another type.
func checkSchema(rec *Record, lifted Schema, t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return nil
	}
	d, err := Describe(t)
	switch {
	case err != nil: // a type that does not describe itself has nothing to compare
		return nil
	case d.Type != lifted.Type && rec.Type == lifted.Type:
		return nil
	case d.Type != lifted.Type:
		return fmt.Errorf("decode %s: %w", rec.Type, Invalid("type", "is lifted to %s, and %v is %s", lifted, t, d.Type))
	case lifted.Version == d.Version:
		return nil
	case lifted.Version > d.Version:
		return fmt.Errorf("decode %s: %w", lifted.Type, Invalid("version",
			"is %d, and this program's %v knows versions up to %d; deploy the newer program here too", lifted.Version, t, d.Version))
	}
	return fmt.Errorf("decode %s: %w", lifted.Type, Invalid("version", "is %d, and %v is version %d; add what lifts it with Registry.Upcast(%q, %d, …)",
		lifted.Version, t, d.Version, lifted.Type, lifted.Version))
}

// versionOf returns the version of a registered Go type.
func versionOf(t reflect.Type) int { return descriptionOf(t).Version }

// writer returns the codec for new data: the registry's own, unless the event asks for another content type.
func (k *knowledge) writer(contentType string) (Codec, error) {
	if contentType == "" {
		return k.codec, nil
	}
	return k.reader(contentType)
}

func (k *knowledge) reader(contentType string) (Codec, error) {
	if c, ok := k.codecs[mediaType(contentType)]; ok {
		return c, nil
	}
	if IsJSON(contentType) {
		return JSON{}, nil
	}
	return nil, Invalid("content type", "%q has no codec; add one with Registry.UseCodec", contentType)
}

// IsJSON reports whether the content type is JSON, as CloudEvents understand it: */json, any +json type, or none.
func IsJSON(contentType string) bool {
	media := mediaType(contentType)
	return strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}

// mediaType returns the content type without its parameters, in lower case. No content type is JSON.
func mediaType(contentType string) string {
	if contentType == "" || contentType == contentJSON {
		return contentJSON
	}
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}
