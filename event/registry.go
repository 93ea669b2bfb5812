package event

import (
	"encoding/json"
	"fmt"
	"mime"
	"reflect"
	"strings"
	"sync"
)

// Registry knows which Go type belongs to which event type, how their bytes are written, and how old versions are lifted.
// The zero Registry writes JSON. Its methods may be called at the same time.
type Registry struct {
	mu        sync.RWMutex
	types     map[string]reflect.Type
	upcasters map[versioned]Upcaster
	codecs    map[string]Codec // by media type
	codec     Codec            // for what the program writes; nil means JSON
}

type versioned struct {
	name    string
	version int
}

// Upcaster turns the bytes of one version of a type into those of the next version.
type Upcaster func(data []byte) ([]byte, error)

// Register says that the event type of T is decoded into T. Subscribing does it too. Two Go types with one event type are
// refused.
func Register[T any](r *Registry) error { return r.RegisterType(reflect.TypeFor[T]()) }

// RegisterType is Register for a type known only at run time.
func (r *Registry) RegisterType(t reflect.Type) error {
	d, err := Describe(t)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, ok := r.types[d.Type]; ok && other != t {
		return Invalid("type", "%s is claimed by %v and by %v; give one of them another EventType", d.Type, other, t)
	}
	if r.types == nil {
		r.types = map[string]reflect.Type{}
	}
	r.types[d.Type] = t
	return nil
}

// Upcast adds the step that lifts data of version from of the event type to version from+1.
func (r *Registry) Upcast(eventType string, from int, up Upcaster) error {
	if err := CheckType("type", eventType); err != nil {
		return err
	}
	if from < 1 {
		return Invalid("version", "is %d; versions start at 1", from)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := versioned{eventType, from}
	if r.upcasters[key] != nil {
		return Invalid("version", "%s already has an upcaster from %d", eventType, from)
	}
	if r.upcasters == nil {
		r.upcasters = map[versioned]Upcaster{}
	}
	r.upcasters[key] = up
	return nil
}

// UseCodec makes c the codec for what is written from now on, and for reading its content type.
func (r *Registry) UseCodec(c Codec) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.codecs == nil {
		r.codecs = map[string]Codec{}
	}
	r.codecs[mediaType(c.ContentType())] = c
	r.codec = c
}

// Encode returns the event as a record. Data that is json.RawMessage, or []byte with a content type, is taken as it is.
func (r *Registry) Encode(e Event[any]) (Record, error) {
	rec := Record{Metadata: e.Metadata, Place: e.Place}
	switch data := e.Data.(type) {
	case nil:
		return rec, nil
	case json.RawMessage:
		if !json.Valid(data) {
			return Record{}, Invalid("data", "of %s is not JSON", e.Type)
		}
		rec.Data = data
	case []byte:
		rec.Data = data
		if rec.ContentType == "" {
			rec.ContentType = "application/octet-stream"
		}
		return rec, nil
	default:
		codec, err := r.codecFor(e.ContentType)
		if err != nil {
			return Record{}, fmt.Errorf("encode %s: %w", e.Type, err)
		}
		encoded, err := codec.Encode(data)
		if err != nil {
			return Record{}, fmt.Errorf("encode %s: %w", e.Type, &InvalidError{Field: "data", Reason: err.Error()})
		}
		rec.Data, rec.ContentType = encoded, codec.ContentType()
	}
	if rec.ContentType == "" {
		rec.ContentType = contentJSON
	}
	return rec, nil
}

// Decode returns the record as an event: lifted to the newest version, in its registered Go type, or untyped (JSON becomes maps,
// slices and json.Number; a content type without a codec stays []byte).
func (r *Registry) Decode(rec Record) (Event[any], error) {
	r.mu.RLock()
	t := r.types[rec.Type]
	r.mu.RUnlock()
	into := reflect.TypeFor[any]()
	if t != nil {
		into = t
	}
	return r.decode(rec, into)
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
	e := Event[any]{Metadata: rec.Metadata, Place: rec.Place}
	if err := checkReadable(&rec, t); err != nil {
		return Event[any]{}, err
	}
	lifted, version, err := r.lift(rec)
	if err != nil {
		return Event[any]{}, err
	}
	e.Version = version
	if lifted == nil {
		if t.Kind() != reflect.Interface {
			e.Data = reflect.Zero(t).Interface()
		}
		return e, nil
	}
	codec, err := r.codecFor(rec.ContentType)
	if err != nil && t.Kind() == reflect.Interface {
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

// checkReadable refuses data that a newer program wrote.
func checkReadable(rec *Record, t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return nil
	}
	d, err := Describe(t)
	if err != nil || d.Type != rec.Type || rec.SchemaVersion() <= d.Version {
		return nil // a type that does not describe itself has no version to compare
	}
	return fmt.Errorf("decode %s: %w", rec.Type, Invalid("version",
		"is %d, and this program's %v knows versions up to %d; deploy the newer program here too", rec.Version, t, d.Version))
}

// lift applies upcasters until there is none for the version reached.
func (r *Registry) lift(rec Record) (data []byte, version int, err error) {
	data, version = rec.Data, rec.SchemaVersion()
	for {
		r.mu.RLock()
		up := r.upcasters[versioned{rec.Type, version}]
		r.mu.RUnlock()
		if up == nil {
			return data, version, nil
		}
		if data, err = up(data); err != nil {
			return nil, 0, fmt.Errorf("upcast %s from version %d: %w", rec.Type, version, err)
		}
		version++
	}
}

func (r *Registry) codecFor(contentType string) (Codec, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if contentType == "" && r.codec != nil {
		return r.codec, nil
	}
	media := mediaType(contentType)
	if c, ok := r.codecs[media]; ok {
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
	return media == "" || strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json")
}

func mediaType(contentType string) string {
	if media, _, err := mime.ParseMediaType(contentType); err == nil {
		return media
	}
	return strings.ToLower(strings.TrimSpace(contentType))
}
