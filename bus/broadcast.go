package bus

import (
	"cmp"
	"sync"
	"sync/atomic"
)

// broadcast is the ring of a feed. Events are numbered as they come; the one with number n is in slots[n % size].
type broadcast struct {
	sub  *Subscription
	size int

	// Changed with the lock held, and read without it by readers that look whether it is worth taking.
	tail   atomic.Uint64 // the number of the next event
	paused atomic.Bool

	unfit atomic.Uint64 // handed out, but the data could not be converted

	mu                sync.Mutex
	slots             []parcel // grows to size
	closed            bool
	readers           map[*reader]struct{}
	news              chan struct{} // closed for readers that wait; nil while none does
	delivered, missed uint64        // by readers that have ended, and in batches before the last one of the others
}

func newBroadcast(s *Subscription, r Ring) *broadcast {
	return &broadcast{sub: s, size: cmp.Or(r.Size, defaultSize), readers: map[*reader]struct{}{}}
}

// put takes the event, and leaves out the oldest if need be. A closed feed takes nothing, as if it were not there.
func (b *broadcast) put(p parcel) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	tail := b.tail.Load()
	if len(b.slots) < b.size {
		b.slots = append(b.slots, p)
	} else {
		b.slots[tail%uint64(b.size)] = p
	}
	b.tail.Store(tail + 1)
	if b.paused.Load() {
		b.mu.Unlock()
		return
	}
	b.tell()
}

// tell unlocks b, and wakes the readers that wait.
func (b *broadcast) tell() {
	news := b.news
	b.news = nil
	b.mu.Unlock()
	if news != nil {
		close(news)
	}
}

// await returns what is closed when there is something new. The caller holds b.mu.
func (b *broadcast) await() <-chan struct{} {
	if b.news == nil {
		b.news = make(chan struct{})
	}
	return b.news
}

// position returns the number of the next event.
func (b *broadcast) position() uint64 { return b.tail.Load() }

// oldest returns the number of the oldest event in the ring. The caller holds b.mu.
func (b *broadcast) oldest() uint64 { return b.tail.Load() - uint64(len(b.slots)) }

func (b *broadcast) pause() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.sub.bus.phase.Load() == open {
		b.paused.Store(true)
	}
}

func (b *broadcast) resume() {
	b.mu.Lock()
	b.paused.Store(false)
	b.tell()
}

// close takes no more events. Readers end when they have read what is in the ring.
func (b *broadcast) close() {
	b.mu.Lock()
	b.closed = true
	b.paused.Store(false)
	b.tell()
}

func (b *broadcast) addTo(stats *Stats) {
	b.mu.Lock()
	defer b.mu.Unlock()
	unfit, handed := b.unfit.Load(), b.delivered // in this order: what is unfit has been handed out
	for r := range b.readers {
		handed += uint64(r.handed.Load())
		stats.Depth = max(stats.Depth, r.depth())
		if oldest := r.oldest(); oldest != nil {
			stats.Lag = max(stats.Lag, age(oldest))
		}
	}
	stats.Delivered, stats.Missed, stats.Running = handed-unfit, b.missed, len(b.readers)
	stats.Capacity, stats.Paused = b.size, b.paused.Load()
}
