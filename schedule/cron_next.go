package schedule

import "time"

// lastYear is the last one that all of its times are nanoseconds since 1970 of.
const lastYear = 2261

// Next returns the first time after the given one, in its location, or the zero time when there is none before the year 2262. It follows the
// clock on the wall of that location, also where that is set forward or back:
//
//   - A schedule whose hours are all 24 has a time whenever the clock shows one that matches. What the clock leaves out does not come, and
//     what it shows twice comes twice.
//   - A schedule with fewer hours has each of its times once. What the clock leaves out, be it an hour or a whole day, comes at the first instant
//     after the gap, together if it is several; of what it shows twice the first counts.
//
// An interval of @every is counted from the given time.
func (c Cron) Next(after time.Time) time.Time {
	var next time.Time
	switch {
	case c.every > 0:
		next = after.Add(c.every)
	case c.hours == allHours:
		next = c.nextShown(after)
	default:
		next = c.nextOnce(after)
	}
	if next.Year() > lastYear {
		return time.Time{}
	}
	return next
}

// wall returns what a clock of the time's location shows, as if it were UTC, in whole seconds.
func wall(t time.Time) time.Time {
	_, offset := t.Zone()
	return time.Unix(t.Unix()+int64(offset), 0).UTC()
}

// nextShown returns when the clock next shows a matching time.
func (c *Cron) nextShown(after time.Time) time.Time {
	from := wall(after).Add(time.Second)
	for at := after; ; {
		shown, ok := c.match(from)
		if !ok {
			return time.Time{}
		}
		_, offset := at.Zone()
		next := time.Unix(shown.Unix()-int64(offset), 0).In(after.Location())
		_, change := at.ZoneBounds()
		if change.IsZero() || next.Before(change) {
			return next
		}
		at, from = change, wall(change)
	}
}

// nextOnce returns when the clock next shows a matching time, or a later one, for the first time.
func (c *Cron) nextOnce(after time.Time) time.Time {
	for from := wall(after).Add(time.Second); ; {
		shown, ok := c.match(from)
		if !ok {
			return time.Time{}
		}
		if next := reached(shown, after.Location()); next.After(after) {
			return next
		}
		from = shown.Add(time.Second)
	}
}

// farthest is more than any clock is ahead of UTC.
const farthest = 16 * time.Hour

// reached returns the first instant at which the clock of a location shows that time or a later one.
func reached(shown time.Time, in *time.Location) time.Time {
	for at := shown.Add(-farthest).In(in); ; {
		_, offset := at.Zone()
		next := time.Unix(shown.Unix()-int64(offset), 0).In(in)
		if next.Before(at) {
			return at // the clock has just been set to later than that
		}
		_, change := at.ZoneBounds()
		if change.IsZero() || next.Before(change) {
			return next
		}
		at = change
	}
}

// match returns the first matching time on the wall that is not before the given one, both as if they were UTC.
func (c *Cron) match(from time.Time) (time.Time, bool) {
	for from.Year() <= lastYear {
		year, month, day := from.Date()
		if !c.months.has(int(month)) {
			from = time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if c.day(day, from.Weekday()) {
			if h, m, s, ok := c.clock(from.Clock()); ok {
				return time.Date(year, month, day, h, m, s, 0, time.UTC), true
			}
		}
		from = time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}, false
}

// clock returns the first matching time of a day that is not before the given one.
func (c *Cron) clock(hour, minute, second int) (h, m, s int, ok bool) {
	if c.hours.has(hour) {
		if c.minutes.has(minute) {
			if s, ok = c.seconds.from(second); ok {
				return hour, minute, s, true
			}
		}
		if m, ok = c.minutes.from(minute + 1); ok {
			s, ok = c.seconds.from(0)
			return hour, m, s, ok
		}
	}
	if h, ok = c.hours.from(hour + 1); !ok {
		return 0, 0, 0, false
	}
	m, _ = c.minutes.from(0)
	s, ok = c.seconds.from(0)
	return h, m, s, ok
}
