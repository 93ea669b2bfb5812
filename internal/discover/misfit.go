package discover

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// MisfitError lists the methods that almost are handlers. It answers to event.ErrInvalid.
type MisfitError struct {
	Of      reflect.Type
	Misfits []Misfit
}

// Misfit is one of them.
type Misfit struct {
	Method    string
	Signature string // its name, parameters and results
	Reason    string // what is in the way and how to mend it
}

func (e *MisfitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "not quite handlers among the methods of %s:", name(e.Of))
	for _, m := range e.Misfits {
		fmt.Fprintf(&b, "\n\t%s: %s", m.Signature, m.Reason)
	}
	return b.String()
}

// Methods returns the names.
func (e *MisfitError) Methods() []string {
	names := make([]string, len(e.Misfits))
	for i, m := range e.Misfits {
		names[i] = m.Method
	}
	return names
}

// Refused returns the error of a room that registers nothing, and says what to do about methods that almost fit: except is the
// room's option that leaves methods alone.
func Refused(err error, except string) error {
	misfits, ok := errors.AsType[*MisfitError](err)
	if !ok {
		return fmt.Errorf("register: %w", err)
	}
	names := strings.Join(misfits.Methods(), `", "`)
	return fmt.Errorf("register: %w\ncorrect them, or name those that are no handlers: %s(\"%s\")", err, except, names)
}

// Is reports that the error is event.ErrInvalid.
func (e *MisfitError) Is(target error) bool { return target == event.ErrInvalid }

func noHandlers(t reflect.Type, shapes string, others []string) error {
	has := "it has no exported methods"
	if len(others) > 0 {
		has = "it has only " + strings.Join(others, ", ")
	}
	return event.Invalid("value", "%s has no handlers, which are exported methods like %s; %s", name(t), shapes, has)
}

// signature returns a method as its declaration has it, without the receiver.
func signature(method string, t reflect.Type) string {
	return method + strings.TrimPrefix(name(t), "func")
}

// folders are the paths before package names that reflection writes in type arguments.
var folders = regexp.MustCompile(`[^\s\[\](),*]+/`)

func name(t reflect.Type) string { return folders.ReplaceAllString(t.String(), "") }
