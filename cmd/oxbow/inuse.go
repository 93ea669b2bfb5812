package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// inUseError says who holds the folder, if that is the error, and what to do.
func inUseError(err error) error {
	var inUse *filelog.InUseError
	if errors.As(err, &inUse) {
		return &busyError{inUse}
	}
	return err
}

// busyError says who holds the folder, and how to work with it all the same.
type busyError struct{ *filelog.InUseError }

func (e *busyError) Error() string {
	who := "another process"
	if e.PID > 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.Holder == "" {
		return fmt.Sprintf("folder %s is in use by %s; stop it, or pass another --data", e.Dir, who)
	}
	who += " (" + e.Holder + ")"
	if _, url, ok := strings.Cut(e.Holder, " at "); ok {
		return fmt.Sprintf("folder %s is in use by %s; add --server %s to work through it", e.Dir, who, url)
	}
	return fmt.Sprintf("folder %s is in use by %s; wait for it, or pass another --data", e.Dir, who)
}

func (e *busyError) Unwrap() error { return e.InUseError }
