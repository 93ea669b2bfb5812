package memory

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rate"
	"github.com/oxbow-events/oxbow/store"
)

// Memory is a [store.Driver], a [store.StreamLister], a [store.Statistician] and [store.Exclusive]. Make one with New.
type Memory struct {
	opened event.ID
	closed atomic.Bool

	mu       sync.RWMutex
	log      eventLog
	items    itemTable
	commits  []commit      // those with events, in order
	sequence uint64        // number of commits so far
	rate     rate.Minute   // of events, and of their bytes
	grown    chan struct{} // closed by the next commit with events, and by Close; nil while nobody waits
}

// New returns an empty store.
func New() *Memory { return &Memory{opened: event.NewID(), log: newEventLog(), items: itemTable{}} }

// Opened returns an id that no other Memory has: nobody else can know this one.
func (m *Memory) Opened() event.ID { return m.opened }

// usable returns why a call must end now: the store is closed, or ctx is done.
func (m *Memory) usable(ctx context.Context) error {
	if m.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Head returns the position of the newest record, 0 when there is none.
func (m *Memory) Head(ctx context.Context) (store.Position, error) {
	if err := m.usable(ctx); err != nil {
		return 0, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.log.head(), nil
}

// Wait returns the head as soon as it is after the given position.
func (m *Memory) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	for {
		head, grown, err := m.headOrGrown(ctx, after)
		if err != nil || head > after {
			return head, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
		}
	}
}

// headOrGrown returns the head and, when it is not after the position, what is closed once there is more.
func (m *Memory) headOrGrown(ctx context.Context, after store.Position) (store.Position, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return 0, nil, err
	}
	head := m.log.head()
	if head <= after && m.grown == nil {
		m.grown = make(chan struct{})
	}
	return head, m.grown, nil
}

// wake ends every Wait. The caller holds the lock.
func (m *Memory) wake() {
	if m.grown != nil {
		close(m.grown)
		m.grown = nil
	}
}

// Close ends calls under way with store.ErrClosed and forgets everything.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed.Store(true)
	m.wake()
	m.log, m.items, m.commits = newEventLog(), itemTable{}, nil
	return nil
}
