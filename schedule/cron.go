package schedule

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Cron is a set of wall-clock times, or an interval. Make one with ParseCron; the zero Cron has no times.
type Cron struct {
	text  string
	every time.Duration // of @every; then there are no fields

	seconds, minutes, hours, days, months, weekdays bitset
	anyDay, anyWeekday                              bool // written as * or ?, so that the other one decides alone
}

// bitset has a bit for each value of a field.
type bitset uint64

func (b bitset) has(value int) bool { return b>>value&1 == 1 }

// from returns the smallest value that is at least the given one; ok is false when there is none.
func (b bitset) from(value int) (next int, ok bool) {
	if rest := b >> value; rest != 0 {
		return value + bits.TrailingZeros64(uint64(rest)), true
	}
	return 0, false
}

// allHours are the hours of a schedule that follows the clock through its changes; see [Cron.Next].
const allHours bitset = 1<<24 - 1

// CronError says where a cron expression is wrong. It answers errors.Is(err, event.ErrInvalid).
type CronError struct {
	Text     string // the expression
	Field    string // minute, day of month, …; empty when it is about the whole
	Position int    // of the byte in Text at which the mistake begins
	Reason   string // why, and what to do
}

func (e *CronError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("cron %q: %s", clip(e.Text), e.Reason)
	}
	return fmt.Sprintf("cron %q: %s at byte %d: %s", clip(e.Text), e.Field, e.Position, e.Reason)
}

// Is reports that the error is event.ErrInvalid.
func (e *CronError) Is(target error) bool { return target == event.ErrInvalid }

// clip shortens what somebody else wrote.
func clip(text string) string {
	const limit = 80
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// macros are what stands for five fields.
var macros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// Limits of an interval. Less than the shortest would do nothing but fire.
const (
	shortest = time.Millisecond
	maxCron  = 1024 // bytes of an expression
)

// ParseCron reads a cron expression, as POSIX has it and with what has become common since. Its error is a [*CronError].
//
//	┌ second, 0-59, may be left out and is 0 then
//	│ ┌ minute, 0-59
//	│ │ ┌ hour, 0-23
//	│ │ │ ┌ day of month, 1-31
//	│ │ │ │ ┌ month, 1-12 or jan-dec
//	│ │ │ │ │ ┌ day of week, 0-7 or sun-sat; 0 and 7 are Sunday
//	0 0 9 * * mon-fri
//
// A field is * for all values, a value, a range 1-5, either of these with a step, as in */15 or 0-30/10 (5/15 is 5-59/15, and a week ends with Saturday there), or a list of
// them, separated by commas. Names may be in any case. ? stands for * in the two fields about days. When both of these are restricted, which
// means written without a * or ? that has no step, a day matches when either does.
//
// Instead of fields there are @yearly (or @annually), @monthly, @weekly, @daily (or @midnight), @hourly, and @every with a duration, such as
// "@every 90s", of at least 1ms. L, W and # are not supported. A time that never comes, such as the 30th of February, is refused.
func ParseCron(text string) (Cron, error) {
	if len(text) > maxCron {
		return Cron{}, &CronError{Text: text, Reason: fmt.Sprintf("is %d bytes long, the limit is %d", len(text), maxCron)}
	}
	p := cronParser{text: text}
	c, err := p.parse()
	if err != nil {
		return Cron{}, err
	}
	c.text = text
	return c, nil
}

// String returns the expression as it was given.
func (c Cron) String() string { return c.text }

// day reports whether the day of a month, and of the week, is one of the schedule's.
func (c *Cron) day(day int, weekday time.Weekday) bool {
	month, week := c.days.has(day), c.weekdays.has(int(weekday))
	if c.anyDay || c.anyWeekday {
		return month && week
	}
	return month || week
}

// longestMonth is how many days each month has at most.
var longestMonth = [...]int{time.January: 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// comes reports whether there is such a time at all.
func (c *Cron) comes() bool {
	if !c.anyDay && !c.anyWeekday {
		return true // each week has the day of the week
	}
	for month := time.January; month <= time.December; month++ {
		first, ok := c.days.from(1)
		if ok && c.months.has(int(month)) && first <= longestMonth[month] {
			return true
		}
	}
	return false
}
