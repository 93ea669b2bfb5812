package cqrs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid, and a conflict to store.ErrConflict.
var (
	ErrNoHandler = errors.New("no handler")  // see NoHandlerError
	ErrForbidden = errors.New("forbidden")   // see ForbiddenError
	ErrKeyUsed   = errors.New("key is used") // see KeyUsedError
)

// NoHandlerError says which command or query nobody handles.
type NoHandlerError struct {
	Kind  middleware.Kind
	Name  string   // its type
	Known []string // the types that have a handler, in order
}

func (e *NoHandlerError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("no handler for the %s %s; none is registered", e.Kind, e.Name)
	}
	known, more := e.Known, ""
	if len(known) > maxKnown {
		known, more = known[:maxKnown], fmt.Sprintf(" and %d more", len(e.Known)-maxKnown)
	}
	return fmt.Sprintf("no handler for the %s %s; there are handlers for %s%s", e.Kind, e.Name, strings.Join(known, ", "), more)
}

const maxKnown = 20 // types that an error message lists

// Is reports that the error is ErrNoHandler.
func (e *NoHandlerError) Is(target error) bool { return target == ErrNoHandler }

// ForbiddenError says which command or query Authorize refused, whose it was, and why.
type ForbiddenError struct {
	Kind middleware.Kind
	Name string // its type
	User string // empty when nobody is known
	Err  error  // what Authorize returned
}

func (e *ForbiddenError) Error() string {
	user := e.User
	if user == "" {
		user = "an unknown user"
	}
	return fmt.Sprintf("%s %s by %s is forbidden: %v", e.Kind, e.Name, user, e.Err)
}

// Is reports that the error is ErrForbidden.
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }

// Unwrap returns why.
func (e *ForbiddenError) Unwrap() error { return e.Err }

// ValidationError is what a command or query has against itself. It answers to event.ErrInvalid.
type ValidationError struct {
	Kind middleware.Kind
	Name string // its type
	Err  error  // what Validate returned
}

func (e *ValidationError) Error() string {
	return fmt.Sprintf("%s %s is not valid: %v", e.Kind, e.Name, e.Err)
}

// Is reports that the error is event.ErrInvalid.
func (e *ValidationError) Is(target error) bool { return target == event.ErrInvalid }

// Unwrap returns why.
func (e *ValidationError) Unwrap() error { return e.Err }

// KeyUsedError says that another command was sent with an idempotency key before: of another type, with other content, or by another
// user.
type KeyUsedError struct {
	Key  string
	Name string    // the type of the command that has the key
	ID   event.ID  // its id
	Time time.Time // when it was sent
}

func (e *KeyUsedError) Error() string {
	return fmt.Sprintf("key %q is that of another command, a %s sent at %s (id %v); give each command a key of its own, and send it "+
		"again only as it was", e.Key, e.Name, e.Time.Format(time.RFC3339), e.ID)
}

// Is reports that the error is ErrKeyUsed.
func (e *KeyUsedError) Is(target error) bool { return target == ErrKeyUsed }

// DoneError says that a command was done, and that something which follows from it failed: that its events were delivered to
// subscriptions, or that it was audited. Sending it again would do it again, unless it has a key.
type DoneError struct {
	Name string   // the type of the command
	ID   event.ID // its id, which is another one's when a handler passes on what became of a command that it sent
	Err  error    // what failed
}

func (e *DoneError) Error() string {
	return fmt.Sprintf("the command %s was done all the same: %v", e.Name, e.Err)
}

// Unwrap returns what failed.
func (e *DoneError) Unwrap() error { return e.Err }

// AuditError says that a command was not audited.
type AuditError struct{ Err error }

func (e *AuditError) Error() string { return "audit: " + e.Err.Error() }

// Unwrap returns what Audit returned.
func (e *AuditError) Unwrap() error { return e.Err }
