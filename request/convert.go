package request

import (
	"cmp"
	"fmt"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
)

// reader returns what makes a request's data a Q: they are one already, or the registry's codec converts them.
func reader[Q any](c *Carrier) func(*event.Event[any]) (any, error) {
	wanted := typeOf(reflect.TypeFor[Q]())
	return func(q *event.Event[any]) (any, error) {
		if _, ok := q.Data.(Q); ok {
			return q.Data, nil
		}
		mismatch := &MismatchError{What: "the request", Got: named(q.Type, q.ContentType, q.Data), Want: wantedName[Q]()}
		if q.Type != wanted.Type && !c.cfg.Registry.Moved(q.Type) {
			return nil, mismatch
		}
		data, err := decode[Q](c, *q)
		if err != nil {
			mismatch.Err = err
			return nil, mismatch
		}
		return data, nil
	}
}

// decode converts data by way of their bytes.
func decode[T any](c *Carrier, e event.Event[any]) (T, error) {
	rec, err := c.cfg.Registry.Encode(e)
	if err != nil {
		var none T
		return none, err
	}
	typed, err := event.DecodeAs[T](c.cfg.Registry, rec)
	return typed.Data, err
}

// readUntyped decodes a request's data when they came from another process.
func (c *Carrier) readUntyped(q *event.Event[any]) (any, error) {
	if !foreign(q.ContentType, q.Data) {
		return q.Data, nil
	}
	data, err := decode[any](c, *q)
	if err != nil {
		return nil, &MismatchError{What: "the request", Got: named(q.Type, q.ContentType, q.Data), Want: "anything readable", Err: err}
	}
	return data, nil
}

// foreign reports whether data came from another process, as bytes.
func foreign(contentType string, data any) bool {
	if contentType == "" {
		return false
	}
	kind := reflect.TypeOf(data)
	return kind != nil && kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Uint8
}

// read returns the data of an answer as an R: they are one already, or the registry's codec converts them.
func read[R any](c *Carrier, a *Answer) (R, error) {
	if data, ok := a.Data.(R); ok && !(wantsAny[R]() && foreign(a.ContentType, a.Data)) {
		return data, nil
	}
	var none R
	if a.Data == nil {
		return none, nil
	}
	got, want := answerType(a), typeOf(reflect.TypeFor[R]())
	mismatch := &MismatchError{What: "the answer of " + a.Responder, Got: named(got.Type, a.ContentType, a.Data), Want: wantedName[R]()}
	if got.Type != "" && want.Type != "" && got.Type != want.Type && !c.cfg.Registry.Moved(got.Type) {
		return none, mismatch
	}
	if got.Type == "" { // untyped data are taken for what is wanted
		got = event.Descriptor{Type: cmp.Or(want.Type, "answer"), Version: want.Version}
	}
	m := event.Metadata{Type: got.Type, Version: got.Version, ContentType: a.ContentType}
	data, err := decode[R](c, event.Event[any]{Metadata: m, Data: a.Data})
	if err != nil {
		mismatch.Err = err
		return none, mismatch
	}
	return data, nil
}

func wantsAny[R any]() bool { return reflect.TypeFor[R]().Kind() == reflect.Interface }

// answerType returns what is known about the type of an answer's data.
func answerType(a *Answer) event.Descriptor {
	if a.Type != "" || foreign(a.ContentType, a.Data) {
		return event.Descriptor{Type: a.Type, Version: a.Version}
	}
	return typeOf(reflect.TypeOf(a.Data))
}

// typeOf returns the event type that a Go type, or what it points to, would have; none for maps, texts and the like.
func typeOf(t reflect.Type) event.Descriptor {
	if t == nil {
		return event.Descriptor{}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	d, err := event.Describe(t)
	if err != nil {
		return event.Descriptor{}
	}
	return d
}

// named returns what to call data in an error: price (shop.Price), price (application/json), []string.
func named(eventType, contentType string, data any) string {
	is := fmt.Sprintf("%T", data)
	if foreign(contentType, data) {
		is = contentType
	}
	if eventType == "" {
		return is
	}
	return fmt.Sprintf("%s (%s)", eventType, is)
}

// wantedName returns what to call a wanted type in an error.
func wantedName[T any]() string {
	t := reflect.TypeFor[T]()
	if d := typeOf(t); d.Type != "" {
		return fmt.Sprintf("%s (%v)", d.Type, t)
	}
	return t.String()
}
