package peers

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// group makes one transaction of all commits that wait, for engines with one writer at a time that sync each transaction. A lone
// commit waits for nothing.
type group struct {
	mu      sync.RWMutex // read: sending to waiting; write: closing it
	closed  bool
	waiting chan *pending
	ended   chan struct{}
}

// pending is a commit that waits.
type pending struct {
	stream string
	head   uint64
	events []event.Record
	err    error // of this commit alone; set by transact
	done   chan error
}

// grouped is the most commits in one transaction.
const grouped = 1024

var errClosed = errors.New("log is closed")

// newGroup returns a group for which transact commits. transact sets err of those it refuses, and returns what concerns all.
func newGroup(transact func([]*pending) error) *group {
	g := &group{waiting: make(chan *pending, grouped), ended: make(chan struct{})}
	go g.run(transact)
	return g
}

func (g *group) run(transact func([]*pending) error) {
	defer close(g.ended)
	for first := range g.waiting {
		runtime.Gosched() // writers that were just acknowledged may have their next commit ready
		batch := append(make([]*pending, 0, grouped), first)
		for len(batch) < grouped && len(g.waiting) > 0 {
			batch = append(batch, <-g.waiting)
		}
		err := transact(batch)
		for _, p := range batch {
			p.done <- errors.Join(err, p.err)
		}
	}
}

func (g *group) append(_ context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	p := &pending{stream: stream, head: head, events: events, done: make(chan error, 1)}
	if err := g.send(p); err != nil {
		return 0, err
	}
	return head + uint64(len(events)), <-p.done
}

func (g *group) send(p *pending) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return errClosed
	}
	g.waiting <- p
	return nil
}

func (g *group) close() {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.waiting)
	}
	g.mu.Unlock()
	<-g.ended
}
