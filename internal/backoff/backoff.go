// Package backoff says how long to wait before trying again.
package backoff

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Delay returns the wait after the given failed attempt (1, 2, 3…): random between half of and the whole of
// first * 2^(attempt-1), at most limit. The randomness keeps clients that failed together from coming back together.
func Delay(attempt int, first, limit time.Duration) time.Duration {
	whole := doubled(attempt, first, limit)
	half := whole / 2
	return half + rand.N(whole-half+1)
}

// Full is Delay between nothing and the whole: the "full jitter" of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture
// Blog, 2015), which spreads those that failed together the most. It suits few attempts while a caller waits.
func Full(attempt int, first, limit time.Duration) time.Duration {
	return rand.N(min(doubled(attempt, first, limit), math.MaxInt64-1) + 1)
}

func doubled(attempt int, first, limit time.Duration) time.Duration {
	if shift := attempt - 1; shift < 32 && first<<shift>>shift == first && first<<shift < limit {
		return first << shift
	}
	return limit
}

// Sleep waits, or returns ctx's error as soon as it ends.
func Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
