package event

import (
	"sync/atomic"
	"time"
)

// anchor is a moment at which both clocks were read. Reading both costs twice as much as the monotonic one alone, and every event
// is told the time: so the wall clock is read every few milliseconds, and the monotonic one in between.
type anchor struct {
	at   time.Time // has the monotonic clock
	unix int64     // nanoseconds since 1970
}

var anchored atomic.Pointer[anchor]

// fresh is how long the wall clock is not looked at again, so how late an event's time can follow when somebody sets the clock.
const fresh = 10 * time.Millisecond

// now returns the current time in nanoseconds since 1970.
func now() int64 {
	if a := anchored.Load(); a != nil {
		if since := time.Since(a.at); since >= 0 && since < fresh {
			return a.unix + int64(since)
		}
	}
	a := &anchor{at: time.Now()}
	a.unix = a.at.UnixNano()
	anchored.Store(a)
	return a.unix
}

// utc returns the time of so many nanoseconds since 1970.
func utc(unix int64) time.Time { return time.Unix(0, unix).UTC() }
