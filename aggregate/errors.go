package aggregate

import (
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// ErrUnknownEvent is what an *UnknownEventError answers to with errors.Is.
var ErrUnknownEvent = errors.New("unknown event type")

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
