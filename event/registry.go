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
	types     map[string]reflect.Type
	upcasters map[versioned]Upcaster
	codecs    map[string]Codec // by media type
	codec     Codec            // for what the program writes
}

type versioned struct {
	name    string
	version int
}

// Upcaster turns the bytes of one version of a type into those of the next version. It must not change the bytes it is given.
type Upcaster func(data []byte) ([]byte, error)

// atFirst is what a zero Registry knows.
var atFirst = &knowledge{codec: JSON{}}

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
	k := &knowledge{
		types: map[string]reflect.Type{}, upcasters: map[versioned]Upcaster{}, codecs: map[string]Codec{}, codec: old.codec,
	}
	maps.Copy(k.types, old.types)
	maps.Copy(k.upcasters, old.upcasters)
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
		k.types[d.Type] = t
		return nil
	})
}

// Upcast adds the step that lifts data of version from of the event type to version from+1.
func (r *Registry) Upcast(eventType string, from int, up Upcaster) error {
	if err := CheckType("type", eventType); err != nil {
		return err
	}
	if from < 1 {
		return Invalid("version", "is %d; versions start at 1", from)
	}
	if up == nil {
		return Invalid("upcaster", "of %s from version %d is nil", eventType, from)
	}
	return r.change(func(k *knowledge) error {
		key := versioned{eventType, from}
		if k.upcasters[key] != nil {
			return Invalid("version", "%s already has an upcaster from %d", eventType, from)
		}
		k.upcasters[key] = up
		return nil
	})
}

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

// Decode returns the record as an event: lifted to the newest version, in its registered Go type, or untyped (JSON becomes maps,
// slices and json.Number; a content type without a codec stays []byte).
func (r *Registry) Decode(rec Record) (Event[any], error) {
	if t := r.know().types[rec.Type]; t != nil {
		return r.decode(rec, t)
	}
	return r.decode(rec, reflect.TypeFor[any]())
}

// DecodeAs returns the record as an event of T, whether T is registered or not. The record's type is not compared.
func DecodeAs[T any](r *Registry, rec Record) (Event[T], error) {
	e, err := r.decode(rec, reflect.TypeFor[T]())
	if err != nil {
		return Event[T]{}, err
	}
	data, _ := e.Data.(T) // absent data is T's zero value
	return Event[T]{Metadata: e.Metadata, Place: e.Place, Data: data}, nil
}

func (r *Registry) decode(rec Record, t reflect.Type) (Event[any], error) {
	known := r.know()
	e := Event[any]{Metadata: rec.Metadata, Place: rec.Place}
	lifted, version, err := known.lift(rec)
	if err != nil {
		return Event[any]{}, err
	}
	if err := checkVersion(&rec, version, t); err != nil {
		return Event[any]{}, err
	}
	untyped := t.Kind() == reflect.Interface
	e.Version = version
	if lifted == nil {
		if !untyped {
			e.Data = reflect.Zero(t).Interface()
		}
		return e, nil
	}
	codec, err := known.reader(rec.ContentType)
	if err != nil && untyped {
		e.Data = lifted
		return e, nil
	}
	if err != nil {
		return Event[any]{}, fmt.Errorf("decode %s: %w", rec.Type, err)
	}
	into := reflect.New(t)
	if err := codec.Decode(lifted, into.Interface()); err != nil {
		return Event[any]{}, fmt.Errorf("decode %s version %d into %v: %w", rec.Type, version, t, err)
	}
	e.Data = into.Elem().Interface()
	return e, nil
}

// lift applies upcasters until there is none for the version reached.
func (k *knowledge) lift(rec Record) (data []byte, version int, err error) {
	data, version = rec.Data, rec.SchemaVersion()
	for {
		up := k.upcasters[versioned{rec.Type, version}]
		if up == nil {
			return data, version, nil
		}
		if data, err = up(data); err != nil {
			return nil, 0, fmt.Errorf("upcast %s from version %d: %w", rec.Type, version, err)
		}
		version++
	}
}

// checkVersion refuses data of another version than t's: what a newer program wrote, and what could not be lifted.
func checkVersion(rec *Record, version int, t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return nil
	}
	d, err := Describe(t)
	if err != nil || d.Type != rec.Type || version == d.Version {
		return nil // a type that does not describe itself has no version to compare
	}
	if version > d.Version {
		return fmt.Errorf("decode %s: %w", rec.Type, Invalid("version",
			"is %d, and this program's %v knows versions up to %d; deploy the newer program here too", version, t, d.Version))
	}
	return fmt.Errorf("decode %s: %w", rec.Type, Invalid("version",
		"is %d, and %v is version %d; add what lifts it with Registry.Upcast(%q, %d, …)", version, t, d.Version, rec.Type, version))
}

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
