package deadletter

import (
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

// Filter says which letters are meant. Fields that are set must all hold; the zero Filter means all of them.
type Filter struct {
	Position Position  `json:"position,omitzero"` // exactly this one
	Key      string    `json:"key,omitempty"`     // whose records are ordered by exactly this key
	Stream   string    `json:"stream,omitempty"`  // whose record is in exactly this stream
	Types    []string  `json:"types,omitempty"`   // whose record is of any of these event types
	Error    string    `json:"error,omitempty"`   // whose error has this text in it, upper and lower case alike
	State    State     `json:"state,omitempty"`   // Failed or Waiting; default both
	After    Position  `json:"after,omitzero"`    // at later positions
	Before   Position  `json:"before,omitzero"`   // at earlier positions; 0 means to the end
	Since    time.Time `json:"since,omitzero"`    // parked at this time or later
	Until    time.Time `json:"until,omitzero"`    // parked before this time
}

// maxText is the longest text that a filter looks for, in bytes.
const maxText = 1024

// Check refuses a filter that makes no sense, naming the field.
func (f *Filter) Check() error {
	switch {
	case f.Position > 0 && (f.After >= f.Position || f.Before > 0 && f.Before <= f.Position):
		return event.Invalid("position", "%d is not between after and before", f.Position)
	case f.Before > 0 && f.Before <= f.After+1:
		return event.Invalid("before", "%d leaves no position after %d", f.Before, f.After)
	case f.State != "" && f.State != Failed && f.State != Waiting:
		return event.Invalid("state", "%q is neither failed nor waiting", f.State)
	case !f.Until.IsZero() && !f.Since.IsZero() && !f.Since.Before(f.Until):
		return event.Invalid("until", "is not after since")
	}
	return f.checkTexts()
}

func (f *Filter) checkTexts() error {
	for _, text := range [...]struct{ field, value string }{{"key", f.Key}, {"error", f.Error}} {
		if len(text.value) > maxText {
			return event.Invalid(text.field, "is %d bytes long, the limit is %d", len(text.value), maxText)
		}
	}
	if f.Stream != "" {
		if err := event.CheckName("stream", f.Stream); err != nil {
			return err
		}
	}
	for _, name := range f.Types {
		if err := event.CheckType("types", name); err != nil {
			return err
		}
	}
	return nil
}

// all reports whether the filter leaves nothing out.
func (f *Filter) all() bool { return f.Position == 0 && f.After == 0 && f.Before == 0 && f.blind() }

// blind reports whether the filter looks at nothing but positions, so that it knows of letters that cannot be read.
func (f *Filter) blind() bool {
	return f.Key == "" && f.Stream == "" && len(f.Types) == 0 && f.Error == "" && f.State == "" && f.Since.IsZero() && f.Until.IsZero()
}

// match reports whether the letter is meant.
func (f *Filter) match(l *parked.Letter) bool {
	switch p := l.Record.Position; {
	case !f.covers(p):
	case f.Key != "" && parked.HashOf(f.Key) != l.Hash:
	case f.Stream != "" && f.Stream != l.Record.Stream:
	case len(f.Types) > 0 && !slices.Contains(f.Types, l.Record.Type):
	case f.Error != "" && !strings.Contains(strings.ToLower(l.Error), strings.ToLower(f.Error)):
	case f.State != "" && f.State != State(l.State):
	case !f.Since.IsZero() && l.First.Before(f.Since):
	case !f.Until.IsZero() && !l.First.Before(f.Until):
	default:
		return true
	}
	return false
}

func (f *Filter) covers(p Position) bool {
	return p > f.After && (f.Before == 0 || p < f.Before) && (f.Position == 0 || p == f.Position)
}
