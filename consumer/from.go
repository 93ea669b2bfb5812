package consumer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// From says where a consumer begins. It is a text, so that it can be written on a command line: "beginning" or nothing, "now", a
// position ("42"), or a time of RFC 3339.
type From string

// Where a consumer begins.
const (
	FromBeginning From = ""    // with the first record
	FromNow       From = "now" // with what is stored after Run, or Rewind, is called
)

// FromPosition begins with the first record after the position.
func FromPosition(p store.Position) From { return From(strconv.FormatUint(uint64(p), 10)) }

// FromTime begins with the first record in the store whose time is t or later. Records after it are handled whatever their time.
func FromTime(t time.Time) From { return From(t.UTC().Format(time.RFC3339Nano)) }

// Check refuses a text that says nothing.
func (f From) Check() error {
	_, err := f.parse()
	return err
}

func (f From) beginning() bool {
	return f == FromBeginning || strings.EqualFold(string(f), "beginning")
}

// start is what a From says: after a position, from a time, or from now.
type start struct {
	now   bool
	after store.Position
	at    time.Time
}

func (f From) parse() (s start, err error) {
	switch {
	case f.beginning():
		return start{}, nil
	case f == FromNow:
		return start{now: true}, nil
	}
	if p, err := strconv.ParseUint(string(f), 10, 64); err == nil {
		return start{after: store.Position(p)}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(f))
	if err != nil {
		return start{}, event.Invalid("From", "%q is no beginning; it is beginning, now, a position or a time such as 2026-01-31T08:00:00Z", string(f))
	}
	return start{at: t}, nil
}

// position returns the position after which to begin. A time is looked for from the first record on, since times need not grow.
func (f From) position(ctx context.Context, st *store.Store) (store.Position, error) {
	s, err := f.parse()
	switch {
	case err != nil:
		return 0, err
	case s.now:
		return st.Head(ctx)
	case s.at.IsZero():
		return s.after, nil
	}
	head, err := st.Head(ctx)
	if err != nil {
		return 0, err
	}
	for r, err := range st.Read(ctx, store.Query{Before: head + 1}) {
		if err != nil {
			return 0, fmt.Errorf("look for the first record since %v: %w", s.at, err)
		}
		if !r.Time.Before(s.at) {
			return r.Position - 1, nil
		}
	}
	return head, nil
}
