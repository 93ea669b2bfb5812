package consumer

import (
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// board hands jobs to workers: one at a time for each key, in order, and keys in the order in which they became ready.
type board struct {
	ready chan *lane // lanes whose front job may be handled; each lane at most once, so that sending never waits

	mu    sync.Mutex
	lanes map[string]*lane // those with jobs
}

// lane holds the jobs of one key. Its front job belongs to whoever took the lane, until done.
type lane struct {
	key      string
	jobs     []job // under the board's mutex
	attempts int   // failed ones of the front job
}

type job struct {
	record event.Record
	ticket uint64
}

// newBoard returns a board for at most limit jobs at a time.
func newBoard(limit int) *board {
	return &board{ready: make(chan *lane, limit), lanes: map[string]*lane{}}
}

// add puts a job behind those of its key.
func (b *board) add(key string, j job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.lanes[key]; ok {
		l.jobs = append(l.jobs, j)
		return
	}
	l := &lane{key: key, jobs: []job{j}}
	b.lanes[key] = l
	b.ready <- l
}

// front returns the job that a lane's taker is to handle.
func (b *board) front(l *lane) job {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.jobs[0]
}

// done takes the front job off its lane and lets the next one be handled.
func (b *board) done(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.jobs[0] = job{}
	l.jobs, l.attempts = l.jobs[1:], 0
	if len(l.jobs) == 0 {
		delete(b.lanes, l.key)
		return
	}
	b.ready <- l
}

// again lets the front job be handled once more.
func (b *board) again(l *lane) { b.ready <- l }
