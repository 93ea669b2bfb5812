package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"
)

// work is something that Oxbow does and that others do as well: some rows of the table.
type work struct {
	name       string
	full       string // its name with -full, when that is another
	durability string // what has been reached when the work counts as done, by each of them; empty when nothing is kept
	unit       unit
	goal       string            // what Oxbow should reach on a machine like that of docs/benchmarks.md
	limit      cost              // what Oxbow may take on any machine, 0 when that depends on it
	targets    map[string]target // by name of the peer
	once       bool              // measured once, since another time gives the same
	large      bool              // so much memory is in use that collecting garbage before each turn would take longer than the turn
	prepare    func(ctx context.Context, e *env) ([]contender, error)
}

// contender is Oxbow, which comes first, or a peer.
type contender struct {
	name       string
	does       string // in a line; what is the same for several works is said once
	side       side
	durability string // when it is not the work's; then it is not compared
	missing    string // why it cannot be measured, in place of side
	events     int    // that side handles, when allocations are to be counted
}

// cost is what one event took, in nanoseconds, or what was measured instead.
type cost float64

// side does a part of the work and returns what one event took.
type side func(ctx context.Context) (cost, error)

// env is where a row is measured.
type env struct {
	dir         string
	quick, full bool
	targets     map[string]target // of the row
	keptFolders map[string]string // by name, of all rows
	closes      []func() error
}

// n returns how much to do.
func (e *env) n(usual, quick int) int {
	if e.quick {
		return quick
	}
	return usual
}

// span returns how long to do what is done as often as possible.
func (e *env) span() time.Duration {
	if e.quick {
		return 5 * time.Millisecond
	}
	return 600 * time.Millisecond
}

// pause returns how long to wait until a system is idle.
func (e *env) pause() time.Duration {
	if e.quick {
		return 0
	}
	return 2 * time.Millisecond
}

// onClose has something called when the row is done, last in, first out.
func (e *env) onClose(fn func() error) { e.closes = append(e.closes, fn) }

func (e *env) close() (err error) {
	for _, fn := range slices.Backward(e.closes) {
		err = errors.Join(err, fn())
	}
	return err
}

// folder returns a new folder, which is removed when the row is done.
func (e *env) folder() (string, error) {
	dir, err := os.MkdirTemp(e.dir, "row-")
	if err == nil {
		e.onClose(func() error { return os.RemoveAll(dir) })
	}
	return dir, err
}

// kept returns the folder of that name, which stays for the rows to come. The first row that asks has it filled.
func (e *env) kept(name string, fill func(dir string) error) (string, error) {
	if dir, ok := e.keptFolders[name]; ok {
		return dir, nil
	}
	dir, err := os.MkdirTemp(e.dir, "kept-")
	if err != nil {
		return "", err
	}
	if err := errors.Join(fill(dir), syncFolder(dir)); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	e.keptFolders[name] = dir
	return dir, nil
}

// syncFolder returns when the disk has the files in a folder, so that nobody who is measured has to wait for that.
func syncFolder(dir string) error {
	return eachFile(dir, func(path string, _ fs.DirEntry) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// result is a contender with what each round took.
type result struct {
	contender
	costs  []cost
	allocs []float64 // an event, when they are counted
}

// measure has each contender do the work once to warm up and then in rounds, in another order each time: what an engine puts off
// until after its turn does not always fall to the same one.
func measure(ctx context.Context, w work, e *env, rounds int) (results []result, err error) {
	defer func() { err = errors.Join(err, e.close()) }()
	contenders, err := w.prepare(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, c := range contenders {
		results = append(results, result{contender: c})
	}
	order, first := rand.New(rand.NewPCG(1, 2)), -1
	if w.once {
		first, rounds = 0, 1
	}
	for round := first; round < rounds; round++ {
		for _, i := range order.Perm(len(results)) {
			r := &results[i]
			if r.missing != "" {
				continue
			}
			if !w.large {
				runtime.GC()
			}
			took, allocated, err := r.measure(ctx)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				r.costs = append(r.costs, took)
				r.allocs = append(r.allocs, allocated)
			}
		}
	}
	return results, nil
}

// measure returns what an event took, and how many allocations.
func (c *contender) measure(ctx context.Context) (took cost, allocated float64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	took, err = c.side(ctx)
	if err != nil {
		return 0, 0, &contenderError{c.name, err}
	}
	runtime.ReadMemStats(&after)
	return took, float64(after.Mallocs-before.Mallocs) / float64(max(c.events, 1)), nil
}

// contenderError says whose error it is.
type contenderError struct {
	name string
	err  error
}

func (e *contenderError) Error() string { return e.name + ": " + e.err.Error() }
func (e *contenderError) Unwrap() error { return e.err }

// ratios returns, for each round, how many times the peer's number Oxbow's is, in order of size.
func ratios(oxbow, peer []cost, u unit) (ratios []float64) {
	for i := range oxbow {
		ratio := oxbow[i] / peer[i]
		if u == rate {
			ratio = 1 / ratio
		}
		ratios = append(ratios, float64(ratio))
	}
	slices.Sort(ratios)
	return ratios
}

// median returns the middle value; of an even number, the lower one of the two in the middle.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// each returns a side that times calls one after the other, for as long as the span, and returns the median of the calls.
func each(span time.Duration, call func(ctx context.Context) error) side {
	return func(ctx context.Context) (cost, error) {
		var took []time.Duration
		for begin := time.Now(); len(took) == 0 || time.Since(begin) < span; {
			start := time.Now()
			if err := call(ctx); err != nil {
				return 0, err
			}
			took = append(took, time.Since(start))
		}
		return cost(median(took)), nil
	}
}

// all returns a side that times the handling of n events as a whole.
func all(n int, handle func(ctx context.Context) error) side {
	return func(ctx context.Context) (cost, error) {
		start := time.Now()
		err := handle(ctx)
		return cost(time.Since(start)) / cost(n), err
	}
}
