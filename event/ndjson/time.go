package ndjson

import (
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

func setTime(r *event.Record, text string) error {
	if t, ok := parseSeconds(text); ok {
		r.Time = t
		return nil
	}
	if err := r.Time.UnmarshalText([]byte(text)); err != nil {
		return event.Invalid("time", "%.40q is neither RFC 3339, such as 2006-01-02T15:04:05Z, nor a number of seconds since 1970", text)
	}
	r.Time = r.Time.UTC()
	return nil
}

// parseSeconds reads seconds since 1970, whole or with a fraction, of which it keeps nanoseconds. More digits than years of four
// digits need are no seconds: most likely milliseconds.
func parseSeconds(text string) (t time.Time, ok bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(whole) > 12 || strings.HasPrefix(whole, "-") {
		return t, false
	}
	nanoseconds, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 32)
	if err != nil {
		return t, false
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC(), true
}
