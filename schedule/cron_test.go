package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schedule"
)

func parse(t testing.TB, text string) schedule.Cron {
	t.Helper()
	c, err := schedule.ParseCron(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// next returns so many times in a row.
func next(c schedule.Cron, after time.Time, n int) (times []string) {
	for range n {
		after = c.Next(after)
		times = append(times, after.Format("2006-01-02 15:04:05"))
	}
	return times
}

func TestCronExpressionsMeanWhatTheySay(t *testing.T) {
	after := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC) // a Thursday
	for _, c := range []struct {
		text string
		want []string
	}{
		{"* * * * *", []string{"2026-01-01 00:01:00", "2026-01-01 00:02:00"}},
		{"* * * * * *", []string{"2026-01-01 00:00:01", "2026-01-01 00:00:02"}},
		{"30 15,45 * * * *", []string{"2026-01-01 00:15:30", "2026-01-01 00:45:30", "2026-01-01 01:15:30"}},
		{"*/20 9-10 * * *", []string{"2026-01-01 09:00:00", "2026-01-01 09:20:00", "2026-01-01 09:40:00", "2026-01-01 10:00:00"}},
		{"5/25 3 * * *", []string{"2026-01-01 03:05:00", "2026-01-01 03:30:00", "2026-01-01 03:55:00", "2026-01-02 03:05:00"}},
		{"0 9 * * mon", []string{"2026-01-05 09:00:00", "2026-01-12 09:00:00"}},
		{"0 9 * * Mon-FRI", []string{"2026-01-01 09:00:00", "2026-01-02 09:00:00", "2026-01-05 09:00:00"}},
		{"0 9 * * fri-sun", []string{"2026-01-02 09:00:00", "2026-01-03 09:00:00", "2026-01-04 09:00:00", "2026-01-09 09:00:00"}},
		{"0 0 * * 7", []string{"2026-01-04 00:00:00", "2026-01-11 00:00:00"}},
		{"0 0 * * */3", []string{"2026-01-03 00:00:00", "2026-01-04 00:00:00", "2026-01-07 00:00:00"}},
		{"0 0 ? feb,apr ?", []string{"2026-02-01 00:00:00", "2026-02-02 00:00:00"}},
		{"0 0 31 * *", []string{"2026-01-31 00:00:00", "2026-03-31 00:00:00", "2026-05-31 00:00:00"}},
		{"0 0 29 2 *", []string{"2028-02-29 00:00:00", "2032-02-29 00:00:00"}},
		{"\t0  0 1 1 * ", []string{"2027-01-01 00:00:00"}},
		{"@yearly", []string{"2027-01-01 00:00:00"}},
		{"@annually", []string{"2027-01-01 00:00:00"}},
		{"@monthly", []string{"2026-02-01 00:00:00"}},
		{"@weekly", []string{"2026-01-04 00:00:00"}},
		{"@daily", []string{"2026-01-02 00:00:00"}},
		{"@midnight", []string{"2026-01-02 00:00:00"}},
		{"@Hourly", []string{"2026-01-01 01:00:00"}},
		{"@every 90s", []string{"2026-01-01 00:01:30", "2026-01-01 00:03:00"}},
	} {
		if got := next(parse(t, c.text), after, len(c.want)); strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%q comes at %v, want %v", c.text, got, c.want)
		}
	}
}

func TestEitherDayMatchesWhenBothAreRestricted(t *testing.T) {
	after := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"0 0 13 * fri":   "2026-01-02 2026-01-09 2026-01-13 2026-01-16",
		"0 0 30 2 mon":   "2026-02-02 2026-02-09 2026-02-16 2026-02-23",
		"0 0 */10 * sat": "2026-01-03 2026-01-10 2026-01-11 2026-01-17",
		"0 0 *,3 * sat":  "2026-01-03 2026-01-10 2026-01-17 2026-01-24",
		"0 0 10 * *":     "2026-01-10 2026-02-10 2026-03-10 2026-04-10",
		"0 0 10 * ?":     "2026-01-10 2026-02-10 2026-03-10 2026-04-10",
		"0 0 10 * 0-6":   "2026-01-02 2026-01-03 2026-01-04 2026-01-05",
	} {
		got := strings.ReplaceAll(strings.Join(next(parse(t, text), after, 4), " "), " 00:00:00", "")
		if got != want {
			t.Errorf("%q comes at %v, want %v", text, got, want)
		}
	}
}

