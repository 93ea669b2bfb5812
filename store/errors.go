package store

import (
	"errors"
	"fmt"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid.
var (
	ErrConflict  = errors.New("conflict")             // a condition did not hold; nothing was written
	ErrTombstone = errors.New("stream is tombstoned") // the stream was deleted for good; nothing was written, nor ever can be
	ErrClosed    = errors.New("store is closed")      // the store was closed before or during the call
	ErrInUse     = errors.New("store is in use")      // another process holds it
	ErrDamaged   = errors.New("store is damaged")     // bytes are not what was written
	ErrFailed    = errors.New("store has stopped")    // a write failed in a way that leaves its outcome unknown; reopen it
)

// ConflictError says which condition failed: what was expected, and what was found.
type ConflictError struct {
	Stream      string   // the stream, when the condition was about one
	Bucket, Key string   // the item, when the condition was about one
	ID          string   // the event id that is already stored, when that is the conflict; Stream is where it was sent to
	Want, Got   string   // for people
	GotRevision uint64   // what the stream or item has now
	GotPosition Position // of the record that should not be there
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("conflict: %s: expected %s, found %s", e.about(), e.Want, e.Got)
}

func (e *ConflictError) about() string {
	switch {
	case e.ID != "":
		return fmt.Sprintf("event %q", e.ID)
	case e.Stream != "":
		return fmt.Sprintf("stream %q", e.Stream)
	case e.Bucket != "":
		return fmt.Sprintf("item %q in %q", e.Key, e.Bucket)
	default:
		return "query"
	}
}

// Is reports that the error is ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// DuplicateError returns the conflict for an event whose id is already stored, where the commit is not the one that stored it.
func DuplicateError(id fmt.Stringer, wantStream, foundStream string, found Position) error {
	return &ConflictError{
		ID: id.String(), Stream: wantStream, GotPosition: found,
		Want: "a new id or its whole commit again",
		Got:  fmt.Sprintf("that id in stream %q at position %d", foundStream, found),
	}
}

// TombstoneError says to which stream nothing can be appended. It is no conflict: trying again does not help.
type TombstoneError struct{ Stream string }

func (e *TombstoneError) Error() string {
	return fmt.Sprintf("stream %q was deleted for good, and takes neither events nor metadata; use another name", e.Stream)
}

// Is reports that the error is ErrTombstone.
func (e *TombstoneError) Is(target error) bool { return target == ErrTombstone }
