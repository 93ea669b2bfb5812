package consumer

import (
	"fmt"

	"github.com/oxbow-events/oxbow/event"
)

// HaltError ends Run when a record could not be handled and the consumer may neither park nor skip it.
type HaltError struct {
	Consumer string // who halted: "consumer billing", "projection repos"
	Record   event.Record
	Attempts int
	Err      error // what the last attempt returned
}

func (e *HaltError) Error() string {
	return fmt.Sprintf("%s: halted at position %d (%s in %q, revision %d) after %s: %v",
		e.Consumer, e.Record.Position, e.Record.Type, e.Record.Stream, e.Record.Revision, attempts(e.Attempts), e.Err)
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// Unwrap returns what the last attempt returned.
func (e *HaltError) Unwrap() error { return e.Err }

// LimitError ends Run when a record is to be parked and there are as many dead letters as there may be. The record is not lost: it is
// tried again by the next Run.
type LimitError struct {
	Consumer string // who halted: "consumer billing"
	Limit    int    // Config.DeadLetters
	Letters  uint64 // that there are
	Record   event.Record
	Err      error // what the last attempt returned; nil when the record was to wait behind another
}

func (e *LimitError) Error() string {
	reason := "it was to wait behind an earlier one of its key"
	if e.Err != nil {
		reason = e.Err.Error()
	}
	return fmt.Sprintf("%s: halted at position %d (%s in %q, revision %d): it has %d dead letters, and the limit is %d; "+
		"redrive or discard some, or raise Config.DeadLetters; the record could not be parked: %s",
		e.Consumer, e.Record.Position, e.Record.Type, e.Record.Stream, e.Record.Revision, e.Letters, e.Limit, reason)
}

// Unwrap returns what the last attempt returned.
func (e *LimitError) Unwrap() error { return e.Err }
