package bus

// Pause holds a subscription until Resume. What its handler is at, goes on, and an event that is just being taken may still be
// handled; after that, none is. Meanwhile
//
//   - a sync subscription is passed over: its events are counted as Skipped and are not delivered later;
//   - a queue fills up and then does what it does when it is full, so that with Block publishers wait;
//   - readers of a feed wait, and the ring goes on turning.
//
// Closing and draining, of the subscription or the bus, end a pause: they would otherwise wait for a Resume that may never come.
// Pausing what is paused, closed or closing does nothing. Handlers may pause any subscription, their own too. [Bus.Idle] does not wait
// for what waits in a paused queue.
func (s *Subscription) Pause() {
	switch {
	case s.queue != nil:
		s.queue.pause()
	case s.broadcast != nil:
		s.broadcast.pause()
	case s.bus.phase.Load() == open:
		s.paused.Store(true)
	}
}

// Resume ends a pause. Resuming what is not paused does nothing.
func (s *Subscription) Resume() {
	switch {
	case s.queue != nil:
		s.queue.resume()
	case s.broadcast != nil:
		s.broadcast.resume()
	default:
		s.paused.Store(false)
	}
}

func (q *queue) pause() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.stopped && q.sub.bus.phase.Load() == open {
		q.paused.Store(true)
	}
}

func (q *queue) resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.paused.Store(false)
	for q.staff() {
	}
}
