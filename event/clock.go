package event

import (
	"sync/atomic"
	"time"
)

// anchored is a time whose wall clock was read lately. Reading both clocks costs twice as much as the monotonic one alone, and
// every event is told the time: so the wall clock is read every few milliseconds, and the monotonic one in between.
var anchored atomic.Pointer[time.Time]

// fresh is how long the wall clock is not looked at again, so how late an event's time can follow when somebody sets the clock.
const fresh = 10 * time.Millisecond

// now returns the current time.
func now() time.Time {
	if anchor := anchored.Load(); anchor != nil {
		if since := time.Since(*anchor); since >= 0 && since < fresh {
			return anchor.Add(since)
		}
	}
	read := time.Now()
	anchored.Store(&read)
	return read
}
