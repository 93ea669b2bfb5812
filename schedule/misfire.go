package schedule

import (
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Misfire says what becomes of due times that passed while nobody ran schedules: when the first of them is longer ago than Config.Late. What
// is less late is fired in any case, each of it.
type Misfire int

// What becomes of due times that passed.
const (
	FireOnce Misfire = iota // one event for all of them, due at the last; of a schedule that fires once, its event
	FireAll                 // an event for each of them, in order
	Skip                    // none; a schedule that fires once is gone then
)

var misfires = [...]string{FireOnce: "fire once", FireAll: "fire all", Skip: "skip"}

func (m Misfire) String() string {
	if m < FireOnce || m > Skip {
		return fmt.Sprintf("misfire(%d)", int(m))
	}
	return misfires[m]
}

// MarshalText returns the policy's name.
func (m Misfire) MarshalText() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads a policy's name.
func (m *Misfire) UnmarshalText(text []byte) error {
	for policy, name := range misfires {
		if name == string(text) {
			*m = Misfire(policy)
			return nil
		}
	}
	return event.Invalid("misfire", "%q is none of fire once, fire all, skip", clip(string(text)))
}

func (m Misfire) check() error {
	if m < FireOnce || m > Skip {
		return event.Invalid("misfire", "%d is none of FireOnce, FireAll, Skip", int(m))
	}
	return nil
}

// passed returns the due times to fire now, at most so many, and the next one after them, the zero time when there is none.
func (c *calendar) passed(due, now time.Time, policy Misfire, late time.Duration, limit int) (fire []time.Time, next time.Time) {
	missed := now.Sub(due) > late
	switch {
	case missed && policy == Skip:
		return nil, c.next(now)
	case missed && policy == FireOnce && c.recurs():
		due = c.last(due, now)
		return []time.Time{due}, c.next(due)
	}
	for next = due; len(fire) < limit && !next.IsZero() && !next.After(now); next = c.next(next) {
		fire = append(fire, next)
	}
	return fire, next
}
