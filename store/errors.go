package store

import (
	"errors"
	"fmt"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid.
var (
	ErrConflict = errors.New("conflict")          // a condition did not hold; nothing was written
	ErrClosed   = errors.New("store is closed")   // the store was closed before or during the call
	ErrInUse    = errors.New("store is in use")   // another process holds it
	ErrDamaged  = errors.New("store is damaged")  // bytes are not what was written
	ErrFailed   = errors.New("store has stopped") // a write failed in a way that leaves its outcome unknown; reopen it
)

// ConflictError says which condition failed: what was expected, and what was found.
type ConflictError struct {
	Stream      string   // the stream, when the condition was about one
	Bucket, Key string   // the item, when the condition was about one
	ID          string   // the event id that is already stored elsewhere, when that is the conflict
	Want, Got   string   // for people
	GotRevision uint64   // what the stream or item has now
	GotPosition Position // the record that should not be there
}

func (e *ConflictError) Error() string {
	about := ""
	switch {
	case e.ID != "":
		about = fmt.Sprintf("event %s", e.ID)
	case e.Stream != "":
		about = fmt.Sprintf("stream %q", e.Stream)
	case e.Bucket != "":
		about = fmt.Sprintf("item %q in %q", e.Key, e.Bucket)
	default:
		about = "the query"
	}
	return fmt.Sprintf("conflict: expected %s: %s; found: %s", about, e.Want, e.Got)
}

// Is reports that the error is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// DuplicateError returns the conflict for an event whose id is already stored at another place than it was sent to.
func DuplicateError(id fmt.Stringer, wantStream, foundStream string, found Position) error {
	return &ConflictError{
		ID: id.String(), Stream: wantStream, GotPosition: found,
		Want: fmt.Sprintf("new, or all of the commit already stored together in %q", wantStream),
		Got:  fmt.Sprintf("stored in %q at position %d", foundStream, found),
	}
}
