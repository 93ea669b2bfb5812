// Package task runs goroutines that somebody waits for.
package task

import (
	"context"
	"sync"
)

// Group runs functions side by side. The first failure cancels the group's context. A Group is made by New and used once.
type Group struct {
	cancel context.CancelCauseFunc
	wait   sync.WaitGroup
	once   sync.Once
	err    error
}

// New returns a group and the context that its functions work with: it ends with ctx, with the first failure, or when Wait
// returns.
func New(ctx context.Context) (*Group, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	return &Group{cancel: cancel}, ctx
}

// Go starts f.
func (g *Group) Go(f func() error) {
	g.wait.Go(func() {
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel(err)
			})
		}
	})
}

// Wait returns when all functions have returned, with the first failure.
func (g *Group) Wait() error {
	g.wait.Wait()
	g.cancel(nil)
	return g.err
}
