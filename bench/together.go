package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/internal/task"
)

// together returns a side in which all call at the same time and again and again, for as long as the span. Each call handles n
// events.
func together(span time.Duration, n int, calls []func(context.Context) error) side {
	return func(ctx context.Context) (cost, error) {
		var done atomic.Int64
		work, ctx := task.New(ctx)
		start := time.Now()
		for _, call := range calls {
			work.Go(func() error {
				for ok := true; ok; ok = time.Since(start) < span {
					if err := call(ctx); err != nil {
						return err
					}
					done.Add(1)
				}
				return nil
			})
		}
		if err := work.Wait(); err != nil {
			return 0, err
		}
		return cost(time.Since(start)) / cost(done.Load()) / cost(n), nil
	}
}

// repeat returns n calls as one.
func repeat(n int, call func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for range n {
			if err := call(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// atOnce returns so many at the same time as one.
func atOnce(n int, call func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		work, ctx := task.New(ctx)
		for range n {
			work.Go(func() error { return call(ctx) })
		}
		return work.Wait()
	}
}
