package lease

import (
	"math"
	"sync/atomic"
	"time"
)

// clock says until when a member may think that it has what it has, by the monotonic clock of its process.
type clock struct {
	born  time.Time
	until atomic.Int64 // nanoseconds after born
}

func newClock() *clock {
	c := &clock{born: time.Now()}
	c.until.Store(math.MaxInt64)
	return c
}

// now returns the time since the clock began.
func (c *clock) now() time.Duration { return time.Since(c.born) }

// extend moves the end.
func (c *clock) extend(until time.Duration) { c.until.Store(int64(until)) }

// left returns how long it is until the end.
func (c *clock) left() time.Duration { return time.Duration(c.until.Load()) - c.now() }

// late reports whether the end has come.
func (c *clock) late() bool {
	until := c.until.Load()
	return until != math.MaxInt64 && c.now() >= time.Duration(until)
}