func TestCronMistakesAreNamedWithTheirFieldAndPlace(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `is empty; write five fields`,
		"* * * *":                   `has 4 fields; write minute, hour`,
		"* * * * * * *":             `has 7 fields`,
		"60 * * * *":                `minute at byte 0: 60 is out of range; it may be 0 to 59`,
		"* 9-25 * * *":              `hour at byte 4: 25 is out of range; it may be 0 to 23`,
		"* * 0 * *":                 `day of month at byte 4: 0 is out of range; it may be 1 to 31`,
		"* * * 13 *":                `month at byte 6: 13 is out of range; it may be 1 to 12, or jan to dec`,
		"0 * * * foo *":             `month at byte 8: "foo" is no value; it may be 1 to 12, or jan to dec`,
		"* * * * 1,mon,8":           `day of week at byte 14: 8 is out of range; it may be 0 to 7, or sun to sat`,
		"99 0 0 * * *":              `second at byte 0: 99 is out of range`,
		"*/0 * * * *":               `minute at byte 2: the step is 0; it may be 1 to 59`,
		"*/x * * * *":               `minute at byte 2: the step "x" is no number`,
		"5-2 * * * *":               `minute at byte 0: the range 5-2 ends before it begins; write it as two, with a comma between`,
		"1,,2 * * * *":              `minute at byte 2: a value is missing`,
		"1- * * * *":                `minute at byte 2: a value is missing`,
		"-1 * * * *":                `minute at byte 0: a value is missing`,
		"+1 * * * *":                `minute at byte 0: "+1" is no value`,
		"? * * * *":                 `minute at byte 0: "?" is no value`,
		"* * L * *":                 `day of month at byte 4: "L" is no value`,
		"* * * * 5#3":               `day of week at byte 8: "5#3" is no value`,
		"0 0 30 2 *":                `day of month at byte 4: no month of the schedule has such a day`,
		"0 0 31 4,6 *":              `day of month at byte 4: no month`,
		"@fortnightly":              `there is no "@fortnightly"; there are @every and @annually, @daily`,
		"@reboot":                   `@reboot is not about time`,
		"@daily 5":                  `@daily takes nothing after it`,
		"@every":                    `@every takes one duration`,
		"@every 90":                 `"90" is no duration; write it as 90s`,
		"@every 1ns":                `the interval is 1ns, the shortest is 1ms`,
		"@every -5s":                `the interval is -5s`,
		"TZ=UTC * * * * *":          `names a time zone; give that as an argument`,
		"* * * * \x00":              `day of week at byte 8: "\x00" is no value`,
		"99999999999999999 * * * *": `minute at byte 0: "99999999999999999" is no value`,
		strings.Repeat("1,", 2000):  `is 4000 bytes long, the limit is 1024`,
	} {
		_, err := schedule.ParseCron(text)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%.40q is refused with %v, want %s", text, err, want)
		}
		if mistake := (*schedule.CronError)(nil); !errors.As(err, &mistake) || mistake.Text != text {
			t.Errorf("%.40q is refused with a %T", text, err)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, text := range []string{"* * * * *", "0 9 * * mon-fri", "*/5 1-3,7/2 ? jan-dec/2 0-7", "@every 1h", "@daily", "0 0 30 2 *", "é * * * *"} {
		f.Add(text, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		c, err := schedule.ParseCron(text)
		if err != nil {
			if !errors.Is(err, event.ErrInvalid) {
				t.Errorf("%q is refused with %v", text, err)
			}
			return
		}
		after := time.Unix(unix%4_000_000_000, 0).UTC()
		next := c.Next(after)
		if !next.IsZero() && !next.After(after) {
			t.Errorf("%q comes at %v, after %v", text, next, after)
		}
		if again, err := schedule.ParseCron(c.String()); err != nil || again != c {
			t.Errorf("%q read again is %v, %v", text, again, err)
		}
	})
}
