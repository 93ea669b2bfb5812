package schedule

import (
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/internal/backoff"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid.
var (
	ErrNotFound = errors.New("there is no such schedule") // it has fired for the last time, was cancelled, or never was
	ErrExists   = errors.New("there is another schedule of that name")
)

// ExistsError says what a name already stands for. It answers errors.Is(err, ErrExists).
type ExistsError struct {
	Name  string
	Have  string // when the schedule that there is is due: every 5m0s
	Want  string // when the one that was refused is
	Event bool   // the events differ, or what becomes of misfires does
	Err   error  // why what is there cannot be read; nil when it can
}

func (e *ExistsError) Error() string {
	const remedy = "give the new one another name, replace the old one with schedule.Replace(), or cancel it"
	switch {
	case e.Err != nil:
		return fmt.Sprintf("%v: %v; %s", ErrExists, e.Err, remedy)
	case e.Event && e.Have == e.Want:
		return fmt.Sprintf("%v, with another event or misfire policy; %s", ErrExists, remedy)
	}
	return fmt.Sprintf("%v: it is due %s, and the new one %s; %s", ErrExists, e.Have, e.Want, remedy)
}

// Is reports that the error is ErrExists.
func (e *ExistsError) Is(target error) bool { return target == ErrExists }

// Unwrap returns why the schedule that there is cannot be read.
func (e *ExistsError) Unwrap() error { return e.Err }

// pause returns how long to wait after so many conflicts in a row.
func pause(attempt int) time.Duration {
	return backoff.Full(attempt, time.Millisecond, 100*time.Millisecond)
}
