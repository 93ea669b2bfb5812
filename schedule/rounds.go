package schedule

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

// rounds tells those who wait that something has been fired.
type rounds struct {
	mu     sync.Mutex
	firing bool
	over   chan struct{} // closed and replaced at the end of each round
}

func (r *rounds) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.firing = true
}

func (r *rounds) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.firing = false
	close(r.over)
	r.over = make(chan struct{})
}

// next returns what is closed at the end of the next round, and whether that has begun.
func (r *rounds) next() (over <-chan struct{}, firing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over, r.firing
}

// WaitFor returns when all that was due when it was called has been fired, by whichever scheduler of the store, and when this one's Committer
// is done with what it fired; what is due later is not waited for. The position, which is what consumers wait for, does not matter: whoever waits for what a firing leads to looks for the
// store's head again afterwards.
func (s *Scheduler) WaitFor(ctx context.Context, _ store.Position) error {
	until := dueTime(s.now()) + "0" // after the keys of this very time
	for {
		over, _ := s.rounds.next()
		none, err := s.nothingBefore(ctx, until)
		if err != nil {
			return err
		}
		if none {
			return s.rounds.rest(ctx)
		}
		timer := time.NewTimer(s.cfg.Poll) // another scheduler may fire it
		select {
		case <-over:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// rest returns at the end of a round that has begun: what is stored may still be on its way to subscriptions.
func (r *rounds) rest(ctx context.Context) error {
	over, firing := r.next()
	if !firing {
		return nil
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Scheduler) nothingBefore(ctx context.Context, until string) (bool, error) {
	for _, err := range s.store.List(ctx, DueBucket, "", until) {
		return false, err
	}
	return true, nil
}

// counts are what Stats tells.
type counts struct {
	fired, commits, conflicts, halted atomic.Uint64
}

// Stats counts what a scheduler has done since it was made.
type Stats struct {
	Held      int    `json:"held"`      // schedules in memory
	Fired     uint64 `json:"fired"`     // events
	Commits   uint64 `json:"commits"`   // that they were in
	Conflicts uint64 `json:"conflicts"` // commits that somebody else was faster than
	Halted    uint64 `json:"halted"`    // schedules that could not be fired
}

// Stats returns what this scheduler has done.
func (s *Scheduler) Stats() Stats {
	stats := Stats{
		Fired: s.counts.fired.Load(), Commits: s.counts.commits.Load(), Conflicts: s.counts.conflicts.Load(), Halted: s.counts.halted.Load(),
	}
	if w := s.window.Load(); w != nil {
		stats.Held = w.count()
	}
	return stats
}
