package event

import (
	"fmt"
	"reflect"
)

// Validate refuses data that are [Validated] and return an error, with an [*InvalidError] for the field "data" that wraps theirs.
// All other data, nil too, are fine. A Validate whose receiver is a pointer is called on a copy of data that are a value.
func Validate(data any) error {
	if data == nil {
		return nil
	}
	t := reflect.TypeOf(data)
	switch descriptionOf(t).validity {
	case unasked:
		return nil
	case byPointer:
		data = pointerTo(data)
	}
	if v := reflect.ValueOf(data); v.Kind() == reflect.Pointer && v.IsNil() {
		return Invalid("data", "is a nil %v", t)
	}
	err := data.(Validated).Validate()
	if err == nil {
		return nil
	}
	return &InvalidError{Field: "data", Reason: fmt.Sprintf("%v is not valid: %v", t, err), Err: err}
}

// validity says how a Go type is asked whether it is valid.
type validity int

const (
	unasked   validity = iota
	byValue            // the type has a method Validate
	byPointer          // a pointer to it has
)

func validityOf(t reflect.Type) validity {
	asked := reflect.TypeFor[Validated]()
	switch {
	case t.Implements(asked):
		return byValue
	case reflect.PointerTo(t).Implements(asked):
		return byPointer
	}
	return unasked
}
