package bus

import "time"

// Stats are counts since the subscription began, and how things stand now. Every event that was offered is in one of the counts,
// waits, or is just being handled. For a feed they are those of all its readers, each of which gets every event.
type Stats struct {
	Delivered uint64 // handled without an error; of a feed: handed to a reader
	Failed    uint64 // the handler returned an error or panicked, or the data could not be converted for it
	Dropped   uint64 // lost to a full queue by its policy, or in the queue when that was cancelled
	Refused   uint64 // not put into the queue, and its publisher was told so
	Skipped   uint64 // not delivered to a sync subscription because it was paused
	Missed    uint64 // no longer in a feed's ring when a reader came for it, and the reader was told so

	Depth    int           // waiting in the queue; of a feed: for the reader that is furthest behind
	Capacity int           // how many may wait: the size of the queue or the ring; 0 for a sync subscription
	Running  int           // handlers that run; of a feed: readers
	Lag      time.Duration // how long ago the event that waits longest happened (its Time); 0 when none waits
	Paused   bool
}

// Stats returns the counts. It holds up publishers and workers no longer than one event does.
func (s *Subscription) Stats() Stats {
	stats := Stats{
		Delivered: s.active.endedWell(), Failed: s.failed.Load(), Skipped: s.skipped.Load(),
		Running: s.running(), Paused: s.paused.Load(),
	}
	switch {
	case s.queue != nil:
		s.queue.addTo(&stats)
	case s.broadcast != nil:
		s.broadcast.addTo(&stats)
	}
	return stats
}

// running returns how many handlers run, or readers.
func (s *Subscription) running() int {
	if s.queue != nil {
		return s.queue.running()
	}
	return s.active.count()
}

func (q *queue) running() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.workers - q.looking
}

func (q *queue) addTo(stats *Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats.Dropped, stats.Refused = q.dropped, q.refused
	stats.Depth, stats.Capacity = q.backlog.size(), q.Size
	stats.Paused = q.paused.Load()
	if oldest := q.backlog.oldest(); oldest != nil {
		stats.Lag = age(oldest)
	}
}

// age is how long ago p happened. One that says it happens in the future has just happened.
func age(p parcel) time.Duration { return max(0, time.Since(p.metadata().Time)) }

// Summary tells what a subscription is and how it is doing.
type Summary struct {
	Name      string
	EventType string // what it listens to, or empty:
	Pattern   string // the topics it listens to
	Mode      string // how it gets events: "sync", "queued" or "broadcast"
	Stats     Stats
}

// Subscriptions tells about all subscriptions that are not closed, in order of subscription; also about those that are being closed or
// drained and have something to handle. A slow one is found by its Depth, Lag, Dropped and Missed.
func (b *Bus) Subscriptions() []Summary {
	var summaries []Summary
	for _, s := range b.all() {
		summaries = append(summaries, Summary{
			Name: s.name, EventType: s.eventType, Pattern: s.pattern.String(), Mode: s.mode(), Stats: s.Stats(),
		})
	}
	return summaries
}

func (s *Subscription) mode() string {
	switch {
	case s.queue != nil:
		return "queued"
	case s.broadcast != nil:
		return "broadcast"
	}
	return "sync"
}
