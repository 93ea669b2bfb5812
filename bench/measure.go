package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"time"
)

// work is one row of the table: something that Oxbow does, and a peer that does what can be compared.
type work struct {
	name       string
	peer       string // what the peer does
	durability string // what has been reached when the work counts as done, on both sides
	target     string // from the project's list of targets
	rate       bool   // show events a second instead of the time of one
	prepare    func(ctx context.Context, e *env) (oxbow, peer side, err error)
}

// cost is what one event took, in nanoseconds.
type cost float64

// side does a part of the work and returns what one event took.
type side func(ctx context.Context) (cost, error)

// env is where a row is measured.
type env struct {
	dir    string
	quick  bool
	closes []func() error
}

// n returns how much to do.
func (e *env) n(full, quick int) int {
	if e.quick {
		return quick
	}
	return full
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

// result is what each round took: index 0 is Oxbow, 1 the peer.
type result [2][]cost

// measure runs both sides once to warm up and then alternately, a different one first each time.
func measure(ctx context.Context, w work, e *env, rounds int) (r result, err error) {
	defer func() { err = errors.Join(err, e.close()) }()
	oxbow, peer, err := w.prepare(ctx, e)
	if err != nil {
		return r, err
	}
	sides := [2]side{oxbow, peer}
	for round := -1; round < rounds; round++ {
		for i := range sides {
			which := (i + round + 2) % 2
			if err := ctx.Err(); err != nil {
				return r, err
			}
			runtime.GC()
			took, err := sides[which](ctx)
			if err != nil {
				return r, err
			}
			if round >= 0 {
				r[which] = append(r[which], took)
			}
		}
	}
	return r, nil
}

// ratios returns, for each round, how many times the peer's number Oxbow's is, in order of size.
func (r result) ratios(rate bool) (ratios []float64) {
	for i := range r[0] {
		ratio := r[0][i] / r[1][i]
		if rate {
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

// each returns a side that times n calls one after the other, and returns the median of the calls.
func each(n int, call func(ctx context.Context) error) side {
	return func(ctx context.Context) (cost, error) {
		took := make([]time.Duration, n)
		for i := range took {
			start := time.Now()
			if err := call(ctx); err != nil {
				return 0, err
			}
			took[i] = time.Since(start)
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
