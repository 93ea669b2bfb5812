package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/internal/rawjson"
	"github.com/oxbow-events/oxbow/store"
)

// Change is what somebody wants a letter's record to be.
type Change struct {
	Data     []byte            // nil leaves it as it is
	Headers  map[string]string // all of them; nil leaves them as they are
	By       string            // who wants it; needed
	Why      string            // needed
	Revision uint64            // of the letter that the change was made from; another one then is a conflict. 0 means whatever it is now
}

// ErrConflict is the error for a letter that was changed, handled or discarded since it was read: read it again. It is that of
// package store.
var ErrConflict = store.ErrConflict

// Edit changes a letter's record, which the consumer then gets when the letter is redriven; what is in the log stays as it is. The change
// is kept in the letter and in the journal. A change to what the record is already does nothing.
//
// Data must be valid JSON if the record's content type says so, and has the limits of any event. The error answers to
// event.ErrInvalid, ErrConflict or ErrNone, or is a *DamagedError.
func (l *Letters) Edit(ctx context.Context, p Position, c Change) (Letter, error) {
	if err := c.check(); err != nil {
		return Letter{}, err
	}
	var edited parked.Letter
	err := l.untilItFits(ctx, func() (err error) {
		if edited, err = parked.Read(ctx, l.store, l.name, p); err != nil {
			return err
		}
		if c.Revision > 0 && c.Revision != edited.Revision {
			return errStale
		}
		return l.edit(ctx, &edited, &c)
	})
	switch {
	case errors.Is(err, errStale):
		return Letter{}, fmt.Errorf("letter at position %d was changed since revision %d; look at it again: %w", p, c.Revision, ErrConflict)
	case err != nil:
		return Letter{}, err
	}
	return l.whole(ctx, edited)
}

// errStale ends an edit that was made from another revision, which trying again cannot mend.
var errStale = errors.New("changed since")

func (c *Change) check() error {
	if err := checkWho(c.By, c.Why); err != nil {
		return err
	}
	if c.Data == nil && c.Headers == nil {
		return event.Invalid("data", "and headers are missing; give what is to change")
	}
	if len(c.Data) > store.MaxData {
		return event.Invalid("data", "has %d bytes, the limit is %d", len(c.Data), store.MaxData)
	}
	return nil
}

// maxWhy is the longest reason in bytes.
const maxWhy = 4096

// checkWho refuses an action of nobody, or without a reason.
func checkWho(by, why string) error {
	if err := event.CheckName("by", by); err != nil {
		return err
	}
	if strings.TrimSpace(why) == "" {
		return event.Invalid("why", "is empty; say the reason, it is kept in the journal")
	}
	return checkWhy(why)
}

func checkWhy(why string) error {
	if len(why) > maxWhy {
		return event.Invalid("why", "is %d bytes long, the limit is %d", len(why), maxWhy)
	}
	return event.CheckText("why", why)
}

func (l *Letters) edit(ctx context.Context, letter *parked.Letter, c *Change) error {
	was := *letter
	data, headers := letter.Record.Data, letter.Record.Headers
	if c.Data != nil {
		data = c.Data
	}
	if c.Headers != nil {
		headers = c.Headers
	}
	if (data == nil) == (was.Record.Data == nil) && bytes.Equal(data, was.Record.Data) && maps.Equal(headers, was.Record.Headers) {
		return nil
	}
	now := time.Now().UTC().Round(0)
	if err := letter.Edit(data, headers, now, c.By, c.Why); err != nil {
		return err
	}
	if err := checkRecord(&letter.Record); err != nil {
		return err
	}
	count, err := parked.LoadCount(ctx, l.store, l.name)
	if err != nil {
		return err
	}
	w, err := parked.Writes(l.name, count, parked.Change{Again: []parked.Letter{*letter}})
	if err != nil {
		return err
	}
	entry := Entry{At: now, By: c.By, Why: c.Why, Action: Edited, Letters: 1, Positions: []Position{letter.Record.Position}}
	entry.Before, entry.After = excerptOf(&was.Record), excerptOf(&letter.Record)
	if err := l.journal(ctx, &w, entry); err != nil {
		return err
	}
	receipt, err := l.commit(ctx, w, nil)
	letter.Revision = receipt.ItemRevision
	return err
}

// checkRecord refuses a record that no consumer should get.
func checkRecord(r *event.Record) error {
	if err := r.Check(); err != nil {
		return err
	}
	if r.Data == nil || !event.IsJSON(r.ContentType) {
		return nil
	}
	if err := rawjson.Check(r.Data); err != nil {
		return event.Invalid("data", "is not JSON, and the record's content type says that it is: %v", err)
	}
	return nil
}
