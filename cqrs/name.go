package cqrs

import (
	"reflect"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// CommandTyped is a command that names its type itself; by default [event.TypeName] makes it of the Go name. The method is called
// once, on the zero value.
type CommandTyped interface{ CommandType() string }

// QueryTyped is a query that names its type itself, as CommandTyped does.
type QueryTyped interface{ QueryType() string }

// Keyed is a command that brings its idempotency key; "" means none.
type Keyed interface{ IdempotencyKey() string }

// typeName returns what the commands or queries of a Go type are called.
func typeName(kind middleware.Kind, t reflect.Type) (string, error) {
	if t.Kind() == reflect.Pointer {
		return "", event.Invalid("type", "%v is a pointer; a %s is a value: name %v", t, kind, t.Elem())
	}
	if t.Kind() == reflect.Interface {
		return "", event.Invalid("type", "%v is an interface; a %s is of a concrete type", t, kind)
	}
	name, method := saidName(kind, reflect.New(t).Interface())
	if method == "" {
		if t.Name() == "" || t.PkgPath() == "" || strings.Contains(t.Name(), "[") {
			return "", event.Invalid("type", "%v has no name to make a %s type of; use a named struct, or give it a method %s() string",
				t, kind, methodNames[kind])
		}
		name = event.TypeName(t.Name())
	}
	return name, event.CheckType(string(kind)+" type", name)
}

var methodNames = map[middleware.Kind]string{middleware.Command: "CommandType", middleware.Query: "QueryType"}

// saidName returns what the type says itself, and the method by which it does.
func saidName(kind middleware.Kind, zero any) (name, method string) {
	if typed, ok := zero.(CommandTyped); ok && kind == middleware.Command {
		return typed.CommandType(), methodNames[kind]
	}
	if typed, ok := zero.(QueryTyped); ok && kind == middleware.Query {
		return typed.QueryType(), methodNames[kind]
	}
	return "", ""
}

// methods tells which of the optional methods a Go type has, and with which receiver.
type methods struct{ validates, keyed, viaPointer bool }

func methodsOf(t reflect.Type) (m methods) {
	for _, asked := range []struct {
		of  reflect.Type
		has *bool
	}{{reflect.TypeFor[event.Validated](), &m.validates}, {reflect.TypeFor[Keyed](), &m.keyed}} {
		*asked.has = reflect.PointerTo(t).Implements(asked.of)
		m.viaPointer = m.viaPointer || *asked.has && !t.Implements(asked.of)
	}
	return m
}

// asked returns what to call the optional methods on.
func (m methods) asked(data any) any {
	if !m.viaPointer {
		return data
	}
	v := reflect.New(reflect.TypeOf(data))
	v.Elem().Set(reflect.ValueOf(data))
	return v.Interface()
}
