package bus

import (
	"context"
	"runtime"
	"sync/atomic"
)

// reader is one iteration over a feed. It copies events from the ring to its batch, many at a time, and hands them out one by one
// without a lock.
type reader struct {
	of     *broadcast
	at     uint64       // the number of the event behind the batch
	batch  [64]parcel   // changed with the lock of the feed held
	filled int          // how many batch holds
	handed atomic.Int64 // how many of them were handed out
}

// begin returns a reader that reads from the event with the given number on.
func (b *broadcast) begin(from uint64) *reader {
	b.sub.active.begin()
	r := &reader{of: b, at: from}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers[r] = struct{}{}
	return r
}

// end forgets the reader. What it has not read, it has no more interest in.
func (r *reader) end() {
	b := r.of
	b.mu.Lock()
	r.settle()
	delete(b.readers, r)
	b.mu.Unlock()
	b.sub.active.end()
}

// settle counts what was handed out of the batch and empties it. The caller holds the lock.
func (r *reader) settle() {
	r.of.delivered += uint64(r.handed.Load())
	clear(r.batch[:r.filled])
	r.filled = 0
	r.handed.Store(0)
}

// next returns the next event, or how many it has missed. It waits until there is something. When it returns nothing at all, the feed
// is closed and has no more.
func (r *reader) next(ctx context.Context) (p parcel, missed uint64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if p := r.unpack(); p != nil {
			return p, 0, nil
		}
		r.linger()
		missed, news := r.fetch()
		switch {
		case news != nil:
			select {
			case <-news:
			case <-ctx.Done():
			}
		case missed > 0 || r.filled == 0:
			return nil, missed, nil
		}
	}
}

// unpack returns the next event of the batch, if there is one and the feed is not paused.
func (r *reader) unpack() parcel {
	i := r.handed.Load()
	if i >= int64(r.filled) || r.of.paused.Load() {
		return nil
	}
	r.handed.Store(i + 1)
	return r.batch[i]
}

// linger gives way to other goroutines a few times while there is nothing to fetch. It is cheaper to find something then than to be woken.
func (r *reader) linger() {
	for turn := 0; turn < patience && r.of.tail.Load() == r.at; turn++ {
		runtime.Gosched()
	}
}

// fetch fills the batch, when all of it has been handed out. It tells how many events are gone that should have been in it. If there
// are none, news is closed when it is time to come again, or is nil when there will be none.
func (r *reader) fetch() (missed uint64, news <-chan struct{}) {
	b := r.of
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused.Load() {
		return 0, b.await()
	}
	if int(r.handed.Load()) < r.filled { // it was paused before the batch was handed out
		return 0, nil
	}
	r.settle()
	if missed = r.skip(); missed > 0 {
		return missed, nil
	}
	for tail := b.tail.Load(); r.at < tail && r.filled < len(r.batch); r.at++ {
		r.batch[r.filled] = b.slots[r.at%uint64(b.size)]
		r.filled++
	}
	if r.filled > 0 || b.closed {
		return 0, nil
	}
	return 0, b.await()
}

// skip goes on to the oldest event in the ring, and counts what lies between. The caller holds the lock.
func (r *reader) skip() (missed uint64) {
	oldest := r.of.oldest()
	if r.at >= oldest {
		return 0
	}
	missed, r.at = oldest-r.at, oldest
	r.of.missed += missed
	return missed
}

// depth returns how many events there still are for the reader. The caller holds the lock.
func (r *reader) depth() int {
	return r.filled - int(r.handed.Load()) + int(r.of.tail.Load()-max(r.at, r.of.oldest()))
}

// oldest returns the first of those, or nil. The caller holds the lock.
func (r *reader) oldest() parcel {
	b := r.of
	if i := int(r.handed.Load()); i < r.filled {
		return r.batch[i]
	}
	if at := max(r.at, b.oldest()); at < b.tail.Load() {
		return b.slots[at%uint64(b.size)]
	}
	return nil
}
