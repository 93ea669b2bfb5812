package middleware

import (
	"container/list"
	"context"
	"math"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// RateLimitConfig is how calls are counted; the zero RateLimitConfig works.
type RateLimitConfig struct {
	Burst  int                // calls that may come at once after a rest; default 1
	Key    func(*Call) string // calls of each key have a limit of their own; default one limit for all
	Keys   int                // keys whose limits are kept at the same time; default 10,000
	NoWait bool               // refuse instead of waiting
}

// RateLimit lets so many calls a second through: those that come too early wait, in order, until their context ends. With NoWait
// they are refused at once. The error of both is a [*LimitedError], and what is refused has taken nothing from the limit.
//
// All handlers that it wraps share the limit. It is a token bucket: in any span of time at most Burst calls and perSecond times the
// span begin. When there are more keys than Keys, of which the least recently used one has not rested long enough to be
// forgotten, the others share one further limit, so that no number of keys takes more memory or lifts a limit. (A key that gets its own
// while calls of its still wait for the shared one has both until these are through.)
//
// It panics unless perSecond is a positive number, or with what Check returns.
func RateLimit(perSecond float64, cfg RateLimitConfig) Func {
	must(cfg.Check())
	if cfg.Burst == 0 {
		cfg.Burst = 1
	}
	if cfg.Keys == 0 {
		cfg.Keys = 10_000
	}
	interval := math.Ceil(float64(time.Second) / perSecond) // up, so that rounding never lets more through
	if math.IsInf(perSecond, 0) || !(perSecond > 0) || interval*float64(cfg.Burst) > math.MaxInt64/4 {
		panic(event.Invalid("rate", "is %v a second; give a number above 0 that lets a burst of %d through in our lifetime", perSecond, cfg.Burst))
	}
	l := &rateLimit{
		cfg: cfg, interval: time.Duration(interval), ahead: time.Duration(interval) * time.Duration(cfg.Burst-1),
		buckets: map[string]*list.Element{}, used: list.New(), rest: newBucket(""),
	}
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (any, error) {
			if err := l.wait(ctx, c); err != nil {
				return nil, err
			}
			return next(ctx, c)
		}
	}
}

// Check refuses negative fields, naming the field.
func (cfg RateLimitConfig) Check() error {
	switch {
	case cfg.Burst < 0:
		return event.Invalid("Burst", "is negative")
	case cfg.Keys < 0:
		return event.Invalid("Keys", "is negative")
	}
	return nil
}

// rateLimit is a token bucket for each key, in the form of the virtual scheduling algorithm (ITU-T I.371, GCRA): instead of tokens it
// keeps the time at which the bucket will be full, which each call moves on by one interval and which may be so far ahead.
type rateLimit struct {
	cfg             RateLimitConfig
	interval, ahead time.Duration

	mu      sync.Mutex
	buckets map[string]*list.Element // of *bucket
	used    *list.List               // of *bucket, the least recently used one first
	rest    *bucket                  // of the keys for which there is no room, and of all when there are no keys
}

type bucket struct {
	key  string
	turn chan struct{} // held by whom the next token is for; a channel's senders are served in order

	// Under the limit's mutex:
	full  time.Time
	users int // calls that hold the bucket, which must not be forgotten then
}

func newBucket(key string) *bucket { return &bucket{key: key, turn: make(chan struct{}, 1)} }

func (l *rateLimit) wait(ctx context.Context, c *Call) error {
	b := l.enter(c)
	defer l.leave(b)
	if l.cfg.NoWait {
		if early := l.take(b); early > 0 {
			return &LimitedError{Limit: "rate", Handler: c.Handler, After: early}
		}
		return nil
	}
	if err := l.takeInTurn(ctx, b); err != nil {
		return &LimitedError{Limit: "rate", Handler: c.Handler, Err: err}
	}
	return nil
}

func (l *rateLimit) takeInTurn(ctx context.Context, b *bucket) error {
	if err := enter(ctx, b.turn); err != nil {
		return err
	}
	defer func() { <-b.turn }()
	for {
		early := l.take(b)
		if early <= 0 {
			return nil
		}
		if err := backoff.Sleep(ctx, early); err != nil {
			return err
		}
	}
}

// take takes a token, unless it comes too early: then it returns by how much.
func (l *rateLimit) take(b *bucket) (early time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if early := b.full.Add(-l.ahead).Sub(now); early > 0 {
		return early
	}
	if b.full.Before(now) {
		b.full = now
	}
	b.full = b.full.Add(l.interval)
	return 0
}

func (l *rateLimit) enter(c *Call) *bucket {
	if l.cfg.Key == nil {
		return l.rest
	}
	key := l.cfg.Key(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.find(key)
	b.users++
	return b
}

func (l *rateLimit) leave(b *bucket) {
	if l.cfg.Key == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b.users--
}

func (l *rateLimit) find(key string) *bucket {
	if known, ok := l.buckets[key]; ok {
		l.used.MoveToBack(known)
		return known.Value.(*bucket)
	}
	if l.used.Len() >= l.cfg.Keys && !l.forgetOne() {
		return l.rest
	}
	b := newBucket(key)
	b.full = l.rest.full // from which calls of this key may have taken
	l.buckets[key] = l.used.PushBack(b)
	return b
}

// forgetOne makes room for a key: by the least recently used bucket, if that is full and so as good as a new one.
func (l *rateLimit) forgetOne() bool {
	front := l.used.Front()
	b := front.Value.(*bucket)
	if b.users > 0 || b.full.After(time.Now()) {
		return false
	}
	l.used.Remove(front)
	delete(l.buckets, b.key)
	return true
}
