// Package backoff says how long to wait before trying again.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Delay returns the wait after the given failed attempt (1, 2, 3…): random between half of and the whole of
// first * 2^(attempt-1), at most limit. The randomness keeps clients that failed together from coming back together.
func Delay(attempt int, first, limit time.Duration) time.Duration {
	whole := limit
	if shift := attempt - 1; shift < 32 && first<<shift>>shift == first && first<<shift < limit {
		whole = first << shift
	}
	half := whole / 2
	return half + rand.N(whole-half+1)
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
