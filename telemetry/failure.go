package telemetry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Values of error.type. Other errors have the name of their Go type, or what their method ErrorType says.
const (
	conflict  = "conflict"
	tombstone = "tombstone"
	invalid   = "invalid"
	closed    = "closed"
	canceled  = "canceled"
	timeout   = "timeout"
	panicked  = "panic"
)

// failure returns what error.type says of an error, "" for none.
func (t *Telemetry) failure(err error) (name string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil { // errors are other people's code, and no reason to fail
			name = other
		}
	}()
	for _, known := range [...]struct {
		err  error
		name string
	}{
		{store.ErrConflict, conflict},
		{store.ErrTombstone, tombstone},
		{event.ErrInvalid, invalid},
		{store.ErrClosed, closed},
		{context.Canceled, canceled},
		{context.DeadlineExceeded, timeout},
		{errPanicked, panicked},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if _, ok := errors.AsType[*bus.PanicError](err); ok {
		return panicked
	}
	return t.failures.bound(semconv.ErrorType(unwrap(err)).Value.AsString())
}

// unwrap takes off what Oxbow's rooms put around an error, which says where it happened and not what. Of several it is the first.
func unwrap(err error) error {
	for {
		inner := innerOf(err)
		if inner == nil || !ours(err) {
			return err
		}
		err = inner
	}
}

// innerOf returns what err wraps first, or nil.
func innerOf(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if all := joined.Unwrap(); len(all) > 0 {
			return all[0]
		}
	}
	return errors.Unwrap(err)
}

// ours reports whether the error is of a type of Oxbow's, or of those that join and wrap others.
func ours(err error) bool {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "fmt" || t.PkgPath() == "errors" || strings.HasPrefix(t.PkgPath(), module+"/")
}

const module = "github.com/oxbow-events/oxbow"

// maxErrorText is how much of an error's text is recorded, in bytes.
const maxErrorText = 1024

// text returns what spans and lines say of an error.
func (t *Telemetry) text(err error) (text string) {
	defer func() {
		if recover() != nil { // likewise
			text = fmt.Sprintf("%T, whose text panics", err)
		}
	}()
	if t.cfg.ErrorText != nil {
		return clip(t.cfg.ErrorText(err))
	}
	return clip(err.Error())
}

// clip shortens a text at the end of a letter, and makes it UTF-8, which exporters need.
func clip(text string) string {
	if len(text) > maxErrorText {
		end := maxErrorText
		for end > maxErrorText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// exception is how the conventions for exceptions record an error: an event of its span.
func exception(failure, text string) trace.EventOption {
	return trace.WithAttributes(
		semconv.ExceptionTypeKey.String(failure),
		semconv.ExceptionMessageKey.String(text),
	)
}

func failureAttr(failure string) attribute.KeyValue { return semconv.ErrorTypeKey.String(failure) }
