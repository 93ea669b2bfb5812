package rate_test

import (
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/internal/rate"
)

func TestRateIsThatOfTheLastMinute(t *testing.T) {
	var m rate.Minute
	start := time.Unix(1_800_000_000, 0)
	want := func(after time.Duration, a, b float64) {
		t.Helper()
		if gotA, gotB := m.PerSecond(start.Add(after)); gotA != a || gotB != b {
			t.Errorf("after %v: %v and %v a second, want %v and %v", after, gotA, gotB, a, b)
		}
	}
	want(0, 0, 0)
	m.Add(start, 10, 1000)
	want(0, 10, 1000)
	want(time.Second, 5, 500)
	m.Add(start.Add(time.Second), 20, 0)
	want(time.Second, 15, 500)
	want(59*time.Second, 0.5, 1000.0/60)
	want(60*time.Second, 20.0/60, 0)
	want(61*time.Second, 0, 0)
	m.Add(start.Add(60*time.Second), 60, 60) // in the place of the first
	want(60*time.Second, 80.0/60, 1)
	want(-time.Hour, 0, 0)
}
