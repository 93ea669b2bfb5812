package schedule

import (
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// kind is the sort of a schedule.
type kind string

const (
	kindAt    kind = "at"
	kindAfter kind = "after"
	kindEvery kind = "every"
	kindCron  kind = "cron"
)

// timing is when a schedule is due, as it was asked for.
type timing struct {
	Kind   kind          `json:"kind"`
	At     time.Time     `json:"at,omitzero"`
	Length time.Duration `json:"nanoseconds,omitempty"` // of after and every
	From   time.Time     `json:"from,omitzero"`         // of every, when it was given
	Cron   string        `json:"cron,omitempty"`
	Zone   string        `json:"zone,omitempty"`
}

// String returns the timing for people.
func (t *timing) String() string {
	switch {
	case t.Kind == kindAt:
		return "at " + t.At.Format(time.RFC3339Nano)
	case t.Kind == kindCron && t.Zone != "":
		return fmt.Sprintf("cron %s in %s", t.Cron, t.Zone)
	case t.Kind == kindCron:
		return "cron " + t.Cron
	case !t.From.IsZero():
		return fmt.Sprintf("every %v from %s", t.Length, t.From.Format(time.RFC3339Nano))
	}
	return fmt.Sprintf("%s %v", t.Kind, t.Length)
}

// equal reports whether two mean the same.
func (t *timing) equal(other *timing) bool {
	return t.Kind == other.Kind && t.At.Equal(other.At) && t.Length == other.Length && t.From.Equal(other.From) &&
		t.Cron == other.Cron && t.Zone == other.Zone
}

// earliest and latest are the times that can be told in nanoseconds since 1970.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(lastYear, time.December, 31, 23, 59, 59, 0, time.UTC)
)

func checkTime(field string, t time.Time) error {
	if t.Before(earliest) || t.After(latest) {
		return event.Invalid(field, "is %s; it may be in the years 1970 to %d", t.Format(time.RFC3339), lastYear)
	}
	return nil
}

// calendar is the due times of a schedule.
type calendar struct {
	once time.Time // of a schedule that fires once; then there is nothing else

	every  time.Duration
	anchor time.Time // due times are whole intervals from it

	cron Cron
	zone *time.Location
}

// calendar returns the due times of a schedule that was created then.
func (s *Scheduler) calendar(t *timing, created time.Time) (calendar, error) {
	switch t.Kind {
	case kindAt:
		return calendar{once: t.At.UTC()}, checkTime("when", t.At)
	case kindAfter:
		once := created.Add(t.Length)
		return calendar{once: once}, checkTime("delay", once)
	case kindEvery:
		return intervals(t, created)
	case kindCron:
		return s.cronCalendar(t, created)
	}
	return calendar{}, event.Invalid("timing", "is %q; this program knows at, after, every and cron", t.Kind)
}

func intervals(t *timing, created time.Time) (calendar, error) {
	if t.Length < shortest {
		return calendar{}, event.Invalid("interval", "is %v, the shortest is %v", t.Length, shortest)
	}
	if t.From.IsZero() {
		return calendar{every: t.Length, anchor: created}, nil
	}
	return calendar{every: t.Length, anchor: t.From.UTC()}, checkTime("from", t.From)
}

func (s *Scheduler) cronCalendar(t *timing, created time.Time) (calendar, error) {
	parsed, err := ParseCron(t.Cron)
	if err != nil {
		return calendar{}, err
	}
	zone, err := s.zone(t.Zone)
	if err != nil {
		return calendar{}, err
	}
	if parsed.every > 0 {
		return calendar{every: parsed.every, anchor: created}, nil
	}
	return calendar{cron: parsed, zone: zone}, nil
}

func (c *calendar) recurs() bool { return c.once.IsZero() }

// first returns when a schedule is due first that is made now: one that fires once may be due already.
func (c *calendar) first(now time.Time) time.Time {
	if !c.recurs() {
		return c.once
	}
	return c.next(now)
}

// next returns the first due time after another, the zero time when there is none.
func (c *calendar) next(after time.Time) (next time.Time) {
	switch {
	case !c.recurs():
		return time.Time{}
	case c.every == 0:
		next = c.cron.Next(after.In(c.zone)).UTC()
	case after.Before(c.anchor):
		next = c.anchor
	default:
		next = c.last(time.Time{}, after).Add(c.every)
	}
	if next.After(latest) {
		return time.Time{}
	}
	return next
}

// last returns the last due time up to now, given an earlier one. It takes as long for a second as for a year.
func (c *calendar) last(from, now time.Time) time.Time {
	if c.every > 0 {
		return now.Add(-(now.Sub(c.anchor) % c.every))
	}
	for until := now; ; {
		next := c.next(from)
		if next.IsZero() || next.After(now) {
			return from
		}
		from = next
		middle := from.Add(until.Sub(from) / 2)
		if next = c.next(middle); next.IsZero() || next.After(now) {
			until = middle
			continue
		}
		from = next
	}
}
