package lease_test

import (
	"context"
	"iter"
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// gate is one process's way to a store that several have, which can be shut.
type gate struct {
	store.Driver

	mu     sync.Mutex
	fail   error         // what calls return
	shut   chan struct{} // calls wait until it is closed, whatever their context says: the process is paused
	unsure bool          // commits happen, and their answer is lost
}

func (g *gate) failWith(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = err
}

func (g *gate) loseAnswers(lose bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unsure = lose
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		close(g.shut)
		g.shut = nil
	}
}

func (g *gate) pass() error {
	for {
		g.mu.Lock()
		shut, err := g.shut, g.fail
		g.mu.Unlock()
		if shut == nil {
			return err
		}
		<-shut
	}
}

func (g *gate) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := g.pass(); err != nil {
		return store.Receipt{}, err
	}
	r, err := g.Driver.Append(ctx, c)
	g.mu.Lock()
	unsure := g.unsure
	g.mu.Unlock()
	if unsure {
		return store.Receipt{}, errDown
	}
	return r, err
}

func (g *gate) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if err := g.pass(); err != nil {
		return store.Item{}, err
	}
	return g.Driver.Get(ctx, bucket, key)
}

func (g *gate) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		if err := g.pass(); err != nil {
			yield(store.Item{}, err)
			return
		}
		g.Driver.List(ctx, bucket, from, to)(yield)
	}
}

// Close leaves the data to the others.
func (g *gate) Close() error { return nil }
