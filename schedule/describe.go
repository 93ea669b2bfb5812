package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Schedule describes a schedule as it stands.
type Schedule struct {
	Name      string    `json:"name"`
	Timing    string    `json:"timing"` // every 5m0s, or cron 0 9 * * mon in Europe/Berlin
	Recurring bool      `json:"recurring"`
	State     State     `json:"state"`
	Error     string    `json:"error,omitempty"` // why it has halted
	Next      time.Time `json:"next,omitzero"`   // when it is due; of one that is paused, was halted or cannot be read, when it would have been
	Misfire   Misfire   `json:"misfire"`
	Type      string    `json:"type"`   // of its events
	Stream    string    `json:"stream"` // of its events
	Created   time.Time `json:"created"`
	Fired     uint64    `json:"fired"`               // how many events it has published
	LastDue   time.Time `json:"last_due,omitzero"`   // when the newest of them was due
	LastFired time.Time `json:"last_fired,omitzero"` // and when it was published
}

// State is what a schedule does.
type State int

// The states of a schedule. One that has fired for the last time, or was cancelled, is gone.
const (
	Waiting State = iota // until it is due
	Paused               // until it is resumed
	Halted               // since it cannot be fired, for the reason in Error; mend that and resume it, or cancel it
)

var states = [...]string{Waiting: "waiting", Paused: "paused", Halted: "halted"}

func (s State) String() string {
	if s < Waiting || s > Halted {
		return fmt.Sprintf("state(%d)", int(s))
	}
	return states[s]
}

// MarshalText returns the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *State) UnmarshalText(text []byte) error {
	for state, name := range states {
		if name == string(text) {
			*s = State(state)
			return nil
		}
	}
	return event.Invalid("state", "%q is none of waiting, paused, halted", clip(string(text)))
}

func describe(name string, s *state) Schedule {
	d := Schedule{
		Name: name, Timing: s.Timing.String(), Recurring: s.Timing.Kind == kindEvery || s.Timing.Kind == kindCron, Error: s.Error,
		Next: s.Next, Misfire: s.Misfire, Type: s.Event.Type, Stream: s.Event.Stream, Created: s.Created,
		Fired: s.Fired, LastDue: s.LastDue, LastFired: s.LastFired,
	}
	switch {
	case s.Error != "":
		d.State = Halted
	case s.Paused:
		d.State = Paused
	}
	return d
}

// describeItem is describe for what may not be readable.
func describeItem(item store.Item) Schedule {
	s, err := parse(item)
	if err != nil {
		return Schedule{Name: item.Key, State: Halted, Error: err.Error()}
	}
	return describe(item.Key, s)
}

// Get returns a schedule, or ErrNotFound.
func (s *Scheduler) Get(ctx context.Context, name string) (Schedule, error) {
	if err := event.CheckName("schedule name", name); err != nil {
		return Schedule{}, err
	}
	item, err := s.store.Get(ctx, Bucket, name)
	switch {
	case err != nil:
		return Schedule{}, named(name, err)
	case item.Revision == 0:
		return Schedule{}, named(name, ErrNotFound)
	}
	return describeItem(item), nil
}

// Page says which schedules List returns; the zero Page is the first hundred.
type Page struct {
	After  string // only those whose names come after this one: the last name of the page before
	Prefix string // only those whose names begin so
	Limit  int    // at most so many; default 100, at most 10,000
}

const (
	defaultPage = 100
	maxPage     = 10_000
)

// List returns schedules in order of their names. Fewer than the limit are the last.
func (s *Scheduler) List(ctx context.Context, p Page) ([]Schedule, error) {
	if p.Limit == 0 {
		p.Limit = defaultPage
	}
	if p.Limit < 0 || p.Limit > maxPage {
		return nil, event.Invalid("limit", "is %d; it may be 1 to %d", p.Limit, maxPage)
	}
	from := max(p.Prefix, p.After+"\x00")
	if p.After == "" {
		from = p.Prefix
	}
	list := []Schedule{}
	for item, err := range s.store.List(ctx, Bucket, from, pastPrefix(p.Prefix)) {
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		if list = append(list, describeItem(item)); len(list) == p.Limit {
			break
		}
	}
	return list, nil
}

// pastPrefix returns the first text after all those that begin so; none when there is no such text.
func pastPrefix(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
