package middleware_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/middleware"
)

// breakerModel keeps everything that happened since the last change, and counts it anew each time.
type breakerModel struct {
	cfg     middleware.BreakerConfig
	began   time.Time
	state   middleware.State
	era     int
	opened  time.Time
	ended   []ended // since the last change
	probing int
}

type ended struct {
	at     time.Time
	failed bool
}

func (m *breakerModel) now() middleware.State {
	if m.state == middleware.Open && time.Since(m.opened) >= m.cfg.Open {
		return middleware.HalfOpen
	}
	return m.state
}

func (m *breakerModel) enter() (era int, ok bool) {
	if now := m.now(); now != m.state {
		m.change(now)
	}
	switch {
	case m.state == middleware.Open, m.state == middleware.HalfOpen && m.probing+len(m.ended) >= m.cfg.Probes:
		return 0, false
	case m.state == middleware.HalfOpen:
		m.probing++
	}
	return m.era, true
}

// leave is told nil for a call that says nothing.
func (m *breakerModel) leave(era int, failed *bool) {
	if era != m.era {
		return
	}
	if m.state == middleware.HalfOpen {
		m.probing--
	}
	if failed == nil {
		return
	}
	m.ended = append(m.ended, ended{time.Now(), *failed})
	switch {
	case m.state == middleware.HalfOpen && *failed:
		m.change(middleware.Open)
	case m.state == middleware.HalfOpen && len(m.ended) == m.cfg.Probes:
		m.change(middleware.Closed)
	case m.state == middleware.Closed && *failed && m.trips():
		m.change(middleware.Open)
	}
}

func (m *breakerModel) trips() bool {
	inARow := 0
	for i := len(m.ended) - 1; i >= 0 && m.ended[i].failed; i-- {
		inARow++
	}
	calls, failed := m.counts()
	return inARow >= m.cfg.Failures || calls >= m.cfg.Calls && float64(failed)/float64(calls) >= m.cfg.Rate
}

// counts looks at all calls again, for those of the last ten steps.
func (m *breakerModel) counts() (calls, failed int) {
	step := m.cfg.Window / 10
	newest := time.Since(m.began) / step
	for _, e := range m.ended {
		if newest-e.at.Sub(m.began)/step >= 10 {
			continue
		}
		calls++
		if e.failed {
			failed++
		}
	}
	return calls, failed
}

func (m *breakerModel) change(to middleware.State) {
	m.state, m.ended, m.probing, m.opened = to, nil, 0, time.Now()
	m.era++
}

func TestBreakerFollowsItsModel(t *testing.T) {
	seen := map[middleware.State]int{}
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			cfg := middleware.BreakerConfig{
				Failures: 1 + random.IntN(8), Rate: []float64{0.25, 0.5, 1}[random.IntN(3)], Calls: 1 + random.IntN(20),
				Window: time.Second * time.Duration(1+random.IntN(10)), Open: time.Second * time.Duration(1+random.IntN(5)),
				Probes: 1 + random.IntN(3),
			}
			m := &breakerModel{cfg: cfg, began: time.Now()}
			b := newBreaker(cfg)
			drive(t, random, b, m, seen)
		})
	}
	for _, s := range []middleware.State{middleware.Closed, middleware.Open, middleware.HalfOpen} {
		if seen[s] < 100 {
			t.Errorf("the breaker was seen %v only %d times", s, seen[s])
		}
	}
}

// drive begins and ends calls at random, up to four at the same time.
func drive(t *testing.T, random *rand.Rand, b *middleware.Breaker, m *breakerModel, seen map[middleware.State]int) {
	type running struct {
		era     int
		release chan error
		left    chan bool
	}
	var under []running
	end := func(i int, err error, failed *bool) {
		under[i].release <- err
		<-under[i].left
		m.leave(under[i].era, failed)
		under = append(under[:i], under[i+1:]...)
	}
	yes, no := true, false
	failing := random.IntN(100)
	for step := range 500 {
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // fake time
		if random.IntN(20) == 0 {
			failing = random.IntN(100)
		}
		if len(under) < 4 && random.IntN(2) == 0 {
			era, ok := m.enter()
			r := running{era, make(chan error), make(chan bool, 1)}
			entered, refused := make(chan bool, 1), make(chan error, 1)
			handle := b.Around(func(context.Context, *middleware.Call) (any, error) { entered <- true; return nil, <-r.release })
			go func() {
				if _, err := handle(context.Background(), newCall()); errors.Is(err, middleware.ErrOpen) {
					refused <- err
				}
				r.left <- true
			}()
			synctest.Wait()
			if len(entered) == 1 != ok || len(refused) == 1 == ok {
				t.Fatalf("step %d: let through %v, want %v", step, !ok, ok)
			}
			if ok {
				under = append(under, r)
			}
		} else if len(under) > 0 {
			i, die := random.IntN(len(under)), random.IntN(100)
			switch {
			case die < 5:
				end(i, context.Canceled, nil)
			case die < 5+failing:
				end(i, errDown, &yes)
			default:
				end(i, nil, &no)
			}
		}
		status := b.Status()
		if seen[status.State]++; status.State != m.now() {
			t.Fatalf("step %d: it is %v, want %v", step, status.State, m.now())
		}
		if calls, failed := m.counts(); m.state == middleware.Closed && (status.Calls != calls || status.Failed != failed) {
			t.Fatalf("step %d: of %d calls %d failed, want %d of %d", step, status.Calls, status.Failed, failed, calls)
		}
	}
	for len(under) > 0 {
		end(0, nil, &no)
	}
}
