package consumer

import (
	"context"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// Stats says how a consumer does. What is said of the run is this process's part of the work; it is zero while Run does not run.
type Stats struct {
	Consumer string
	Paused   bool
	Position store.Position // up to which all is handled, parked or skipped
	Head     store.Position // of the store
	Lag      uint64         // records that are known not to be done, and positions that are not read yet
	LagTime  time.Duration  // the age of the oldest record that is not done; 0 when there is none
	Parked   uint64         // dead letters, those that wait included
	Failed   uint64         // of these, those that do not wait behind another

	Running     bool
	Pending     int     // records in memory
	Retrying    int     // records that wait for their next attempt
	PerSecond   float64 // records done, on average over the last minute
	LastFailure Failure // the last attempt that failed; zero when none did

	Slots   int      // in all; 0 when the consumer never ran
	Held    int      // that this run has
	Members []Member // the runs that share the consumer
}

// Failure is an attempt that failed.
type Failure struct {
	At       time.Time
	Position store.Position // of the record
	Type     string
	Stream   string
	Attempt  int
	Err      error
}

// Member is one run of a consumer.
type Member struct {
	ID    string
	Note  string // host and process
	Self  bool   // it is the run of this process's Consumer
	Slots int    // how many it has
}

// Stats returns how the consumer does now.
func (c *Consumer) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Consumer: c.name}
	var err error
	if s.Head, err = c.store.Head(ctx); err != nil {
		return s, err
	}
	count, err := parked.LoadCount(ctx, c.store, c.name)
	if err != nil {
		return s, err
	}
	s.Parked, s.Failed = count.Letters, count.Failed
	view, err := lease.Look(ctx, c.store, Bucket, c.name)
	if err != nil {
		return s, fmt.Errorf("consumer %s: %w", c.name, err)
	}
	r, _ := c.current()
	s.share(r, view)
	if view.Settings.Data == nil {
		s.Lag = uint64(s.Head)
		return s, nil
	}
	if err := s.measure(ctx, c, r, view); err != nil {
		return s, err
	}
	return s, s.age(ctx, c)
}

// share fills in who shares the work.
func (s *Stats) share(r *run, view lease.View) {
	s.Slots, s.Paused = view.Settings.Slots, view.Settings.Paused
	self := r.member()
	for _, m := range view.Members {
		s.Members = append(s.Members, Member{m.ID, m.Note, m.ID == self, m.Slots})
	}
}

// measure fills in how far the slots are: those that are held here as they are, others as they were saved.
func (s *Stats) measure(ctx context.Context, c *Consumer, r *run, view lease.View) error {
	saved, err := savedIn(c.name, view)
	if err != nil {
		return err
	}
	here, read, held := s.Head, store.Position(0), make([]bool, len(saved))
	if r != nil {
		here, read = r.board.describe(s, held)
	}
	open, err := c.firstOpen(ctx, saved, func(slot int) bool { return held[slot] }, s.Head)
	if err != nil {
		return err
	}
	s.Position = min(here, open-1, s.Head)
	if s.Held < s.Slots {
		read = s.Position
	}
	s.Lag = uint64(s.Pending) + uint64(max(s.Head, read)-read)
	if s.Position == s.Head {
		s.Lag = 0
	}
	return nil
}

// member returns the id of the run among those that share the consumer; "" when there is none.
func (r *run) member() string {
	if r == nil {
		return ""
	}
	if leases := r.lease(); leases != nil {
		for _, m := range leases.Members() {
			if m.Self {
				return m.ID
			}
		}
	}
	return ""
}

// age finds out how old the oldest record is that is not done.
func (s *Stats) age(ctx context.Context, c *Consumer) error {
	if s.Position >= s.Head {
		return nil
	}
	filters, err := c.routes.storeFilters(c.store.Registry())
	if err != nil {
		return err
	}
	for rec, err := range c.store.Read(ctx, store.Query{Any: filters, After: s.Position, Before: s.Head + 1, Limit: 1}) {
		if err != nil {
			return err
		}
		s.LagTime = max(0, time.Since(rec.Time))
	}
	return nil
}

// describe fills in what the run knows, and returns up to where the slots that it holds are done, and how far the reader came.
func (b *board) describe(s *Stats, held []bool) (reached, read store.Position) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meter()
	s.Running, s.Paused = true, b.paused
	s.Pending, s.Retrying, s.LastFailure, s.Held = b.pending, b.retrying, b.failure, b.held
	s.PerSecond, _ = b.rate.PerSecond(time.Now())
	for n, slot := range b.slots {
		held[n] = slot != nil
	}
	return b.reached(), b.at
}

// meter counts what was done since the last time.
func (b *board) meter() {
	if n := b.count - b.counted; n > 0 {
		b.rate.Add(time.Now(), n, 0)
		b.counted = b.count
	}
}
