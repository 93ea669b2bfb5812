package backoff_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/internal/backoff"
)

func TestDelayDoublesUpToItsLimit(t *testing.T) {
	for attempt, whole := range map[int]time.Duration{
		1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 4: 800 * time.Millisecond,
		5: time.Second, 40: time.Second, math.MaxInt: time.Second,
	} {
		for range 200 {
			if d := backoff.Delay(attempt, 100*time.Millisecond, time.Second); d < whole/2 || d > whole {
				t.Fatalf("Delay(%d) = %v, want %v to %v", attempt, d, whole/2, whole)
			}
		}
	}
}

func TestFullIsSpreadOverTheWhole(t *testing.T) {
	for attempt, whole := range map[int]time.Duration{1: 100 * time.Millisecond, 3: 400 * time.Millisecond, math.MaxInt: time.Second} {
		least, most := whole, time.Duration(0)
		for range 1000 {
			d := backoff.Full(attempt, 100*time.Millisecond, time.Second)
			if d < 0 || d > whole {
				t.Fatalf("Full(%d) = %v, want up to %v", attempt, d, whole)
			}
			least, most = min(least, d), max(most, d)
		}
		if least > whole/10 || most < whole-whole/10 {
			t.Errorf("a thousand of Full(%d) are between %v and %v, want all of 0 to %v", attempt, least, most, whole)
		}
	}
}

func TestTheLongestOfAllWaitsIsOneToo(t *testing.T) {
	for range 100 {
		if d := backoff.Full(1, math.MaxInt64, math.MaxInt64); d < 0 {
			t.Fatalf("Full is %v", d)
		}
		if d := backoff.Delay(1, math.MaxInt64, math.MaxInt64); d < math.MaxInt64/2 {
			t.Fatalf("Delay is %v", d)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := backoff.Sleep(ctx, time.Hour); err != context.DeadlineExceeded {
			t.Errorf("Sleep returned %v", err)
		}
		if slept := time.Since(start); slept != time.Second {
			t.Errorf("slept %v, want 1s", slept)
		}
	})
}
