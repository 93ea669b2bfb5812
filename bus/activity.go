package bus

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/internal/spread"
)

// activity counts what is going on, and lets others wait until nothing is. It also counts how much ended well.
//
// Processors that count in the same place slow each other down, so from the moment at which two of them meet, the counts are spread
// over several places. Each only grows, and what ended is read before what began: when the sums are equal, nothing went on in between.
type activity struct {
	waited atomic.Bool // somebody may be waiting
	others atomic.Pointer[[spread.Ways]stripe]
	first  stripe // the only one until then

	mu   sync.Mutex
	idle chan struct{} // closed when nothing is going on; nil while nobody waits
}

// stripe is one place for counts, on a cache line of its own when there are several.
type stripe struct {
	begun, ended, well atomic.Uint64
	_                  [64 - 3*8]byte
}

func (a *activity) begin() {
	s := a.stripe()
	n := s.begun.Load()
	if s.begun.CompareAndSwap(n, n+1) {
		return
	}
	s.begun.Add(1)
	if a.others.Load() == nil {
		a.others.CompareAndSwap(nil, new([spread.Ways]stripe))
	}
}

func (a *activity) end() {
	a.stripe().ended.Add(1)
	if a.waited.Load() {
		a.wake()
	}
}

// well counts one thing that ended well.
func (a *activity) well() { a.stripe().well.Add(1) }

func (a *activity) stripe() *stripe {
	others := a.others.Load()
	if others == nil {
		return &a.first
	}
	return &others[spread.Pick()]
}

// count returns how many things are going on, 0 only if there was a moment since the call when nothing was.
func (a *activity) count() int {
	ended := a.sum(func(s *stripe) uint64 { return s.ended.Load() })
	return int(a.sum(func(s *stripe) uint64 { return s.begun.Load() }) - ended)
}

func (a *activity) sum(of func(*stripe) uint64) uint64 {
	total := of(&a.first)
	if others := a.others.Load(); others != nil {
		for i := range others {
			total += of(&others[i])
		}
	}
	return total
}

// endedWell returns how much ended well so far.
func (a *activity) endedWell() uint64 { return a.sum(func(s *stripe) uint64 { return s.well.Load() }) }

// wake looks again under the lock: whoever came to wait after the moment of rest that end saw must have its own.
func (a *activity) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.idle == nil || a.count() != 0 {
		return
	}
	close(a.idle)
	a.idle = nil
	a.waited.Store(false)
}

// wait returns nil at a moment when nothing is going on, or the error of ctx.
func (a *activity) wait(ctx context.Context) error {
	a.mu.Lock()
	if a.idle == nil {
		a.idle = make(chan struct{})
		a.waited.Store(true)
	}
	idle := a.idle
	a.mu.Unlock()
	a.wake()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-idle: // both were so: rest counts
		return nil
	default:
		return ctx.Err()
	}
}
