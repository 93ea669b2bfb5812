package aggregate

import (
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// What a caller branches on with errors.Is.
var (
	ErrUnknownEvent = errors.New("unknown event type") // see UnknownEventError
	ErrGone         = errors.New("events are gone")    // see GoneError
)

// UnknownEventError says which event is of a type that the aggregate does not know.
type UnknownEventError struct {
	Stream   string
	Type     string
	Revision uint64         // 0: the event was decided just now, and nothing was written
	Position store.Position // 0 likewise
}

func (e *UnknownEventError) Error() string {
	if e.Revision == 0 {
		return fmt.Sprintf("%s: decided an event of type %s, which is not among the decider's Events; add its Go type there", e.Stream, e.Type)
	}
	return fmt.Sprintf("%s: the event at revision %d is of type %s, which the aggregate does not know; add its Go type to the "+
		"decider's Events, or its name to Config.Ignore", e.Stream, e.Revision, e.Type)
}

// Is reports that the error is ErrUnknownEvent.
func (e *UnknownEventError) Is(target error) bool { return target == ErrUnknownEvent }

// GoneError says which events are gone by the stream's metadata, so that the state cannot be made of what is left. A stream that was
// deleted has no such state: it begins anew.
type GoneError struct {
	Stream      string
	First, Last uint64 // revisions
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s: the events from revision %d to %d are gone, and no snapshot stands for them; take snapshots before the "+
		"stream's metadata let events go, or begin anew with store.DeleteStream", e.Stream, e.First, e.Last)
}

// Is reports that the error is ErrGone.
func (e *GoneError) Is(target error) bool { return target == ErrGone }
