package bus

// Once ends the subscription with its first delivery: however many publish at the same time, exactly one event is handled, or put into
// the queue, and the subscription closes itself. With [Where] it is the first event that the predicate wants. A queue that refuses an
// event, because the publisher's context ended while it waited, say, leaves the subscription as it was. Close and Drain handle the event
// for which others were passed over, though its publisher may still be about to put it into the queue.
func Once() Option { return func(s *settings) { s.once = true } }

// leave is stop, but for the one event that a publisher is about to put into the queue: others were passed over for it, and that publisher
// seals the subscription when it has done so.
func (s *Subscription) leave() {
	if !s.once || s.queue == nil {
		s.stop()
		return
	}
	s.bus.drop(s)
	s.cancelled.Store(true)
	s.sealUntaken()
}

// sealUntaken seals a Once whose event is not found, and has none be found any more.
func (s *Subscription) sealUntaken() {
	if s.taken.CompareAndSwap(false, true) {
		s.seal()
	}
}

// spent is a stack of subscriptions that ended by themselves. Publishing takes no lock that subscribing holds, so it leaves
// them here when it finds the lock taken, and whoever has it takes them off the bus.
type spent struct {
	sub  *Subscription
	next *spent
}

// retire takes a subscription off the bus without waiting.
func (b *Bus) retire(s *Subscription) {
	top := &spent{sub: s}
	for {
		top.next = b.spent.Load()
		if b.spent.CompareAndSwap(top.next, top) {
			break
		}
	}
	if b.mu.TryLock() {
		b.unlock()
	}
}

// unlock releases b.mu after taking off what was left to do. Whoever leaves something does so before trying the lock, and this looks
// again after releasing it: so nothing stays behind.
func (b *Bus) unlock() {
	for {
		for at := b.spent.Swap(nil); at != nil; at = at.next {
			b.dropLocked(at.sub)
		}
		b.mu.Unlock()
		if b.spent.Load() == nil || !b.mu.TryLock() {
			return
		}
	}
}
