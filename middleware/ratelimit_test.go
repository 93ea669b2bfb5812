package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

// passed is a handler that notes when it is called.
type passed struct {
	mu    sync.Mutex
	at    []time.Time
	names []string
}

func (p *passed) handle(_ context.Context, c *middleware.Call) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
	p.names = append(p.names, c.Name)
	return nil, nil
}

func namedCall(name string) *middleware.Call {
	c := newCall()
	c.Name = name
	return c
}

func TestRateLimitLetsBurstsThroughAndSpacesOutTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen passed
		limit := middleware.RateLimit(10, middleware.RateLimitConfig{Burst: 3})
		handles := [...]middleware.Handler{limit(seen.handle), limit(seen.handle)} // which share it
		began := time.Now()
		for n := range 6 {
			if _, err := handles[n%2](t.Context(), newCall()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour) // fake time: a long rest is worth one burst
		rested := time.Now()
		for range 4 {
			_, _ = handles[0](t.Context(), newCall())
		}
		var got []time.Duration
		for i, at := range seen.at {
			if i < 6 {
				got = append(got, at.Sub(began))
			} else {
				got = append(got, at.Sub(rested))
			}
		}
		const ms = time.Millisecond
		if want := []time.Duration{0, 0, 0, 100 * ms, 200 * ms, 300 * ms, 0, 0, 0, 100 * ms}; !slices.Equal(got, want) {
			t.Errorf("calls got through after %v, want %v", got, want)
		}
	})
}

func TestThoseWhoWaitForTheRateKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen passed
		handle := middleware.RateLimit(1, middleware.RateLimitConfig{})(seen.handle)
		for n := range 10 {
			go func() { _, _ = handle(t.Context(), namedCall(fmt.Sprint(n))) }()
			synctest.Wait()
		}
		time.Sleep(time.Minute) // fake time
		synctest.Wait()
		if want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; !slices.Equal(seen.names, want) {
			t.Errorf("they got through in the order %v", seen.names)
		}
	})
}

func TestRateLimitRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen passed
		handle := middleware.RateLimit(0.1, middleware.RateLimitConfig{NoWait: true})(seen.handle)
		_, _ = handle(t.Context(), newCall())
		time.Sleep(3 * time.Second) // fake time
		_, err := handle(t.Context(), newCall())
		var limited *middleware.LimitedError
		if !errors.Is(err, middleware.ErrLimited) || !errors.As(err, &limited) || limited.After != 7*time.Second {
			t.Fatalf("returned %v, want a refusal for 7s", err)
		}
		if want := "shop.place: rate limit reached; try again in 7s"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
		time.Sleep(limited.After) // fake time
		if _, err := handle(t.Context(), newCall()); err != nil {
			t.Errorf("after the time it told it returned %v: refusing took a token", err)
		}
	})
}

func TestAWaitForTheRateEndsWithItsContextAndTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen passed
		handle := middleware.RateLimit(1, middleware.RateLimitConfig{})(seen.handle)
		began := time.Now()
		_, _ = handle(t.Context(), newCall())
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			go func() {
				if _, err := handle(ctx, newCall()); !errors.Is(err, middleware.ErrLimited) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("returned %v", err)
				}
			}()
		}
		synctest.Wait()
		if _, err := handle(t.Context(), newCall()); err != nil || time.Since(began) != time.Second {
			t.Errorf("behind a hundred that gave up a call got through after %v (%v), want 1s", time.Since(began), err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(time.Minute) // fake time
		if _, err := handle(ended, newCall()); !errors.Is(err, context.Canceled) {
			t.Errorf("a call whose context has ended got a token: %v", err)
		}
	})
}

func TestEachKeyHasARateOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := middleware.RateLimitConfig{Key: func(c *middleware.Call) string { return c.Name }, Keys: 2, NoWait: true}
		handle := middleware.RateLimit(1, cfg)(succeed)
		through := func(names ...string) (got string) {
			for _, name := range names {
				if _, err := handle(t.Context(), namedCall(name)); err == nil {
					got += name
				}
			}
			return got
		}
		if got := through("a", "b", "a", "b"); got != "ab" {
			t.Errorf("through came %q, want one of each key", got)
		}
		if got := through("c", "d", "e"); got != "c" {
			t.Errorf("through came %q of more keys than there may be, want one of all", got)
		}
		time.Sleep(time.Second) // fake time: a and b may be forgotten
		if got := through("d", "e", "d", "e", "a"); got != "dea" {
			t.Errorf("through came %q, want one of each new key and one of all others", got)
		}
	})
}

