package schedule_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the tests do not depend on the system's

	"github.com/oxbow-events/oxbow/schedule"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	in, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestClocksThatAreSetAreFollowedAsDocumented(t *testing.T) {
	for _, c := range []struct{ claim, zone, cron, after, want string }{
		{
			"a fixed time in the gap comes right after it", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00+01:00",
			"2026-03-29T03:00:00+02:00 2026-03-30T02:30:00+02:00",
		},
		{
			"several fixed times in the gap come together", "Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00+01:00",
			"2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00 2026-03-30T02:20:00+02:00",
		},
		{
			"with one right after the gap, too", "Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00+01:00",
			"2026-03-29T03:00:00+02:00 2026-03-30T02:00:00+02:00",
		},
		{
			"a fixed time that is shown twice comes the first time", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00+02:00",
			"2026-10-25T02:30:00+02:00 2026-10-26T02:30:00+01:00",
		},
		{
			"what comes each hour leaves out what the clock leaves out", "America/New_York", "30 * * * *", "2026-03-08T00:45:00-05:00",
			"2026-03-08T01:30:00-05:00 2026-03-08T03:30:00-04:00",
		},
		{
			"what comes each hour comes twice when the clock shows it twice", "America/New_York", "30 * * * *", "2026-11-01T00:45:00-04:00",
			"2026-11-01T01:30:00-04:00 2026-11-01T01:30:00-05:00 2026-11-01T02:30:00-05:00",
		},
		{
			"a fixed time goes on after the second showing", "America/New_York", "0 1-2 * * *", "2026-11-01T00:45:00-04:00",
			"2026-11-01T01:00:00-04:00 2026-11-01T02:00:00-05:00",
		},
		{
			"half an hour is left out", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00+10:30",
			"2026-10-04T02:30:00+11:00 2026-10-05T02:15:00+11:00",
		},
		{
			"half an hour is left out of each hour's", "Australia/Lord_Howe", "15 * * * *", "2026-10-04T01:00:00+10:30",
			"2026-10-04T01:15:00+10:30 2026-10-04T03:15:00+11:00",
		},
		{
			"half an hour comes twice", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00:00+11:00",
			"2026-04-05T01:45:00+11:00 2026-04-06T01:45:00+10:30",
		},
		{
			"a day that never was comes at its end", "Pacific/Apia", "0 9 * * *", "2011-12-29T10:00:00-10:00",
			"2011-12-31T00:00:00+14:00 2011-12-31T09:00:00+14:00 2012-01-01T09:00:00+14:00",
		},
		{
			"the Friday that never was", "Pacific/Apia", "0 9 * * fri", "2011-12-29T10:00:00-10:00",
			"2011-12-31T00:00:00+14:00 2012-01-06T09:00:00+14:00",
		},
		{
			"the beginning of Ramadan", "Africa/Casablanca", "30 2 * * *", "2026-02-14T12:00:00+01:00",
			"2026-02-15T02:30:00+01:00 2026-02-16T02:30:00Z",
		},
		{
			"the end of Ramadan", "Africa/Casablanca", "30 2 * * *", "2026-03-21T12:00:00Z",
			"2026-03-22T03:00:00+01:00 2026-03-23T02:30:00+01:00",
		},
	} {
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		at, cron := after.In(zone(t, c.zone)), parse(t, c.cron)
		var got []string
		for range strings.Fields(c.want) {
			at = cron.Next(at)
			got = append(got, at.Format(time.RFC3339))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q in %s comes at\n%v, want\n%v", c.claim, c.cron, c.zone, got, c.want)
		}
	}
}

// clockModel is the definition, followed minute by minute.
type clockModel struct {
	minutes, hours, days, months, weekdays map[int]bool
	eitherDay                              bool
}

func (m *clockModel) matches(shown time.Time) bool {
	day, weekday := m.days[shown.Day()], m.weekdays[int(shown.Weekday())]
	byDay := day && weekday
	if m.eitherDay {
		byDay = day || weekday
	}
	return m.minutes[shown.Minute()] && m.hours[shown.Hour()] && m.months[int(shown.Month())] && byDay
}

