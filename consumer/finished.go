package consumer

import (
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// finished is an errand whose jobs are done with the commit of what is in it, or not at all.
type finished struct {
	*errand
	slot    *slot            // when it has no errand
	tx      *txState         // what the handler writes; nil: nothing
	letters []parked.Letter  // to be parked
	again   *parked.Letter   // a redriven one that failed again
	unask   []parked.Request // redrives that are over
	err     error            // why letters are parked; nil when they wait behind another
}

// slots yields the slots that the commit must be of.
func (f *finished) slots(yield func(*slot) bool) {
	if f.errand == nil {
		yield(f.slot)
		return
	}
	var last *slot
	for _, l := range f.lanes {
		if l.slot != last && !yield(l.slot) {
			return
		}
		last = l.slot
	}
}

// alive reports whether all of the slots can still be committed for. The caller holds the board's lock.
func (f *finished) alive() bool {
	for s := range f.slots {
		if s.ended || s.stale || !s.lease.Held() {
			return false
		}
	}
	return true
}

// change adds what the commit does to dead letters.
func (f *finished) change(c *parked.Change) {
	c.Park = append(c.Park, f.letters...)
	c.Unask = append(c.Unask, f.unask...)
	switch {
	case f.again != nil:
		c.Again = append(c.Again, *f.again)
	case f.errand != nil:
		for _, j := range f.jobs {
			if j.letter != nil {
				c.Resolved = append(c.Resolved, *j.letter)
			}
		}
	}
}

// weight is roughly what it adds to a commit.
func (f *finished) weight() (items, events, bytes int) {
	if f.tx != nil {
		items, events = len(f.tx.items), len(f.tx.events)
		for _, w := range f.tx.items {
			bytes += len(w.Bucket) + len(w.Key) + len(w.Value)
		}
		for i := range f.tx.events {
			bytes += 1024 + len(f.tx.events[i].Data)
		}
	}
	for i := range f.letters {
		bytes += f.letters[i].Footprint()
	}
	if f.again != nil {
		bytes += f.again.Footprint()
	}
	items += 4 * len(f.letters)
	if f.errand != nil {
		items += 4 * len(f.jobs)
	}
	return items, events, bytes
}

// failedLetter returns the dead letter of a record whose attempts are spent.
func failedLetter(e *errand, err error) []parked.Letter {
	l, j := e.lanes[0], e.jobs[0]
	letter := newLetter(l, j, parked.Failed)
	letter.Attempts, letter.First, letter.Error, letter.Stack = j.attempts, j.first, err.Error(), stackOf(err)
	return []parked.Letter{letter}
}

func newLetter(l *lane, j *job, state parked.State) parked.Letter {
	now := time.Now()
	return parked.Letter{
		Record: j.record, Key: l.key, Hash: parked.HashOf(l.key), Slot: l.slot.lease.Number(), State: state, First: now, Last: now,
	}
}

// stillFailed returns a redriven letter as it is after it failed again.
func stillFailed(j *job, err error) *parked.Letter {
	letter := *j.letter
	if letter.State == parked.Waiting {
		letter.First = j.first
	}
	letter.State = parked.Failed
	letter.Attempts += j.attempts
	letter.Last, letter.Error, letter.Stack = time.Now(), err.Error(), stackOf(err)
	return &letter
}

// limits of what is joined into one commit, with room for slots and letters.
const (
	joinItems  = store.MaxItems - 2*maxSlots
	joinEvents = store.MaxEvents
	joinBytes  = store.MaxCommit / 2
)
