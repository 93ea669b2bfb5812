package middleware

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Breaker stops calling handlers that keep failing, so that neither they nor their callers are worn out: a circuit breaker as
// Michael Nygard describes it in "Release It!" (2007). Its method Around is the middleware, and all handlers that it wraps share it.
//
// Closed, it lets all calls through, until so many in a row or such a share of them fail. Open, it refuses all, with an
// [*OpenError]. After a time it is half-open and lets a few through: if all of these succeed it closes, and opens again with the
// first one that fails. A panic is a failure. What began before a change counts no more after it. It starts no goroutine: time is
// looked at when there is a call. A probe that does not return keeps others out, hence a Timeout belongs further in.
type Breaker struct {
	cfg BreakerConfig

	mu        sync.Mutex
	state     State
	era       uint64 // grows with each change
	failing   int    // failures in a row, closed
	window    window // of the calls, closed
	until     time.Time
	probing   int // probes that run, half-open
	succeeded int // probes that did
}

// State is what a Breaker does with calls.
type State int

// The states of a Breaker.
const (
	Closed   State = iota // lets them through
	Open                  // refuses them
	HalfOpen              // lets a few through to see how they fare
)

func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// NewBreaker returns a breaker that is closed.
func NewBreaker(cfg BreakerConfig) (*Breaker, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Breaker{cfg: cfg, window: newWindow(cfg.Window)}, nil
}

// Around is the middleware.
func (b *Breaker) Around(next Handler) Handler {
	return func(ctx context.Context, c *Call) (result any, err error) {
		era, from, err := b.enter()
		if err != nil {
			return nil, err
		}
		outcome := failure
		defer func() { b.leave(era, outcome) }() // also after a panic, be it of OnChange
		if from == Open {
			b.tell(Open, HalfOpen)
		}
		result, err = next(ctx, c)
		outcome = b.judge(err)
		return result, err
	}
}

// BreakerStatus is how a Breaker stands.
type BreakerStatus struct {
	State   State
	Until   time.Time // when it lets calls through again; zero unless it is open
	Failing int       // failures in a row, closed
	Calls   int       // calls in the window, closed
	Failed  int       // those of them that failed
}

// Status returns how the breaker stands now.
func (b *Breaker) Status() BreakerStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	s := BreakerStatus{State: b.state, Failing: b.failing}
	s.Calls, s.Failed = b.window.counts(now)
	switch {
	case b.state == Open && now.Before(b.until):
		s.Until = b.until
	case b.state == Open:
		s.State = HalfOpen // as the next call will find it
	}
	return s
}

// enter asks whether a call may go through, and returns the era that it belongs to, and the state that it found: the first call that
// goes through when that is Open has made it half-open.
func (b *Breaker) enter() (era uint64, from State, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from = b.state
	if b.state == Open && !time.Now().Before(b.until) {
		b.change(HalfOpen)
	}
	switch {
	case b.state == Open:
		err = &OpenError{Breaker: b.cfg.Name, State: Open, Until: b.until}
	case b.state == HalfOpen && b.probing+b.succeeded >= b.cfg.Probes:
		err = &OpenError{Breaker: b.cfg.Name, State: HalfOpen}
	case b.state == HalfOpen:
		b.probing++
	}
	return b.era, from, err
}

// leave notes what became of a call that began in an era.
func (b *Breaker) leave(era uint64, o outcome) {
	b.mu.Lock()
	from := b.state
	switch {
	case era != b.era: // what it tells is out of date
	case b.state == HalfOpen:
		b.leaveProbe(o)
	case o == success:
		b.failing = 0
		b.window.add(time.Now(), 1, 0)
	case o == failure:
		b.fail(time.Now())
	}
	to := b.state
	b.mu.Unlock()
	b.tell(from, to)
}

func (b *Breaker) leaveProbe(o outcome) {
	b.probing--
	switch o {
	case success:
		if b.succeeded++; b.succeeded >= b.cfg.Probes {
			b.change(Closed)
		}
	case failure:
		b.change(Open)
	}
}

func (b *Breaker) fail(now time.Time) {
	b.failing++
	b.window.add(now, 1, 1)
	calls, failed := b.window.counts(now)
	if b.failing >= b.cfg.Failures || calls >= b.cfg.Calls && float64(failed) >= b.cfg.Rate*float64(calls) {
		b.change(Open)
	}
}

func (b *Breaker) change(to State) {
	b.state = to
	b.era++
	b.failing, b.probing, b.succeeded = 0, 0, 0
	b.window.clear()
	if to == Open {
		b.until = time.Now().Add(b.cfg.Open)
	}
}

// tell is called without the lock: OnChange may ask for the status.
func (b *Breaker) tell(from, to State) {
	if from != to && b.cfg.OnChange != nil {
		b.cfg.OnChange(from, to)
	}
}

// outcome is what a call says about whether the handler works.
type outcome int

const (
	failure outcome = iota
	success
	nothing
)

func (b *Breaker) judge(err error) outcome {
	switch {
	case err == nil:
		return success
	case b.cfg.Counts(err):
		return failure
	}
	return nothing
}
