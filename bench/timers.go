package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// timerRang is what the timers publish.
type timerRang struct {
	Order string
	Cents int
}

// Timers that are measured become due at 1,000 a second.
const (
	timerSpacing = time.Millisecond
	storeAlone   = "store alone"
)

// pendingTimers returns a folder with a store in which a million timers are pending, the first of them in an hour.
func pendingTimers(ctx context.Context, e *env) (dir string, err error) {
	return e.kept("pending timers", func(dir string) error {
		driver, err := filelog.Open(dir, filelog.Config{NoSync: true, ItemCache: 512 << 20}) // or looking for names that are not there would take minutes
		if err != nil {
			return err
		}
		return errors.Join(addTimers(ctx, driver, e.n(1_000_000, 1000)), driver.Close())
	})
}

// addTimers makes timers that are due far from now.
func addTimers(ctx context.Context, driver store.Driver, n int) error {
	const writers = 512
	j := &joining{Driver: driver, waiting: make(chan appending, writers)}
	s, err := schedule.New(store.New(j, store.Config{}), schedule.Config{})
	if err != nil {
		return err
	}
	first := time.Now().Add(time.Hour)
	var joined sync.WaitGroup
	joined.Go(j.run)
	defer joined.Wait()
	defer close(j.waiting)
	work, ctx := task.New(ctx)
	for w := range writers {
		work.Go(func() error {
			for i := w; i < n; i += writers {
				_, err := s.At(ctx, timerName(i), first.Add(time.Duration(i)*time.Millisecond), timerRang{timerName(i), i})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

func timerName(i int) string { return fmt.Sprintf("order-%07d", i) }

// joining is a driver that joins the commits which wait into one, so that a million of them do not take minutes.
type joining struct {
	store.Driver
	waiting chan appending
}

type appending struct {
	commit store.Commit
	done   chan error
}

func (j *joining) Append(_ context.Context, c store.Commit) (store.Receipt, error) {
	a := appending{c, make(chan error, 1)}
	j.waiting <- a
	return store.Receipt{}, <-a.done
}

// run commits until waiting is closed.
func (j *joining) run() {
	for first := range j.waiting {
		all := []appending{first}
		for range len(j.waiting) {
			all = append(all, <-j.waiting)
		}
		var joint store.Commit
		for _, a := range all {
			joint.Items = append(joint.Items, a.commit.Items...)
			joint.Conditions = append(joint.Conditions, a.commit.Conditions...)
		}
		_, err := j.Driver.Append(context.Background(), joint)
		for _, a := range all {
			a.done <- err
		}
	}
}

func prepareTimersMemory(ctx context.Context, e *env) ([]contender, error) {
	if runtime.GOOS != "linux" {
		return []contender{{name: oxbowName, missing: "it is read from /proc, so only on Linux"}}, nil
	}
	dir, err := pendingTimers(ctx, e)
	if err != nil {
		return nil, err
	}
	measure := func(do string) side {
		return func(ctx context.Context) (cost, error) {
			m, err := memoryOfChild(ctx, childTask{Do: do, Store: oxbowName, Sync: true, Events: e.n(2000, 20)}, dir)
			return cost(m.Resident << 10), err
		}
	}
	return []contender{
		{name: oxbowName, side: measure("timers")},
		{name: storeAlone, does: "the same store opened and read a little, without a scheduler", side: measure("no timers")},
	}, nil
}

// printTimersMemory fires some timers, and prints what the process has while the others are pending.
func printTimersMemory(ctx context.Context, l peers.Log, t childTask) error {
	st := l.(oxbowLog).store
	return whileScheduling(ctx, st, schedule.Config{}, func(ctx context.Context, s *schedule.Scheduler) error {
		when := time.Now().Add(time.Second)
		for i := range t.Events {
			if _, err := s.PublishAt(ctx, when.Add(time.Duration(i)*timerSpacing), timerRang{"new", i}); err != nil {
				return err
			}
		}
		for s.Stats().Fired < uint64(t.Events) {
			if err := s.WaitFor(ctx, 0); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		return printFootprint()
	})
}

// printStoreMemory prints what a process has that does nothing but read a little.
func printStoreMemory(ctx context.Context, l peers.Log, t childTask) error {
	for i := range t.Events {
		if _, err := l.(oxbowLog).store.Get(ctx, schedule.Bucket, timerName(i*17)); err != nil {
			return err
		}
	}
	return printFootprint()
}

func printFootprint() error {
	debug.FreeOSMemory()
	m, err := ownMemory()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

// whileScheduling calls fn while a scheduler runs.
func whileScheduling(ctx context.Context, st *store.Store, cfg schedule.Config, fn func(context.Context, *schedule.Scheduler) error) error {
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := schedule.New(st, cfg)
	if err != nil {
		return err
	}
	work, inner := task.New(ctx)
	running, stop := context.WithCancel(inner)
	work.Go(func() error { return s.Run(running) })
	work.Go(func() error { defer stop(); return fn(inner, s) })
	return work.Wait()
}

// punctual is a committer that notes how long after it was due each firing was durable.
type punctual struct {
	store *store.Store
	mu    sync.Mutex
	late  []time.Duration
}

func (p *punctual) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	receipt, err := p.store.Commit(ctx, c)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range c.Events {
		if _, due, ok := schedule.Of(&c.Events[i].Metadata); ok && err == nil {
			p.late = append(p.late, now.Sub(due))
		}
	}
	return receipt, err
}

func (p *punctual) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.late)
}

func prepareTimersFiring(ctx context.Context, e *env) ([]contender, error) {
	dir, err := pendingTimers(ctx, e)
	if err != nil {
		return nil, err
	}
	l, err := openOxbow(dir, true)
	if err != nil {
		return nil, err
	}
	e.onClose(l.Close)
	n := e.n(10_000, 20)
	return []contender{{name: oxbowName, side: func(ctx context.Context) (cost, error) {
		p := &punctual{store: l.(oxbowLog).store}
		if err := fireTimers(ctx, p, n); err != nil {
			return 0, err
		}
		slices.Sort(p.late)
		return cost(p.late[len(p.late)*99/100]), nil
	}}}, nil
}

// fireTimers makes timers, has another scheduler fire them, and returns when it has.
func fireTimers(ctx context.Context, p *punctual, n int) error {
	maker, err := schedule.New(p.store, schedule.Config{})
	if err != nil {
		return err
	}
	when := time.Now().Add(3*time.Second + time.Duration(n)*2*timerSpacing) // time to make them
	work, making := task.New(ctx)
	const writers = 64
	for w := range writers {
		work.Go(func() error {
			for i := w; i < n; i += writers {
				if _, err := maker.PublishAt(making, when.Add(time.Duration(i)*timerSpacing), timerRang{"new", i}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	if time.Now().After(when) {
		return errors.New("making the timers took so long that the first were due")
	}
	return whileScheduling(ctx, p.store, schedule.Config{Committer: p}, func(ctx context.Context, s *schedule.Scheduler) error {
		for p.count() < n {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
}
