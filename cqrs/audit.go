package cqrs

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Entry is what an audit is told of a command.
type Entry struct {
	Metadata event.Metadata // its id, type, time, user, correlation and cause
	Data     any            // the command
	Handler  string         // who handled it
	Key      string         // its idempotency key, if it has one
	Receipt  store.Receipt  // where its events stand; zero when there are none
	Repeated bool           // it had happened before: nothing was done now
	Attempts int            // calls of the handler; 0 when it was refused or repeated
	Duration time.Duration
	Err      error // why it failed; nil when it was done, or then a *DoneError with its id
}

// audited tells the audit of a command, and returns the command's error with what the audit has against it.
func (b *CommandBus) audited(s *sending, err error) error {
	failed := b.audit(s, err)
	switch {
	case failed == nil:
		return err
	case err == nil:
		return s.wasDone(&AuditError{failed})
	}
	return errors.Join(err, &AuditError{failed})
}

func (b *CommandBus) audit(s *sending, err error) (failed error) {
	defer catch(&failed)
	done := s.outcome()
	return b.cfg.Audit(context.WithoutCancel(s.Context), Entry{
		Metadata: s.meta, Data: s.call.Data, Handler: s.call.Handler, Key: done.key, Receipt: done.receipt,
		Repeated: done.repeated, Attempts: done.attempts, Duration: time.Since(s.meta.Time), Err: err,
	})
}
