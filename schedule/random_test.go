package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// setClock is a clock that can be set.
type setClock struct{ ahead atomic.Int64 }

func (c *setClock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *setClock) set(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// modelled is a schedule as the model knows it.
type modelled struct {
	once   time.Time
	every  time.Duration
	from   time.Time
	since  time.Time // that it waits; zero when it is paused
	paused bool
}

// scheduleModel says what fires. All changes happen between due times, so that it need not know who is faster.
type scheduleModel struct {
	began time.Time
	all   map[string]*modelled
	fired []string
}

func (m *scheduleModel) note(name string, due time.Time) {
	m.fired = append(m.fired, fmt.Sprint(name, " ", due.Sub(m.began)))
}

// advance fires what is due up to a time.
func (m *scheduleModel) advance(now time.Time) {
	for name, s := range m.all {
		switch {
		case s.paused:
		case s.every == 0 && !s.once.After(now):
			m.note(name, s.once)
			delete(m.all, name)
		case s.every > 0:
			for due := s.from; !due.After(now); due = due.Add(s.every) {
				if due.After(s.since) {
					m.note(name, due)
				}
			}
			s.since = now
		}
	}
}

// TestFiringsFollowTheModel has three schedulers run, which crash in random calls of the store and are replaced at once, while schedules come,
// go, pause, resume and are replaced at random.
func TestFiringsFollowTheModel(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) { followModel(t, seed) })
	}
}

func followModel(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	driver := memory.New()
	st := store.New(driver, store.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var crashes atomic.Int64
	ended := make(chan struct{})
	for i := range 3 {
		luck := rand.New(rand.NewPCG(seed, uint64(i+1)))
		go func() {
			defer func() { ended <- struct{}{} }()
			crashAndGoOn(ctx, t, driver, luck, &crashes)
		}()
	}
	s := newScheduler(t, st, schedule.Config{})
	m := &scheduleModel{began: time.Now(), all: map[string]*modelled{}}
	for step := range 150 {
		time.Sleep(time.Duration(random.IntN(700)) * time.Millisecond)
		now := settled(t, s)
		m.advance(now)
		if err := act(ctx, s, m, random, step, now); err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, step, err)
		}
	}
	cancel()
	for range 3 {
		<-ended
	}
	var got []string
	for _, f := range firings(t, st) {
		got = append(got, fmt.Sprint(f.name, " ", f.due.Sub(m.began)))
	}
	slices.Sort(got)
	slices.Sort(m.fired)
	if !slices.Equal(got, m.fired) {
		t.Errorf("seed %d: %s", seed, compare(got, m.fired))
	}
	if crashes.Load() == 0 {
		t.Error("no scheduler crashed")
	}
}

// settled returns a time at which nothing is due, when all that was due before has been fired.
func settled(t *testing.T, s *schedule.Scheduler) time.Time {
	for {
		now := time.Now().Truncate(time.Millisecond).Add(500 * time.Microsecond)
		time.Sleep(time.Until(now))
		ok(t, s.WaitFor(t.Context(), 0))
		if time.Now().Equal(now) {
			return now
		}
	}
}

// compare tells in what two sorted lists differ.
func compare(got, want []string) string {
	var differences []string
	for _, text := range got {
		if _, found := slices.BinarySearch(want, text); !found {
			differences = append(differences, "fired, though it was not to: "+text)
		}
	}
	for _, text := range want {
		if _, found := slices.BinarySearch(got, text); !found {
			differences = append(differences, "not fired: "+text)
		}
	}
	return fmt.Sprintf("%d fired, want %d: %s", len(got), len(want), strings.Join(first(differences, 10), "; "))
}

// crashAndGoOn runs schedulers, one after the other, each until it crashes.
func crashAndGoOn(ctx context.Context, t *testing.T, driver store.Driver, luck *rand.Rand, crashes *atomic.Int64) {
	for ctx.Err() == nil {
		fragile := &crashing{Driver: driver, left: 1 + luck.IntN(100), afterEffect: luck.IntN(2) == 0}
		s := newScheduler(t, store.New(fragile, store.Config{}), schedule.Config{Batch: 1 + luck.IntN(10), Window: 1 + luck.IntN(20)})
		err := s.Run(ctx)
		if err != nil && !errors.Is(err, errCrash) {
			t.Errorf("a scheduler ended with %v", err)
			return
		}
		crashes.Add(1)
	}
}

// act does something to a random schedule.
func act(ctx context.Context, s *schedule.Scheduler, m *scheduleModel, random *rand.Rand, step int, now time.Time) error {
	name := fmt.Sprint("s", random.IntN(12))
	known := m.all[name]
	switch action := random.IntN(6); {
	case known == nil && action < 3 || action == 0:
		once := now.Truncate(time.Millisecond).Add(time.Duration(1+random.IntN(3000))*time.Millisecond + time.Duration(step)*time.Nanosecond)
		_, err := s.At(ctx, name, once, bellRung{"a"}, schedule.Replace())
		m.put(name, &modelled{once: once}, known)
		return err
	case known == nil || action == 1:
		interval := time.Duration(100+random.IntN(900)) * time.Millisecond
		from := now.Truncate(time.Millisecond).Add(time.Duration(random.IntN(500)-250)*time.Millisecond + time.Duration(step)*time.Nanosecond)
		_, err := s.Every(ctx, name, interval, bellRung{"a"}, schedule.From(from), schedule.Replace())
		m.put(name, &modelled{every: interval, from: from, since: now}, known)
		return err
	case action == 2:
		delete(m.all, name)
		return s.Cancel(ctx, name)
	case action == 3:
		known.paused = true
		return s.Pause(ctx, name)
	case known.paused:
		known.paused, known.since = false, now
		defer m.advance(now) // what was due while it was paused, if it fires once
		return s.Resume(ctx, name)
	}
	return nil
}

// put makes a schedule, or replaces one, which stays paused if it was.
func (m *scheduleModel) put(name string, s, old *modelled) {
	s.paused = old != nil && old.paused
	m.all[name] = s
}