func TestAKeyHasNoMoreWhenItGetsALimitOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen passed
		cfg := middleware.RateLimitConfig{Key: func(c *middleware.Call) string { return c.Name }, Keys: 1, NoWait: true}
		handle := middleware.RateLimit(1, cfg)(seen.handle)
		_, _ = handle(t.Context(), namedCall("a"))
		time.Sleep(900 * time.Millisecond)         // fake time
		_, _ = handle(t.Context(), namedCall("b")) // with the others
		for range 20 {
			time.Sleep(100 * time.Millisecond)         // fake time: soon a is forgotten
			_, _ = handle(t.Context(), namedCall("b")) // on its own
		}
		if checkRate(t, &seen, "b", time.Second, 1); len(seen.at) != 4 {
			t.Errorf("%d calls got through, want one of a and three of b", len(seen.at))
		}
	})
}

// TestAKeyThatSomebodyWaitsForIsNotForgotten has another key come in the very moment in which the waiting call may go on, when the
// limit of its key looks as if it had rested.
func TestAKeyThatSomebodyWaitsForIsNotForgotten(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var seen passed
			cfg := middleware.RateLimitConfig{Key: func(c *middleware.Call) string { return c.Name }, Keys: 1}
			handle := middleware.RateLimit(1, cfg)(seen.handle)
			use := func(name string) { _, _ = handle(t.Context(), namedCall(name)) }
			time.AfterFunc(time.Second, func() { use("b"); use("a") })
			use("a")
			go use("a")
			synctest.Wait()
			go func() { time.Sleep(time.Second); use("b"); use("a") }() // fake time
			time.Sleep(time.Minute)                                     // fake time
			synctest.Wait()
			checkRate(t, &seen, "a", time.Second, 1)
			checkRate(t, &seen, "b", time.Second, 1)
		})
	}
}

// checkRate looks at every span of time between two calls of a name.
func checkRate(t *testing.T, seen *passed, name string, interval time.Duration, burst int) {
	t.Helper()
	seen.mu.Lock()
	defer seen.mu.Unlock()
	var at []time.Time
	for i, n := range seen.names {
		if n == name {
			at = append(at, seen.at[i])
		}
	}
	for i := range at {
		for j := i; j < len(at); j++ {
			span, n := at[j].Sub(at[i]), j-i+1
			if most := burst + int(span/interval); n > most {
				t.Fatalf("%d calls of %q got through within %v, want at most %d", n, name, span, most)
			}
		}
	}
}

// TestNoSpanOfTimeHasMoreThanTheRateAndABurst has callers come and give up at random.
func TestNoSpanOfTimeHasMoreThanTheRateAndABurst(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			interval := time.Duration(1+random.IntN(1000)) * time.Millisecond
			cfg := middleware.RateLimitConfig{Burst: 1 + random.IntN(5), NoWait: random.IntN(4) == 0}
			var seen passed
			handle := middleware.RateLimit(float64(time.Second)/float64(interval), cfg)(seen.handle)
			patient := 0
			var work sync.WaitGroup
			for range 200 {
				time.Sleep(time.Duration(random.Int64N(int64(interval)))) // fake time
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(2) == 0 {
					time.AfterFunc(time.Duration(random.Int64N(int64(10*interval))), cancel)
				} else {
					patient++
				}
				work.Go(func() { defer cancel(); _, _ = handle(ctx, namedCall("")) })
			}
			work.Wait()
			checkRate(t, &seen, "", interval, cfg.Burst)
			if !cfg.NoWait && len(seen.at) < patient {
				t.Errorf("seed %d: %d calls got through, want at least the %d that did not give up", seed, len(seen.at), patient)
			}
		})
	}
}
