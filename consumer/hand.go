package consumer

import (
	"sync/atomic"
	"time"
)

// hand is what a worker took from the board: errands with which it begins one after the other, without the board's lock. Meanwhile others
// count those that it has handled, and take back those with which it has not begun, so that nothing waits for a slow one. Errands are
// numbered in the order in which they are begun with; number i stands at i % maxHand.
type hand struct {
	errands [maxHand]*errand
	left    [maxHand]bool // the errand is no longer the worker's

	open    atomic.Uint64 // the number of the next errand, and in the upper half, of the one behind the last
	handled atomic.Uint32 // how many the worker was ever through with

	// What follows is written under the board's lock.
	size    uint32        // how many errands it had when it was filled
	counted uint32        // of those handled, how many the board knows of
	seen    uint64        // open, when somebody looked last
	taken   time.Time     // when it was filled
	before  uint32        // handled, at that time
	pace    time.Duration // how long an errand takes, or took not long ago
}

const (
	maxHand  = 32
	handTime = 200 * time.Microsecond // after which a worker goes to the board, and waits for the lock if it must
)

// split returns the number of the next errand and of the one behind the last.
func split(open uint64) (next, end uint32) { return uint32(open), uint32(open >> 32) }

func (h *hand) set(next, end uint32) { h.open.Store(uint64(end)<<32 | uint64(next)) }

// begin returns the place of the next errand, if there is one.
func (h *hand) begin() (i uint32, ok bool) {
	for {
		was := h.open.Load()
		next, end := split(was)
		if next == end {
			return 0, false
		}
		if h.open.CompareAndSwap(was, uint64(end)<<32|uint64(next+1)) {
			return next % maxHand, true
		}
	}
}

// end notes that the worker is through with the errand with which it began.
func (h *hand) end(i uint32, left bool) {
	h.left[i] = left
	h.handled.Add(1)
}

// low reports whether there is something in the hand, and room for more.
func (h *hand) low() bool {
	next, end := split(h.open.Load())
	return next != end && end-next <= h.size/2
}

// late reports whether the worker was not at the board for long.
func (h *hand) late() bool { return time.Since(h.taken) > handTime }

// enter makes the hand of a new worker known.
func (b *board) enter() *hand {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &hand{pace: handTime} // one errand, until it is known how long they take
	b.hands = append(b.hands, h)
	return h
}

// next fills a hand. It waits for something to do. It is not ok when the board is closed.
func (b *board) next(h *hand, batch int) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.visit(h)
	b.takeBack(h)
	for !b.closed {
		if b.take(h, batch) {
			return true
		}
		if b.gather(); b.workable() {
			continue
		}
		b.idle++
		b.work.Wait()
		b.idle--
		h.taken = time.Now()
	}
	return false
}

// topUp fills a hand that is low, unless somebody else is at the board: then there is something to do meanwhile.
func (b *board) topUp(h *hand, batch int) {
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	b.visit(h)
	b.take(h, batch)
}

// visit is what a worker does at the board first: what it was through with counts, and it looks at what others are doing.
func (b *board) visit(h *hand) {
	now, handled := time.Now(), h.handled.Load()
	if n := handled - h.before; n > 0 {
		h.pace = max(now.Sub(h.taken)/time.Duration(n), h.pace/2)
	}
	h.taken, h.before = now, handled
	b.tally(h)
	b.lookAtOne()
}

// take fills a hand, if there is anything to do: with the worker's share of what is ready, as far as that does not take long.
func (b *board) take(h *hand, batch int) bool {
	share := b.ready.len() / len(b.hands)
	if h.pace > 0 {
		share = min(share, int(handTime/h.pace))
	}
	share = max(1, min(share, maxHand))
	next, end := split(h.open.Load())
	for single := true; single && int(end-next) < share && b.workable(); {
		l := b.ready.pop()
		if !l.slot.usable() {
			continue // whoever ends the slot throws the lane away
		}
		i := end % maxHand
		if h.errands[i] == nil || h.left[i] {
			h.errands[i], h.left[i] = &errand{}, false
		}
		e := h.errands[i]
		e.clear()
		b.fill(e, l, batch)
		single = len(e.jobs) == 1 && !e.behind
		end++
	}
	b.tellReader()
	h.size = end - next
	h.set(next, end)
	return end != next
}

// workable reports whether there may be something to hand out.
func (b *board) workable() bool { return !b.paused && !b.halted && b.ready.len() > 0 }

// tally takes note of what a worker is through with.
func (b *board) tally(h *hand) {
	for handled := h.handled.Load(); h.counted != handled; h.counted++ {
		if i := h.counted % maxHand; !h.left[i] {
			b.doneLocked(h.errands[i])
		}
	}
}

// takeBack lets lanes go on with which a worker has not begun, and now will not.
func (b *board) takeBack(h *hand) {
	for {
		was := h.open.Load()
		next, end := split(was)
		if next == end {
			return
		}
		if h.open.CompareAndSwap(was, uint64(next)<<32|uint64(next)) {
			for ; next != end; next++ {
				b.undo(h.errands[next%maxHand])
			}
			return
		}
	}
}

// gather leaves each worker only what it is at.
func (b *board) gather() {
	for _, h := range b.hands {
		b.tally(h)
		b.takeBack(h)
	}
}

// lookAtOne looks at one worker after the other, and takes back what one has that is at the same errand as the last time.
func (b *board) lookAtOne() {
	b.watched = (b.watched + 1) % len(b.hands)
	h := b.hands[b.watched]
	b.tally(h)
	if open := h.open.Load(); open == h.seen {
		b.takeBack(h)
	} else {
		h.seen = open
	}
}