// between returns the times of the schedule after from up to to.
func (m *clockModel) between(from, to time.Time) (times []time.Time) {
	newest := shows(from) // the latest time that the clock has shown
	for at := from.Add(-48 * time.Hour); at.Before(from); at = at.Add(time.Minute) {
		if shown := shows(at); newest.Before(shown) {
			newest = shown
		}
	}
	for at := from.Add(time.Minute); !at.After(to); at = at.Add(time.Minute) {
		shown, due := shows(at), false
		if len(m.hours) == 24 {
			due = m.matches(shown)
		}
		for ; len(m.hours) < 24 && newest.Before(shown); due = due || m.matches(newest) {
			newest = newest.Add(time.Minute)
		}
		if due {
			times = append(times, at)
		}
	}
	return times
}

// shows returns what the clock shows, as if it were UTC.
func shows(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func TestCronFollowsTheDefinitionMinuteByMinute(t *testing.T) {
	changes := map[string][]string{
		"Europe/Berlin":       {"2026-03-29", "2026-10-25", "1945-05-24"},
		"America/New_York":    {"2026-03-08", "2026-11-01"},
		"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
		"Pacific/Apia":        {"2011-12-30", "2011-09-24"},
		"Pacific/Kwajalein":   {"1969-10-01", "1993-08-21"}, // a day that came twice, and one that never was
		"Africa/Casablanca":   {"2026-02-15", "2026-03-22"},
		"America/Sao_Paulo":   {"2018-11-04", "2018-02-18"}, // at midnight
		"UTC":                 {"2024-02-28", "2026-12-30"},
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	for name, days := range changes {
		in := zone(t, name)
		for _, day := range days {
			change, err := time.ParseInLocation("2006-01-02", day, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			for range rounds {
				text, model := randomCron(random)
				from := change.Add(-time.Duration(random.IntN(48*60)) * time.Minute).In(in)
				to := change.Add(72 * time.Hour)
				want, got := model.between(from, to), between(parse(t, text), from, to)
				if i := difference(got, want); i >= 0 {
					t.Fatalf("seed %d: %q in %s after %v comes %d times, want %d; from number %d on at\n%v, want\n%v",
						seed, text, name, from, len(got), len(want), i, first(got[min(i, len(got)):], 5), first(want[min(i, len(want)):], 5))
				}
			}
		}
	}
}

// difference returns where two lists begin to differ, -1 when they do not.
func difference(a, b []time.Time) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || !a[i].Equal(b[i]) {
			return i
		}
	}
	return -1
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func between(c schedule.Cron, from, to time.Time) (times []time.Time) {
	for at := c.Next(from); !at.IsZero() && !at.After(to); at = c.Next(at) {
		times = append(times, at)
	}
	return times
}

// randomCron returns an expression and what it means.
func randomCron(random *rand.Rand) (string, *clockModel) {
	field := func(low, high, stars int) (string, map[int]bool, bool) {
		set := map[int]bool{}
		if random.IntN(4) < stars {
			for v := low; v <= high; v++ {
				set[v] = true
			}
			return "*", set, true
		}
		var parts []string
		for range 1 + random.IntN(3) {
			from := low + random.IntN(high-low+1)
			to := from + random.IntN(high-from+1)
			step := 1 + random.IntN(5)
			for v := from; v <= to; v += step {
				set[v] = true
			}
			parts = append(parts, fmt.Sprintf("%d-%d/%d", from, to, step))
		}
		return strings.Join(parts, ","), set, false
	}
	m := &clockModel{}
	var minutes, hours, days, months, weekdays string
	var anyDay, anyWeekday bool
	minutes, m.minutes, _ = field(0, 59, 1)
	hours, m.hours, _ = field(0, 23, 1)
	days, m.days, anyDay = field(1, 28, 3)
	months, m.months, _ = field(1, 12, 4)
	weekdays, m.weekdays, anyWeekday = field(0, 6, 3)
	if anyDay {
		for v := range 32 {
			m.days[v] = true
		}
	}
	m.eitherDay = !anyDay && !anyWeekday
	return strings.Join([]string{minutes, hours, days, months, weekdays}, " "), m
}
