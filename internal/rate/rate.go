// Package rate tells how much happened within the last minute.
package rate

import "time"

// Minute counts what happened in each of the last sixty seconds. The zero Minute has counted nothing. It is not safe for use by
// several goroutines at the same time.
type Minute struct {
	seconds [60]second
	began   int64 // the second of the first count
}

type second struct {
	at     int64
	counts [2]uint64
}

// Add counts so many of two things at a time.
func (m *Minute) Add(now time.Time, a, b uint64) {
	at := now.Unix()
	if m.began == 0 {
		m.began = at
	}
	s := &m.seconds[at%60]
	if s.at != at {
		*s = second{at: at}
	}
	s.counts[0] += a
	s.counts[1] += b
}

// PerSecond returns how many of the two things there were in a second, on average over the last minute, or since the first when that
// is less long ago.
func (m *Minute) PerSecond(now time.Time) (a, b float64) {
	at := now.Unix()
	for i := range m.seconds {
		if s := &m.seconds[i]; s.at > at-60 && s.at <= at {
			a += float64(s.counts[0])
			b += float64(s.counts[1])
		}
	}
	span := float64(min(60, max(1, at-m.began+1)))
	return a / span, b / span
}
